"""The embeddings a run needs, made by its processes together."""

from __future__ import annotations

from dataclasses import dataclass

from molre.backbones.backbone import Backbone
from molre.cohort.cohort import Cohort
from molre.embedding.cache import EmbeddingCache
from molre.embedding.embed import embed, open_cache
from molre.shard import Shard
from molre.training.parallel.distributed import ALONE, Ranks
from molre.training.parallel.launcher_env import launcher_env
from molre.workers.count import processes


@dataclass(frozen=True)
class Embedder:
    """The processes of a run as they embed its cohort.

    Attributes:
        cohort: its chosen series.
        device: torch device.
        workers: processes that each rank starts; the machine's cores, shared, by default.
        ranks: the processes that train together.
    """

    cohort: Cohort
    device: str = "cpu"
    workers: int | None = None
    ranks: Ranks = ALONE

    def embed(self, backbone: Backbone, device: str | None = None) -> EmbeddingCache:
        """Embed what the cohort lacks, each rank its shard of the scans.

        Args:
            backbone: frozen, or what comes before a block.
            device: where not the one of the run.

        Returns:
            the whole cache.
        """
        cohort, shard = self.cohort, Shard(self.ranks.rank + 1, self.ranks.world)
        workers = self.workers
        if workers is None:
            workers = max(1, processes(None) // launcher_env().local_world)
        cache = embed(
            cohort.path, backbone, device=device or self.device, workers=workers, shard=shard
        ).cache
        if self.ranks.world == 1:
            return cache
        self.ranks.barrier()
        return open_cache(cohort, backbone)  # with what the others have written
