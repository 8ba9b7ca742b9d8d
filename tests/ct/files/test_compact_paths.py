"""Names: what was added comes back, in its order, whatever the names are; and takes little room."""

from __future__ import annotations

import pickle
import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from molre.ct.files.compact_paths import Names

parts = st.text(
    st.characters(codec=None, categories=("L", "N", "P", "S", "Z", "Cs")) | st.just("/"), max_size=6
)


def named(names: list[str]) -> Names:
    made = Names()
    for name in names:
        made.add(name)
    return made


@given(st.lists(parts))
def test_names_come_back_as_they_were(names: list[str]) -> None:
    made = named(names)
    assert list(made) == names
    assert len(made) == len(names)
    assert list(pickle.loads(pickle.dumps(made))) == names


def test_a_file_of_a_deep_folder_takes_little_more_than_its_own_name() -> None:
    folder = "/archive/of/a/hospital/with/long/names/1.2.840.113619.2.55.3.1234567890"
    tracemalloc.start()
    made = named([f"{folder}/IM{i:06d}" for i in range(10_000)])
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(made) == 10_000
    assert kept < 12 * 10_000
