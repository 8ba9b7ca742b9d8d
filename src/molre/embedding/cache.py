"""The embedding cache: slice embeddings in safetensors shards, mapped when read.

    COHORT/embeddings/<backbone>-<key>/
      key.json           what the key was made of
      <hash>.safetensors about 64 scans each, float16 (S', D) under the scan's content hash
      index.parquet      content_hash, shard, sha256, source (slice index of each embedding)
      index.sha256       of the index, which is rebuilt from the shards where they disagree

A shard appears whole or not at all. The index can be rebuilt from the shards, so a run killed at
any moment loses at most the shard in the making. A shard's hash is checked when it is first read.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor

from molre import files
from molre.errors import MolreError

SHARD_SCANS = 64
SHARD_BYTES = 256 * 2**20  # tokens are large
CODE_VERSION = 1  # raise when pixels or embeddings change for the same contract and weights
SCHEMA: dict[str, Any] = {
    "content_hash": pl.String,
    "shard": pl.String,
    "sha256": pl.String,
    "source": pl.List(pl.Int32),
}


def cache_folder(cohort: Path, name: str) -> Path:
    """Where a cohort's cache of this name is, or would be."""
    return cohort / "embeddings" / name


def is_cache(folder: Path) -> bool:
    """Whether there are embeddings in a folder, the index lost or not."""
    return (folder / "index.parquet").is_file() or any(folder.glob("*.safetensors"))


@dataclass(frozen=True)
class _Entry:
    shard: str
    sha256: str
    source: list[int]


class EmbeddingCache:
    """Slice embeddings of many scans for one backbone and contract.

    Args:
        folder: made if absent.
        key: what its name was made of, kept beside the shards.
    """

    def __init__(self, folder: Path, key: dict[str, Any] | None = None):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        if key is not None and not (folder / "key.json").is_file():
            files.write_text(folder / "key.json", json.dumps(key, indent=2) + "\n")
        self._pending: dict[str, tuple[Tensor, list[int]]] = {}
        self._open: dict[str, Any] = {}
        self._entries = self._read_index()
        self._adopt()

    def __contains__(self, content_hash: str) -> bool:
        """Whether a scan's embeddings are there."""
        return content_hash in self._entries or content_hash in self._pending

    def __len__(self) -> int:
        """Number of scans."""
        return len(self._entries) + len(self._pending)

    @property
    def name(self) -> str:
        """The folder's name, which tells backbone, contract and code version apart."""
        return self.folder.name

    def get(self, content_hash: str) -> Tensor:
        """Embeddings float16 (S', D) of a scan, mapped from disk.

        Raises:
            KeyError: not there.
            MolreError: the shard is damaged.
        """
        if content_hash in self._pending:
            return self._pending[content_hash][0]
        entry = self._entries[content_hash]
        if entry.shard not in self._open:
            self._open[entry.shard] = self._checked(entry)
        return self._open[entry.shard].get_tensor(content_hash)

    def index(self, content_hash: str) -> np.ndarray:
        """Int (S',): the slice of the series in the middle of each embedded slab."""
        if content_hash in self._pending:
            return np.array(self._pending[content_hash][1])
        return np.array(self._entries[content_hash].source)

    def put(self, content_hash: str, embeddings: Tensor, source: np.ndarray) -> None:
        """Add a scan; it is on disk after the next :meth:`flush`, at the latest."""
        self._pending[content_hash] = (embeddings.half().contiguous(), [int(i) for i in source])
        pending = sum(tensor.nbytes for tensor, _ in self._pending.values())
        if len(self._pending) >= SHARD_SCANS or pending > SHARD_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what is pending as one shard, and the index."""
        from safetensors.torch import save

        if not self._pending:
            return
        sources = {k: source for k, (_, source) in self._pending.items()}
        tensors = {k: tensor for k, (tensor, _) in self._pending.items()}
        blob = save(tensors, metadata={"source": json.dumps(sources)})
        sha256 = hashlib.sha256(blob).hexdigest()
        shard = f"{sha256[:24]}.safetensors"
        files.write_bytes(self.folder / shard, blob)
        self._entries |= {k: _Entry(shard, sha256, source) for k, source in sources.items()}
        self._pending = {}
        self._write_index()

    def drop_damaged(self) -> list[str]:
        """Check every shard's hash; forget and remove the damaged ones, naming them."""
        sums = {e.shard: e.sha256 for e in self._entries.values()}
        bad = [s for s, sha256 in sums.items() if not self._intact(s, sha256)]
        if bad:
            self._entries = {k: e for k, e in self._entries.items() if e.shard not in bad}
            for shard in bad:
                self._open.pop(shard, None)
                (self.folder / shard).unlink(missing_ok=True)
            self._write_index()
        return bad

    def _intact(self, shard: str, sha256: str) -> bool:
        path = self.folder / shard
        return path.is_file() and files.sha256(path) == sha256

    def _checked(self, entry: _Entry) -> Any:
        from safetensors import safe_open

        path = self.folder / entry.shard
        if not self._intact(entry.shard, entry.sha256):
            raise MolreError(
                "an embedding shard is damaged or gone",
                where=path,
                fix="run `molre embed` again; it rebuilds that shard",
            )
        return safe_open(path, "pt")

    def _read_index(self) -> dict[str, _Entry]:
        """The index; empty where it is absent or not what was written: the shards rebuild it."""
        try:
            blob = (self.folder / "index.parquet").read_bytes()
            wanted = (self.folder / "index.sha256").read_bytes()
        except OSError:
            return {}
        if hashlib.sha256(blob).hexdigest().encode() != wanted:
            return {}
        rows = pl.read_parquet(blob).select(list(SCHEMA)).iter_rows()
        return {h: _Entry(shard, sha256, source) for h, shard, sha256, source in rows}

    def _adopt(self) -> None:
        """Take in shards that the index does not know (a run was killed in between)."""
        from safetensors import SafetensorError, safe_open

        known, found = {e.shard for e in self._entries.values()}, False
        for path in sorted(self.folder.glob("*.safetensors")):
            if path.name in known:
                continue
            sha256 = files.sha256(path)
            if not path.name.startswith(sha256[:24]):
                path.unlink()  # not what it was written as
                continue
            try:
                with safe_open(path, "pt") as shard:
                    sources = json.loads(shard.metadata()["source"])
            except (SafetensorError, KeyError, TypeError, ValueError):
                path.unlink()
                continue
            self._entries |= {h: _Entry(path.name, sha256, s) for h, s in sources.items()}
            found = True
        if found:
            with contextlib.suppress(OSError):  # a folder that may only be read works as well
                self._write_index()

    def _write_index(self) -> None:
        rows = [(h, e.shard, e.sha256, e.source) for h, e in self._entries.items()]
        buffer = io.BytesIO()
        pl.DataFrame(rows, schema=SCHEMA, orient="row").write_parquet(buffer)
        blob = buffer.getvalue()
        files.write_bytes(self.folder / "index.parquet", blob)
        files.write_text(self.folder / "index.sha256", hashlib.sha256(blob).hexdigest())


def cache_key(
    weights_sha256: str, contract_hash: str, precision: str = "float32"
) -> dict[str, Any]:
    """What decides an embedding besides the scan; a scan's own part is its content hash."""
    computed = {} if precision == "float32" else {"precision": precision}
    return computed | {
        "weights_sha256": weights_sha256,
        "contract_hash": contract_hash,
        "dtype": str(torch.float16).removeprefix("torch."),
        "code_version": CODE_VERSION,
    }
