"""The embeddings a run needs, made by its processes together."""

from __future__ import annotations

import multiprocessing

from molre.backbones.backbone import Backbone
from molre.cohort.cohort import Cohort
from molre.embedding.cache import EmbeddingCache
from molre.embedding.embed import embed, open_cache
from molre.training.parallel.distributed import Ranks
from molre.training.parallel.launcher_env import launched


def embed_together(
    cohort: Cohort, backbone: Backbone, ranks: Ranks, *, device: str, workers: int | None
) -> EmbeddingCache:
    """Embed what a cohort lacks, each process its share of the scans.

    Args:
        cohort: its chosen series.
        backbone: frozen, or what comes before a block.
        ranks: the processes.
        device: torch device.
        workers: processes that each of them starts; the machine's cores, shared, by default.

    Returns:
        the whole cache.
    """
    if workers is None:
        workers = max(1, multiprocessing.cpu_count() // launched().local_world)
    shard = (ranks.rank, ranks.world)
    cache = embed(cohort.path, backbone, device=device, workers=workers, shard=shard)
    if ranks.world == 1:
        return cache
    ranks.wait()
    return open_cache(cohort, backbone)  # with what the others have written
