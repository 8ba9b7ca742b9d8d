"""Whether a text is an English report: another language must not come out as all absent."""

from __future__ import annotations

import re

from molre.errors import MolreError

_WORD = re.compile(r"[^\W\d_]+")
_ENGLISH = frozenset(
    "the of no and is are with in there normal not acute left right for to a evidence seen mild "
    "hemorrhage haemorrhage infarct fracture ct head brain without shift mass effect bleed "
    "ventricles findings impression small large old chronic subdural hematoma intact clear "
    "unremarkable stable unchanged abnormality lesion edema oedema skull".split()
)
_OTHERS = {
    "German": "der die das und kein keine nicht mit ist des im eine einer ohne links".split(),
    "French": "le la les des et pas de avec est du une sans dans gauche droite au sur".split(),
    "Spanish": "el la los las y con del no se una sin en izquierda derecho por lesiones".split(),
    "Portuguese": "os com da sem uma não esquerda direita lesões ao no há dos".split(),
    "Italian": "il lo gli con del della non di una sinistra destra senza nel alla".split(),
    "Dutch": "de het een en geen niet met van is links rechts zonder bij".split(),
    "Swedish": "och ingen inte med av en ett utan vänster höger är det".split(),
    "Polish": "bez nie jest oraz zmian lewej prawej cech obszar".split(),
    "Turkish": "ve bir yok izlenmedi sol sağ ile olarak normaldir".split(),
}
_ENOUGH = 5  # words; of fewer no language can be told


def check_language(text: str) -> None:
    """Refuse what the rules cannot read.

    Raises:
        MolreError: no words, or words of another language.
    """
    words = [w.lower() for w in _WORD.findall(text[:20_000])]
    if not words:
        raise MolreError("the report is empty", fix="leave the row out")
    foreign = sum(not w.isascii() for w in words) / len(words)
    english = sum(w in _ENGLISH for w in words) / len(words)
    if len(words) >= _ENOUGH and foreign > 0.4:
        raise MolreError("the report is not in English", fix="translate it, or use another engine")
    if len(words) < _ENOUGH:
        return
    seen = {name: [w for w in words if w in own] for name, own in _OTHERS.items()}
    name = max(seen, key=lambda n: len(seen[n]))
    share = len(seen[name]) / len(words)
    if len(set(seen[name])) >= 3 and share > 0.12 and share > 1.2 * english:
        raise MolreError(
            f"the report is not in English, it looks like {name}",
            fix="translate it, or use another engine",
        )
