"""Benchmarks that are predefined by name. A dict; a YAML file of your own has the same keys.

What a preset leaves out is the default: seeds of BenchmarkConfig, all else of TrainConfig.
"""

from __future__ import annotations

from typing import Any

from molre.training.presets import PRESETS as RUN_PRESETS

PRESETS: dict[str, dict[str, Any]] = {
    # The six slots of the paper's table, every arm that is valid, both placements, three seeds.
    "paper": {
        "name": "paper",
        "backbones": [
            {"backbone": "dinov3_base", "slot": "2D general"},
            {"backbone": "dinov3_large", "slot": "2D general, large"},
            {"backbone": "medimageinsight", "slot": "2D medical"},
            {"backbone": "medgemma", "slot": "2D medical, largest"},
            {"backbone": "hlip_headct", "slot": "3D head CT"},
            {"backbone": "small3d", "slot": "3D small"},
        ],
        "placements": {
            "slice": {"arms": "all"},
            "blocks": {"arms": "all"},
        },
        "settings": RUN_PRESETS["paper"],
    },
    # Does everything run? Three small backbones; slice arms to convergence, blocks for a moment.
    "smoke": {
        "name": "smoke",
        "backbones": [
            {"backbone": "efficientnet_lite0", "slot": "2D, the offline default"},
            {"backbone": "hf:WEIGHTS_DIR", "slot": "2D, a transformer of yours"},
            {"backbone": "small3d", "slot": "3D, from scratch"},
        ],
        "placements": {
            "slice": {"arms": "all", "learning_rates": [1e-3, 3e-3]},
            "blocks": {
                "arms": "all",
                "studies": 60,
                "slices": 8,
                "learning_rates": [1e-3],
                "max_epochs": 3,
                "seeds": [0],
                "settings": {"prefix_cache": "auto"},
            },
        },
        "seeds": [0, 1],
        "max_steps": 1000,
        "patience_steps": 200,
    },
}
