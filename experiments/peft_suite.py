"""peft's own test suite with MoLRE rows: custom models and vision models, on the processor.

The tests of an unpacked peft source tree are copied, MoLRE is added to their tables, and its rows
are run. Two things need the network there and are replaced: the photograph of a cat by noise, and
the tiny random ResNet of the hub by one of the same kind made here. The test that every adapter
weight moves in three steps uses, on the model EmbConv1D, the rate that it uses there for DoRA.

    pip download --no-deps --no-binary :all: peft==0.21.2 && tar xzf peft-0.21.2.tar.gz
    python experiments/peft_suite.py peft-0.21.2
"""

from __future__ import annotations

import argparse
import collections
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import peft
import torch
import transformers

ROWS = """
from molre.adapter import MoLREConfig

FIXED = {"fixed_gates": [0.2, 0.5, 0.3]}
TEST_CASES += [
    (f"{model} {number} MoLRE{' fixed' * ('fixed_gates' in kwargs)}", model, MoLREConfig, {"r": 2, "num_experts": 3, **kwargs})
    for model, rows in {
        "MLP": [
            {"target_modules": "lin0"},
            {"target_modules": ["lin0"]},
            {"target_modules": ["lin1"]},
            {"target_modules": ["lin0", "lin1"]},
            {"target_modules": ["lin0"], "modules_to_save": ["lin1"]},
            {"target_modules": ["lin0"], "gate_mode": "token"},
            {"target_modules": ["lin0"], "alpha": 7.0, "use_rslora": True},
            {"target_modules": ["lin0"], "dropout": 0.3},
            {"target_modules": ["lin0", "lin1"], **FIXED},
        ],
        "EmbConv1D": [{"target_modules": ["conv1d"]}, {"target_modules": ["conv1d"], **FIXED}],
        "Conv1d": [{"target_modules": ["conv1d"]}, {"target_modules": ["conv1d"], **FIXED}],
        "Conv1dBigger": [{"target_modules": ["conv1d"]}],
        "Conv2d": [
            {"target_modules": ["conv2d"]},
            {"target_modules": ["conv2d", "lin0"]},
            {"target_modules": ["conv2d", "lin0"], **FIXED},
        ],
        "Conv2d1x1": [
            {"target_modules": ["conv2d"]},
            {"target_modules": ["conv2d"], "gate_mode": "token"},
        ],
        "Conv2dGroups": [{"target_modules": ["conv2d"]}],
        "Conv2dGroups2": [{"target_modules": ["conv2d"]}],
        "Conv3d": [
            {"target_modules": ["conv3d"]},
            {"target_modules": ["conv3d", "lin0"]},
            {"target_modules": ["conv3d", "lin0"], **FIXED},
        ],
    }.items()
    for number, kwargs in enumerate(rows, start=1)
]
"""
PAIRS = """
for _name, _other in (("Same", "lin0"), ("Different", "lin1")):
    for _gates in ({}, FIXED):
        _common = {"r": 2, "num_experts": 3, "init_weights": False, **_gates}
        MULTIPLE_ACTIVE_ADAPTERS_TEST_CASES.append((
            f"MoLRE {'fixed ' * bool(_gates)}{_name}",
            "molre",
            MoLREConfig,
            {"target_modules": ["lin0"], **_common},
            {"target_modules": [_other], **_common},
        ))
"""
VISION = """
from molre.adapter import MoLREConfig

CONFIGS["molre"] = MoLREConfig(
    target_modules=["convolution"], modules_to_save=["classifier", "normalization"]
)
"""


def insert(text: str, before: str, addition: str) -> str:
    """Put ``addition`` before the one line that starts with ``before``."""
    if text.count("\n" + before) != 1:
        raise SystemExit(f"this peft's tests have no one line {before!r}: adapt the script")
    return text.replace("\n" + before, addition + "\n" + before, 1)


def prepare(source: Path, folder: Path) -> None:
    """Copy the tests and add MoLRE to their tables."""
    shutil.copytree(source / "tests", folder / "tests")
    (folder / "tests" / "__init__.py").touch()
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n    regression\n")
    custom = folder / "tests" / "test_custom_models.py"
    text = insert(custom.read_text(), "ALL_PEFT_CONFIG_CLASSES = ", ROWS)
    text = insert(text, "class MLP(nn.Module):", PAIRS)
    small = '(config_kwargs.get("use_dora") and model_id == "EmbConv1D")'
    ours = small.replace('config_kwargs.get("use_dora")', "issubclass(config_cls, MoLREConfig)")
    if text.count(small) != 1:
        raise SystemExit("this peft's tests set learning rates in another way: adapt the script")
    custom.write_text(text.replace(small, f"{small} or ({ours[1:-1]})"))
    common = folder / "tests" / "testing_common.py"
    line = "from diffusers import StableDiffusionPipeline\n"  # for one assertion, not reached here
    common.write_text(common.read_text().replace(line, ""))
    utils = folder / "tests" / "testing_utils.py"
    text = utils.read_text().replace("from datasets import load_dataset\n", "")
    start, end = text.index("def load_cat_image"), text.index("def set_init_weights_false")
    noise = "np.random.default_rng(0).integers(0, 256, (224, 224, 3), dtype=np.uint8)"
    utils.write_text(f"{text[:start]}def load_cat_image():\n    return {noise}\n\n\n{text[end:]}")
    vision = folder / "tests" / "test_vision_models.py"
    text = insert(vision.read_text(), "# Ensure that models like Llava", VISION)
    resnet = folder / "resnet"
    save_resnet(resnet)
    hub = '"peft-internal-testing/tiny-random-ResNetForImageClassification"'
    vision.write_text(text.replace(hub, repr(str(resnet))))


def save_resnet(folder: Path) -> None:
    torch.manual_seed(0)
    config = transformers.ResNetConfig(
        embedding_size=10,
        hidden_sizes=[10, 20, 30, 40],
        depths=[1, 1, 2, 1],
        layer_type="basic",
        num_labels=3,
    )
    transformers.ResNetForImageClassification(config).save_pretrained(folder)
    processor = transformers.ViTImageProcessor(size={"height": 224, "width": 224})
    processor.save_pretrained(folder)


def run(folder: Path, workers: int) -> Path:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-k",
        "molre",
        "--tb=short",
        "-p",
        "no:randomly",
    ]
    command += ["-n", str(workers)] if workers else []
    command += [
        "--junitxml=results.xml",
        "tests/test_custom_models.py",
        "tests/test_vision_models.py",
    ]
    offline = {**os.environ, "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}
    subprocess.run(command, cwd=folder, env=offline, check=False)
    return folder / "results.xml"


def counted(
    results: Path,
) -> tuple[collections.Counter[str], list[tuple[str, str]], list[tuple[str, str]]]:
    """Numbers by outcome, and (test, message) of what failed and of what was skipped."""
    numbers: collections.Counter[str] = collections.Counter()
    failed, skipped = [], []
    for case in ElementTree.parse(results).iter("testcase"):
        name = f"{case.get('name')}"
        bad = [child for child in case if child.tag in ("failure", "error")]
        skip = case.find("skipped")
        if bad:
            numbers["failed"] += 1
            failed.append((name, (bad[0].get("message") or "").splitlines()[0]))
        elif skip is not None:
            numbers["skipped"] += 1
            skipped.append((name, skip.get("message") or ""))
        else:
            numbers["passed"] += 1
    return numbers, failed, skipped


def table(rows: list[tuple[str, str]]) -> str:
    """By test and message: how many rows, the model names left out."""
    grouped = collections.Counter(
        (name.partition("[")[0], re.sub(r"adapter '[\w-]+'", "adapter …", message))
        for name, message in rows
    )
    lines = [f"| `{test}` | {n} | {message} |" for (test, message), n in sorted(grouped.items())]
    return "\n".join(["| test | rows | message |", "| --- | --- | --- |", *lines])


def report(results: Path) -> str:
    numbers, failed, skipped = counted(results)
    versions = (
        f"peft {peft.__version__}, transformers {transformers.__version__}, torch "
        f"{torch.__version__}, Python {platform.python_version()}"
    )
    return (
        f"{versions}.\n\n{numbers['passed']} passed, {numbers['failed']} failed, "
        f"{numbers['skipped']} skipped.\n\n## Failed\n\n{table(failed)}\n\n## Skipped by peft\n\n"
        f"{table(skipped)}\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path, help="an unpacked peft source tree")
    parser.add_argument("--workers", type=int, default=0, help="pytest-xdist processes")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(args.source, folder)
        print(report(run(folder, args.workers)))


if __name__ == "__main__":
    main()
