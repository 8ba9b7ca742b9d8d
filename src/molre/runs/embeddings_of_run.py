"""The embeddings of a run: what the head of its model was given for each scan."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from molre.embedding.cache import EmbeddingCache, cache_folder, is_cache
from molre.errors import MolreError
from molre.runs.folder import RunFolder


def open_embeddings(
    run: RunFolder, manifest: Mapping[str, Any], cohort: Path, *, adapted: bool
) -> EmbeddingCache:
    """A run's own, where its backbone was adapted, or else those of its cohort.

    Args:
        run: the RUN folder.
        manifest: of the run.
        cohort: its folder, wherever it is now.
        adapted: whether the run's model has anything trained inside of its backbone.

    Raises:
        MolreError: they are gone.
    """
    folder = run.embeddings
    if not (adapted and folder.is_dir()):
        folder = cache_folder(cohort, str(manifest.get("embeddings") or ""))
    if not is_cache(folder):
        raise MolreError(f"the embeddings {folder.name} are not available (`molre embed`)")
    return EmbeddingCache(folder)
