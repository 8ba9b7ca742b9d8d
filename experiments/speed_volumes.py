"""Seconds a study of a 3D backbone on one core: preparing its volume, and the forward pass.

    python experiments/speed_volumes.py COHORT [--studies 12] [--backbones fm_headct small3d ...]

Weights are random; a forward pass takes as long with any. Times are of the processor, so that
other load disturbs them little; reading the scan (from the volume cache, where there is one) is
timed apart. Scans are those of a cohort.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import torch

from molre.backbones.catalogue import presets
from molre.backbones.families import ct_fm, fm_headct, hlip, small3d
from molre.cohort.cohort import Cohort
from molre.ct.cache.volume_cache import scan, volumes_of
from molre.embedding.volume_pixels import to_volume_pixels

FEATURES = {
    "fm_headct": fm_headct.features,
    "hlip_headct": hlip.features,
    "ct_fm": ct_fm.features,
    "small3d": small3d.features,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cohort", type=Path)
    parser.add_argument("--studies", type=int, default=12)
    parser.add_argument("--passes", type=int, default=3)
    parser.add_argument("--backbones", nargs="+", default=list(FEATURES))
    options = parser.parse_args()
    torch.set_num_threads(1)
    cohort = Cohort(options.cohort)
    rows = cohort.chosen().sort("study").head(options.studies)
    volumes, reading = [], []
    for content_hash, files, hu_map in rows.select("content_hash", "files", "hu_map").iter_rows():
        started = time.process_time()
        volumes.append(scan(content_hash, files, volumes_of(cohort.path), hu_map))
        reading.append(time.process_time() - started)
    shapes = sorted({v.hu.shape for v in volumes})
    print(f"{len(volumes)} scans, {shapes[0]} to {shapes[-1]}, one thread")
    print(f"reading: {statistics.median(reading):.2f} s a study")
    print("| backbone | preparation, s | forward, s | share of preparation |")
    print("| --- | --- | --- | --- |")
    for name in options.backbones:
        prepared, forward = measure(name, volumes, options.passes)
        share = prepared / (prepared + forward)
        print(f"| `{name}` | {prepared:.2f} | {forward:.2f} | {share:.0%} |", flush=True)


def measure(name: str, volumes: list, passes: int) -> tuple[float, float]:
    preset = presets()[name]
    to_volume_pixels(volumes[0], preset.contract)  # imports
    times = []
    for volume in volumes:
        started = time.process_time()
        pixels = to_volume_pixels(volume, preset.contract)
        times.append(time.process_time() - started)
    network, features = preset.skeleton().eval(), FEATURES[name]
    seconds = []
    with torch.inference_mode():
        features(network, pixels)
        for _ in range(passes):
            started = time.process_time()
            features(network, pixels)
            seconds.append(time.process_time() - started)
    return statistics.median(times), statistics.median(seconds)


if __name__ == "__main__":
    main()
