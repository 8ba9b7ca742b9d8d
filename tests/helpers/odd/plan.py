"""An odd study as a list of choices: drawn by hypothesis or by a seed.

Each choice is a way in which scanners, archives, de-identification and people really write head
CT. Any mixture of them may be drawn; most studies have several.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, fields

from hypothesis import strategies as st

# what a choice may be; what stands twice is drawn twice as often
CHOICES: dict[str, tuple[object, ...]] = {
    "slices": (12, 14, 17),
    "step": (5.0, 3.0, 1.25, 0.7),
    "thicker_above": (False, False, False, True),
    "tilt": (0.0, 0.0, 16.5, -18.5),
    "turn": (
        "head first supine", "head first supine", "head first prone", "feet first supine",
        "feet first prone", "decubitus left", "decubitus right",
    ),
    "lost": (False, False, False, True),
    "extra": (
        "none", "none", "none", "acquisition", "time", "derived", "energy", "thin", "kernel",
        "kernel gone", "contrast", "patient", "diameter", "silent", "copy", "localizer",
        "secondary", "projection",
    ),
    "offset": (0.0, 0.01, 0.06, 0.1, 0.25, 0.5),
    "own_series": (False, False, True),
    "covers": ("all", "all", "upper half"),
    "varies": (
        "nothing", "nothing", "nothing", "kernel absent", "kernel value", "spacing", "series uid",
        "acquisition", "image type", "thickness", "patient absent", "time",
    ),
    "absent": (
        (), (), ("InstanceNumber",), ("SliceThickness",), ("AcquisitionNumber",),
        ("ConvolutionKernel",), ("ImageType",), ("SeriesNumber", "StudyID", "StudyDate"),
        ("Manufacturer", "InstanceNumber", "SliceThickness", "StudyDate", "KVP"),
    ),
    "lies": (
        "nothing", "nothing", "slice location", "spacing between slices", "patient position",
        "gantry tilt", "instance numbers", "series description",
    ),
    "values": (
        "unsigned", "unsigned", "signed", "padded", "intercept lost", "intercept lost, padded",
        "times ten",
    ),
    "syntax": ("explicit", "explicit", "implicit", "big", "deflated", "rle", "jpegls", "j2k"),
    "tail": (b"", b"", b"\xff", b"\x00\x00", b"rubbish behind the end"),
    "enhanced": (False, False, False, True),
    "packing": ("files", "files", "folders", "zip", "tar.gz", "two zips"),
    "names": ("numbers", "reversed", "shuffled", "no suffix", "unicode", "latin1", "uids",
              "Version2", "README", "upper"),
    "beside": ("nothing", "nothing", "jpeg", "pdf", "text", ".DS_Store", "html"),
}  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """One odd study.

    Attributes:
        slices, step, thicker_above, tilt, turn: the head's geometry; the upper half may have
            steps of twice the size.
        lost: one slice of the middle was not sent.
        extra: another set of images in the same study, by what tells it apart.
        offset: of the other set along the table, as a share of the step.
        own_series: the other set has a Series Instance UID of its own.
        covers: what the other set covers.
        varies: an element of the head's slices that varies for no reason.
        absent: elements that no slice has.
        lies: an element that contradicts the geometry.
        values: how HU are stored, or how they were lost.
        syntax, tail: transfer syntax, and bytes behind the end marker of each frame.
        enhanced: all images of the study are frames of one Enhanced CT.
        packing, names, beside: how the files lie on the disk.
        seed: of what else is drawn (which slices vary, the order of shuffled names).
    """

    slices: int
    step: float
    thicker_above: bool
    tilt: float
    turn: str
    lost: bool
    extra: str
    offset: float
    own_series: bool
    covers: str
    varies: str
    absent: tuple[str, ...]
    lies: str
    values: str
    syntax: str
    tail: bytes
    enhanced: bool
    packing: str
    names: str
    beside: str
    seed: int

    @property
    def apart(self) -> bool:
        """Whether the other set is a series of its own."""
        return self.own_series and not self.enhanced

    @property
    def silent(self) -> bool:
        """Whether no element tells the other set from the head; frames have one patient."""
        if self.extra == "thin":  # its slices overlap, and say that they are as thick as the head's
            return self.step == 1.25 and (self.enhanced or "SliceThickness" not in self.absent)
        if self.extra == "kernel gone" and "ConvolutionKernel" in self.absent:
            return not self.enhanced
        return self.extra == "silent" or (self.enhanced and self.extra in ("patient", "secondary"))

    @property
    def undecided(self) -> bool:
        """A second set half a step above, without numbers: overlapping slices, or two steps."""
        numbered = "InstanceNumber" not in self.absent and self.lies != "instance numbers"
        return self.silent and self.offset == 0.5 and not numbered and not self.apart

    @property
    def refused(self) -> bool:
        """Whether its values are not HU."""
        return self.values in ("intercept lost", "intercept lost, padded", "times ten")


def plans() -> st.SearchStrategy[Plan]:
    """Any plan."""
    drawn = {name: st.sampled_from(values) for name, values in CHOICES.items()}
    return st.builds(Plan, **drawn, seed=st.integers(0, 2**16))


def plan_of(seed: int) -> Plan:
    """The plan of a number, the same one on every machine."""
    drawn = random.Random(seed)
    return Plan(**{name: drawn.choice(values) for name, values in CHOICES.items()}, seed=seed)


def told(plan: Plan) -> dict[str, object]:
    """What is not plain about a plan, for a message."""
    return {f.name: v for f in fields(plan) if (v := getattr(plan, f.name)) not in PLAIN}


PLAIN = (False, "none", "nothing", (), b"", "files", "numbers", "explicit", "unsigned", "all")
