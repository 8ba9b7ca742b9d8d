from __future__ import annotations

import pytest

from molre.errors import MolreError
from molre.labels.reports.rules.language import check_language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Kein Nachweis einer intrakraniellen Blutung. Das Ventrikelsystem ist nicht erweitert "
         "und die Mittellinie ist nicht verlagert.", "German"),
        ("Absence de saignement. Le système ventriculaire est de taille normale et il n'y a pas de "
         "déviation de la ligne médiane.", "French"),
        ("No se observa hemorragia intracraneal. El sistema ventricular es normal y la línea media "
         "no está desviada.", "Spanish"),
    ],
)  # fmt: skip
def test_another_language_is_refused_by_name(text: str, language: str) -> None:
    with pytest.raises(MolreError, match=language):
        check_language(text)


def test_another_script_is_refused() -> None:
    with pytest.raises(MolreError, match="not in English"):
        check_language("Кровоизлияния не выявлено. Срединные структуры не смещены. Желудочки.")


@pytest.mark.parametrize(
    "text",
    ["neg for bleed", "NCCT brain: NAD", "Chiari I malformation, no syrinx seen in C2",
     "Patient is del Rio de la Cruz. No hemorrhage or fracture seen."],
)  # fmt: skip
def test_terse_english_is_read(text: str) -> None:
    check_language(text)
