"""A ViT of random weights as a transformers checkpoint, and phantoms that are ready to train on."""

from __future__ import annotations

from pathlib import Path

import torch

from molre.cohort.ingest import ingest
from molre.cohort.match import match_labels
from molre.cohort.split import split
from molre.phantom.write import write_phantoms

FINDINGS = ("epidural_hemorrhage", "pneumocephalus")


def write_vit(folder: Path) -> str:
    """Four blocks of width 32 on images of 224; its name for the catalogue."""
    from transformers import Dinov2Config, Dinov2Model

    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "num_hidden_layers": 4, "num_attention_heads": 2, "mlp_ratio": 2}
    Dinov2Model(Dinov2Config(**sizes, image_size=224, patch_size=56)).save_pretrained(folder)
    return f"hf:{folder}"


def write_scans(root: Path, studies: int) -> Path:
    """A cohort of phantoms with up to 8 slices, ingested, labeled and split."""
    write_phantoms(
        root / "phantoms", studies, seed=4, findings=FINDINGS, prevalence=0.5, max_slices=8
    )
    ingest([root / "phantoms"], root / "cohort", salt=b"a salt for tests")
    match_labels(root / "cohort", root / "phantoms" / "labels.csv")
    split(root / "cohort", fractions=(0.4, 0.2, 0.2, 0.2))
    return root / "cohort"
