"""Settings of a run by name. A dict; what a preset leaves out is the default."""

from __future__ import annotations

from typing import Any

PRESETS: dict[str, dict[str, Any]] = {
    # Yoo et al., arXiv 2603.00675: six experts of rank 8, gates that average them (alpha = r).
    # The default has the same rank and a gate for each rank, and adds the experts up.
    "paper": {"num_experts": 6, "r": 8, "alpha": 8.0},
}
