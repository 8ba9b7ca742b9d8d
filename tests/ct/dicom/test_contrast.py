"""What people write about contrast, as it must be understood, in the languages they write in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from molre.ct.dicom.contrast import Said, of_agent, of_description

BOTH = """
CT HEAD WITHOUT AND WITH CONTRAST | CT HEAD WITH AND WITHOUT CONTRAST
CT HEAD WITHOUT & WITH IV CONTRAST
Ct head/brain w/o & w/dye | without contrast and with contrast | sans puis après injection
WO and W contrast | W/O AND W CONTRAST | W/O & W/ CONTRAST | CT HEAD W/ & W/O
CT HEAD W AND W/O CON | W+W/O
HEAD W/WO | HEAD WO/W | HEAD_W_WO | CT HEAD WWO | CT HEAD W WO IV CONTRAST | head W-WO | W, WO
HEAD w/o w/
CT HEAD W/O CONTRAST W CONTRAST | with, without contrast | with or without contrast | with/without
CT HEAD WITH AND/OR WITHOUT CONTRAST | CT BRAIN WITHOUT CONTRAST FOLLOWED BY WITH CONTRAST
without contrast then with contrast | before and after contrast | pre/post | PRE & POST
pre- and postcontrast
plain and contrast | Plain & CE | NCCT + CECT | unenhanced and enhanced
C-/C+ | C+/C- | C+/- | C-/+ | C+ & C- | C- C+ | -C +C | +/- contrast | ± KM | KM +/-
Schädel mit und ohne KM | ohne und mit Kontrastmittel | mit/ohne | ohne u. mit | CCT m. u. o. KM
CCT o/m KM
nativ und mit KM | nativ/KM | CCT nativ + KM | vor und nach KM | ohne/nach KM
TDM cérébrale sans et avec injection | avec et sans | sans puis avec injection
avant et après injection
TC cráneo con y sin contraste | sin y con contraste | con o sin contraste | con/sin
TAC simple y contrastada
antes y después de contraste | CRANEO C Y S CONTRASTE
TC con e senza mdc | senza/con | prima e dopo mdc | com e sem contraste | met en zonder contrast
平扫+增强 | без и с контрастом
"""
GIVEN = """
CT HEAD W CONTRAST | CT HEAD W/ CONTRAST | CT HEAD W/CONTRAST | CT HEAD WITH CONTRAST
CT HEAD W IV CONTRAST
CT HEAD W | CT^HEAD_W (Adult) | HEAD W CON | HEAD W/C | W/IV | with i.v. contrast | HeadWithContrast
Brain post contrast | post-contrast | POSTCONTRAST | HEAD POST | POST 5.0 H31s | Post inj | post gad
CE | CT Head CE | CECT Brain | ce-ct | contrast-enhanced head | head enhanced | CONTRAST HEAD
contrasted
Head C+ | Head +C 5mm | HEAD (+) | Head C + | CTA Head | CT ANGIO | angiography | perfusion
CT venogram
arterial phase | VENOUS | Omnipaque 350 | with gadolinium
Kopf mit KM | CCT m. KM | CCT mKM | Kopf mit Kontrastmittel | nach KM-Gabe | Schädel KM
Head KM+ | HEAD +KM
mit KM ohne Kippung | ohne Kippung mit KM | without tilt, with contrast | Ct head/brain w/dye
TDM avec injection | cerebral injecté | crane avec contraste | TDM après injection | crâne IV+
inj.
con contraste | TC CRANEO CONTRASTADO | con CIV | CRANEO C/CONTRASTE
TC con mdc | cranio dopo mdc | com contraste | met contrast | na contrast
增强 | 造影 | с контрастом | артериальная фаза | 뇌 조영 | beyin kontrastlı | hlava s kontrastem
Mózg z kontrastem | Hjärna med kontrast | cap cu contrast | late phase | head 5 min delay
"""
PLAIN = """
CT HEAD WITHOUT CONTRAST | HEAD W/O | HEAD WO | CT HEAD WO CONTRAST | CT HEAD WO IV CON
HEAD WO CON 5MM
Head w.o. contrast | W/OUT CONTRAST | CT Head w/out | without | HEAD WITHOUT POST OP
HeadWithoutContrast
HEAD WO 5.0 H31s | HEAD W/O STEALTH | CT HEAD W/O CONTRAST W/ 3D RECON | w/o contrast w/ sedation
CT HEAD WO POST OP | W/O C-SPINE | CT^HEADWOCONTRAST (Adult)
non-contrast | NONCONTRAST | non contrast head | noncon | HEAD NON-CON | non IV contrast
no contrast
NCCT | NECT | unenhanced | non-enhanced | Plain | 5/5mm Plain | 1A TRAUMA/PLAIN HEAD DM /Head
pre-contrast
Head-Without-Contrast | without-contrast | WO-CONTRAST | W/O-CONTRAST | without contrast injection
without the use of IV contrast | without any contrast agent | without oral or iv contrast
sans injection de produit de contraste | sans aucune injection | ohne Gabe von Kontrastmittel
Ct head/brain w/o dye | CT HEAD WITHOUT IVCON | CT HEAD WITHOUT CONTRAST, POST THROMBECTOMY
C- | Head C- | CT Head (-) | contrast: none | Contrast: No
native | CCT nativ | Schädel nativ 5mm | ohne KM | Kopf ohne | o. KM | CCT oKM | KM- | kein KM
vor KM
natif | sans injection | sans contraste | non injecté | TDM sans IV | avant injection
sin contraste | TAC SIMPLE | TC CRANEO S/ CONTRASTE | sin CIV
senza mdc | cranio senza contrasto | sem contraste | zonder contrast | blanco | 平扫 | без контраста
Mózg bez kontrastu | hjärna utan kontrast | hoved uden kontrast | pää ilman varjoainetta
beyin kontrastsız | 뇌 비조영 | KM-frei | Kontrastmittelfrei | contrast-free | HEAD -C
"""
NOTHING = """
Head 5.0 H31s | Head  8.0  J30s  3 | 001_HeadSeq | CerebrumSeq  9.0  H30s | STD BRAIN 5MM
HELICAL CHEST | 75
FACE | C-SPINE | CT HEAD + C-SPINE | CT HEAD + C SPINE | CT HEAD/C-SPINE | C+T SPINE
head + neck | Head-5mm
CT HEAD W C-SPINE | CT HEAD WITH C-SPINE | CT HEAD W/C-SPINE | CT HEAD W/ NECK | CT HEAD W 3D RECON
POST OP | post-op | HEAD POST OP | postop | POST OP DAY 1 | post 2 days | posterior fossa
POST FOSSA
POST TRAUMA | post tPA | post coiling | POST THROMBECTOMY | post ictal | status post fall
Post-processing
W 80 L 40 | HEAD W80 | brain w window | with head rest | with tilt | W/ SEDATION | no tilt | pre op
high contrast | low contrast resolution | edge enhanced | contralateral | concussion | head injury
delayed head 6 h
10 km | 5 km/h | 5 cm | ce jour | TDM cérébrale de ce jour | amyloid angiopathy | angioma
Kopf mit Hals | Schädel mit HWS | con ricostruzioni | cranio con orbite | crâne et rachis
"""
AGENTS = {
    Said.GIVEN: """
Iohexol | OMNIPAQUE 350 | Ultravist 300 | Iomeron | visipaque 320 | Isovue-370 100ml
XENETIX 350 100 cc
IV | APPLIED | CONTRAST | YES | Y | 1 | oral & iv | KM | 100 ml | C+ | with | Omnipaque, no reaction
100 ml of Ultravist | Gadovist
""",
    Said.PLAIN: """
NONE | none. | (none) | NO | N | N/A | NA | n.a. | nil | null | 0 | 0 ml | - | -- | false
not applicable
none given | None Given. | NOT USED | Not administered | no contrast given | NO CONTRAST | No agent
W/O | WO | WITHOUT | without iv contrast | non-contrast | NCCT | native | plain | C- | unenhanced
OHNE | ohne KM | KM- | keine | kein KM | nicht gegeben | nativ
non utilisé | pas administré
sans | aucun | pas de contraste | non injecté | SIN | ninguno | sin contraste | senza | nessuno
geen | нет | brak | bez kontrastu | ingen | utan kontrast | ei | yok | hayır | nincs | não | žádný
无 | なし | 없음 | -C
No Omnipaque | 0 ml Omnipaque
""",
    Said.UNKNOWN: """
UNKNOWN | unk | ? | not known | unspecified | not specified | not documented | unknown contrast
unbekannt | keine Angabe | k.A. | inconnu | desconocido | sconosciuto | ANONYMIZED | removed
""",
    Said.BOTH: "with and without | W/WO | C+/C-",
}


def each(table: str) -> list[str]:
    return [text.strip() for line in table.strip().splitlines() for text in line.split(" | ")]


@pytest.mark.parametrize(
    ("said", "table"),
    [(Said.BOTH, BOTH), (Said.GIVEN, GIVEN), (Said.PLAIN, PLAIN), (Said.NOTHING, NOTHING)],
    ids=lambda value: value.name if isinstance(value, Said) else "",
)
def test_descriptions(said, table):
    assert {text: of_description(text) for text in each(table)} == dict.fromkeys(each(table), said)


@pytest.mark.parametrize("said", AGENTS, ids=lambda said: said.name)
def test_agents(said):
    texts = each(AGENTS[said])
    assert {text: of_agent(text) for text in texts} == dict.fromkeys(texts, said)


WITH = ["W", "w/", "with", "mit", "avec", "con", "com", "met"]
WITHOUT = ["WO", "w/o", "without", "ohne", "sans", "sin", "sem", "zonder"]
WORDS = [
    "contrast",
    "contrast",
    "CONTRAST",
    "KM",
    "injection",
    "contraste",
    "contraste",
    "contrast",
]
AND = [" and ", "/", " & ", "+", " und ", " et ", " y ", " e ", " en "]


@given(st.integers(0, 7), st.sampled_from(AND), st.booleans(), st.booleans(), st.booleans())
def test_both_ways_round_in_any_language_are_unknown(which, joint, turned, named, upper):
    first, second = (WITH, WITHOUT) if turned else (WITHOUT, WITH)
    text = f"Head {first[which]}{joint}{second[which]} {WORDS[which] if named else ''}"
    assert of_description(text.upper() if upper else text) is Said.BOTH


@given(st.integers(0, 7), st.sampled_from(["", "CT head ", "TDM ", "CCT, ", "Schädel_"]))
def test_one_way_is_that_way(which, before):
    assert of_description(f"{before}{WITH[which]} {WORDS[which]}") is Said.GIVEN
    assert of_description(f"{before}{WITHOUT[which]} {WORDS[which]}") is Said.PLAIN


def test_a_study_of_the_vessels_marks_none_of_its_series():
    assert of_description("CTA HEAD", whole_study=True) is Said.BOTH
    assert of_description("CT HEAD W CONTRAST", whole_study=True) is Said.GIVEN


@given(st.text(max_size=200))
def test_any_text_is_understood_or_left_alone(text):
    assert of_description(text) in Said
    assert of_agent(text) in Said
