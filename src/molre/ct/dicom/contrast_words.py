"""How people write that contrast was given or not, as patterns for `molre.ct.dicom.contrast`.

Each line is one way of writing it; examples stand beside what does not explain itself. Text is
compared in lower case, without accents, with separators as spaces.
"""

from __future__ import annotations

AGENT_NAMES = (  # brands, generic names, elements
    r"omnipa\w*", r"accupaque", r"ultravist\w*", r"iomero\w*", r"imeron\w*", r"visipa\w*",
    r"isovue\w*", r"iopamiro\w*", r"niopam", r"solutrast\w*", r"optiray\w*", r"oxilan\w*",
    r"xenetix\w*", r"hexabrix\w*", r"conray\w*", r"scanlux\w*", r"unilux", r"telebrix\w*",
    r"urografin\w*", r"iohex\w*", r"iopam\w*", r"iomep\w*", r"iovers\w*", r"ioprom\w*",
    r"iodix\w*", r"ioxag\w*", r"ioxit\w*", r"iobit\w*", r"iotal\w*", r"iodine", r"iodinated",
    r"jod\w*", r"iode[es]?", r"gadol\w*", r"gadob\w*", r"gadot\w*", r"magnevist\w*", r"dotarem\w*",
)  # fmt: skip


def _any(*ways: str) -> str:
    return f"(?:{'|'.join(ways)})"


_AGENT = _any(*AGENT_NAMES)
_C = r"c(?![\w-]|\s*-?\s*(?:sp|spine)\b)"  # "+C", but of no cervical spine
_END = r"(?=\s*(?:$|\())"
_SIGNED = r"(?:c|km|cm|ce|iv|mdc|contraste?|kontrast)"  # "C+", "KM-"

# what is given: stands after "with", "without", "after"
_THING = r"(?:(?:any|the|de|du|del|di|le|la|el|il)\s+)?" + _any(
    r"(?:iv|i\.v\.?|intraven\w*|oral)\s*[-/]?\s*(?:contr\w*|kontr\w*|con\b|cm\b|km\b)",
    r"(?:produit|medio|mezzo|meio)s?\s+de?i?\s+contrast\w*",
    r"cont(?:r|rs)?\b", r"contrast\w*", r"kontrast\w*", r"контраст\w*", r"con\b", r"cte\b",
    r"km\b", r"cm\b", r"mdc\b", r"pdc\b", r"civ\b", r"ivc?\b", r"i\.v\.?", r"gad\w*", r"gd\b",
    r"inj\w*", r"dye\b", r"enhanc\w*", r"varjoaine\w*", _C, _AGENT,
)  # fmt: skip
_WITH = _any(r"with\b", "w/", r"w\b", r"mit\b", r"m\.", r"m(?=\s?km\b)", r"avec\b", r"con\b",
             r"com\b", r"met\b", "c/")  # fmt: skip
_WITHOUT = _any(
    r"without\b", r"w\s*/\s*o(?:ut)?\b", r"w[.-]\s?o(?:ut|\.)?(?!\w)", r"w/?out\b", r"wo\b",
    r"ohne\b", r"o\.", r"o(?=\s?km\b)", r"sans\b", r"sin\b", r"senza\b", r"sem\b", r"zonder\b",
    r"bez\b", r"ut[ae]n\b", r"uden\b", r"ilman\b", r"fara\b", "s/",
)  # fmt: skip
_BEFORE = _any("before", "pre", "prae", "vor", "avant", "antes", "prima", "voor")
_AFTER = _any("after", "post", "nach", "apres", "despues", "depois", "dopo", "na")
_NONE = _any(r"no[nt]?", r"pas d[e ]", r"kein\w*", "nicht", r"aucun\w*", r"ningun\w*", r"nessun\w*",
             "geen", "nil")  # fmt: skip
_JOINTS = ("and/or", "und/oder", "et/ou", "y/o", "and", "und", r"u\.?", "et", "puis", "y", "e",
           "en", "or", "oder", "ou", "then", "dann", "plus", "[&+/-]")  # fmt: skip
_AND = rf"\s*{_any(*_JOINTS)}\s*"
_OR = rf"\s*{_any(*_JOINTS, 'o')}\s*"

BOTH = _any(
    # "con" is short for contrast, too: "WO CON"
    rf"\b(?!con\b){_WITH}\s*(?:{_THING})?{_AND}{_WITHOUT}",
    rf"\b{_WITHOUT}\s*(?:{_THING})?{_AND}(?!con\b){_WITH}",
    rf"\bcon\s*(?:{_THING})?{_OR}(?:sin|senza)\b",
    rf"\b(?:sin|senza)\s*(?:{_THING})?{_OR}con\b",
    rf"\b{_WITH}\s*(?:{_THING})?,\s*{_WITHOUT}\s*(?:{_THING}|{_END})",
    rf"\b(?:{_BEFORE}|{_WITHOUT})\s*(?:{_THING})?{_AND}{_AFTER}\s*(?:de\s+)?{_THING}",
    # nothing between: "W WO", "W/WO", "WWO", "W W/O", "W/O W"
    r"\bw/?\s?wo\b",
    r"\bwo/?\s?w\b",
    r"\bw/?\s+w/o",
    r"\bw\s*/\s*o\s+w(?:/(?!o)|\b(?!/))",
    rf"\b(?:with|w/?|mit|avec)\s*{_THING}\s+(?:without|w/?o|ohne|sans)\s*{_THING}",
    # "m. u. o. KM", "o/m KM", "C y S contraste"
    rf"\bm\.?\s*(?:/|\+|&|u\.?|und)\s*o\.?\s*{_THING}",
    rf"\bo\.?\s*(?:/|\+|&|u\.?|und)\s*m\.?\s*{_THING}",
    rf"\bc\s*[ye/]\s*s\s*{_THING}",
    rf"\bs\s*[ye]\s*c\s*{_THING}",
    r"\bбез\s+и\s+с\b",
    r"\bс\s+и\s+без\b",
    # "+/-", "C+/C-", "C- C+", "-C +C"
    rf"\+\s*/\s*{_SIGNED}?\s*-",
    rf"-\s*/\s*{_SIGNED}?\s*\+",
    rf"\b{_SIGNED}\s?\+\s*(?:and|&|u\.?|und|et|y|e)?\s*{_SIGNED}\s?-",
    rf"\b{_SIGNED}\s?-\s*(?:and|&|u\.?|und|et|y|e)?\s*{_SIGNED}\s?\+",
    rf"(?:^|\s)-\s?{_SIGNED}\W+\+\s?{_SIGNED}\b",
    rf"(?:^|\s)\+\s?{_SIGNED}\W+-\s?{_SIGNED}\b",
    r"\bpre[- ]?(?:contrast\w*)?\W*(?:and|und|et|y|e)?\W*post(?!\s*-?op)(?!erior)",
)

# "without the use of", then the thing itself; not "ohne Kippung mit KM"
_USE = rf"(?:[-\s]+(?!{_WITH})[^\s,-]+){{0,4}}?"
_SURELY = r"(?:contrast\w*|kontrast\w*|km\b|mdc\b|pdc\b|inject\w*|injekt\w*|iniez\w*)"
# "sans injection de produit de contraste", "without contrast injection"
_MORE = r"(?:[-\s]+(?:of|de|du|di|von|iv|i\.v\.?|agents?|medi\w+|material|produit|gabe" + (
    rf"|{_SURELY})\b\.?)*"
)

PLAIN = _any(
    rf"\b{_WITHOUT}[-\s/.(:]*{_THING}{_MORE}",
    rf"\b{_WITHOUT}{_USE}[-\s]+{_SURELY}{_MORE}",
    r"\bw\s*/\s*o(?:ut)?\b",  # of contrast, whatever follows
    r"\bw[.]\s?o\.?(?!\w)",
    r"\bwo\b",
    r"\bw/?out\b",
    r"(?:without|wo)(?:iv)?contrast",
    rf"\b{_NONE}[- ]*{_THING}",
    rf"\b{_BEFORE}[- ]*(?:de\s+)?{_THING}",
    rf"\bpre{_END}",
    r"\bnon[- ]?cont?r?\b",
    r"\b(?:un|non[- ]?|not )enhanced\b",
    r"\bunenh\w*",
    r"\bplain\b",
    r"\bnati(?:f|ve?|v[aeo])\b",
    r"\bnativ\w*",
    r"\bn/?c\b",
    r"\bnc[- ]?c?h?t\b",  # NCCT, NCHCT
    r"\bne[- ]?ct\b",
    r"\bspc\b",  # sans produit de contraste
    r"\bbasale\b",
    r"\bblanco\b",
    r"\bsimples?\b",
    r"\bs/c\b",
    r"\bc minus\b",
    rf"\b{_SIGNED}\s?-(?!\w)",
    r"\(-\)",
    r"\bcontraste?\s*[:=]?\s*(?:none?|no|nil|n|0)\b",
    r"\bбез\s+контраст\w*",
    r"\bнативн\w*",
    rf"(?:^|\s)-\s?{_SIGNED}(?=\s|$|\))",
    r"\b(?:km|kontrast(?:mittel)?|contrast)[- ]?fr(?:ei\w*|ee)\b",
    r"\bzero[- ]contrast",
    r"\bkontrasts[iı]z\b",
    "비조영",
    r"조영\s*전",
    "平扫",
    "平掃",
    "单纯",
    "単純",
    "造影(?:なし|無)",
)

# bare words, which may be of a tilt or a head rest; they count where nothing says "given"
WEAK_PLAIN = r"\b(?:without|ohne|sans|sin|senza|sem|zonder)\b"

# "high contrast" and "edge enhanced" are of images
_OF_IMAGES = ("high", "low", "soft", "tissue", "image", "matter", "phase", "edge", "detail",
                "quality", "resolution")  # fmt: skip
_NOT_OF_IMAGES = "".join(rf"(?<!{word}[ -])" for word in _OF_IMAGES)

GIVEN = _any(
    rf"\b(?:{_WITH}|{_AFTER})[-\s]*(?:de\s+)?{_THING}",
    "withcontrast",
    r"(?<=[a-z])w(?:iv)?contrast",
    rf"\b(?:with|w/?|mit|avec|post){_END}",
    r"\bpost\s+\d+(?:\.\d+|\s?mm)(?!\w)",  # "POST 5.0", not "post 2 days"
    rf"\b{_SIGNED}\s?\+(?!\s*[tl]\b|\s*/?\s*-(?!\w))",  # not "C+T spine"
    r"\+\s?(?:km|cm|iv|mdc|contr\w*|kontr\w*|gad\w*|gd)\b",
    rf"\+\s?{_C}",
    r"\(\+\)",
    rf"(?:^|\s)\+{_END}",
    r"\bce(?:ct)?\b(?!\s+(?:jour|soir|matin|mois|mark|qu\w*))",  # not "ce jour"
    r"\bc plus\b",
    r"\bapc\b",  # avec produit de contraste
    r"(?<!\d)(?<!\d )\bkm\b(?!/)",
    r"\bmdc\b",
    r"\binj(?:ect\w*|izier\w*|\.|\b)",
    r"\binyec\w*",
    r"\biniez\w*",
    _NOT_OF_IMAGES + r"\bcontrast(?:e|ed|o|ad[oa])?\b(?!\s*(?:res|to noise|ratio))",
    _NOT_OF_IMAGES + r"\bkontrast(?:mittel|verst\w*)?\b",
    _NOT_OF_IMAGES + r"\benhanced\b",
    rf"\b{_AGENT}",
    r"\bс\s+контраст\w*",
    r"\b(?:ze?|se?|med|sa)\s+kontrast\w*",
    r"\bcu\s+contrast\w*",
    r"\bkontrastl[iı]\b",
    r"\b\d+\s*(?:s|sec|min)\w*\s+delay",
    "조영",
    "增强",
    "增強",
    "造影",
)

# an examination of the vessels: this series is with contrast, a study begins with one without
VESSELS = _any(
    r"\bcta\d*\b",
    r"\bct[vp]\b",
    r"angio(?!path|ma|plast|edema|oedem|sarc)",
    r"perfusi(?:on|e)",
    r"\bvenogra",
    r"\b(?:arteri(?:al|el+e?)|veno(?:us|s|sa)|veineu(?:x|se))\b(?!.*(?:sinus|thromb|infarct|malf))",
    r"(?:arterial|venous|delayed|portal|late|early)\s+phase",
    r"(?:артериальн|венозн)\w*\s+фаз",
    r"\bbolus",
)

NO_AGENT = _any(
    "-+",
    r"0+(?:[.,]0*)?\s*(?:ml|cc|mg|g)?",
    r"n/?a|n\.a\.?|not appl\w*",
    "n|no|non|none|nil|null|nan|zero|false|off|nein|nee|nothing",
    r"нет|brak|bez|ingen\w*|ut[ae]n|uden|ei|ilman|yok|hay[iı]r|nincs|nem|nao|zadn\w*|neni|nu|fara",
    "[無无]|無し|なし|ナシ|없음|没有",
    r"-\s?(?:c|km|iv|cm)",
    r"(?:none|not|nicht|non|no|pas)\s+(?:was\s+)?(?:given|administered|used|injected|applied"
    r"|received|needed|required|gegeben|verabreicht|administre|utilise|administrado|usado"
    r"|somministrato)",
    r"kein\w*|aucun\w*|ningun[oa]?|nessun[oa]?|geen|nenhum\w*",
    r"(?:no|none|kein\w*|aucun\w*|ningun\w*)\s+(?:agent|bolus|km|cm|iv|dye|medium|media)",
)
UNKNOWN_AGENT = _any(
    r"\?+",
    r"unk|(?:contrast |agent )?unknown(?: \w+)?|unspec\w*|undef\w*|undetermined|uncertain",
    r"(?:not|nicht|non|no)\s+(?:known|spec\w*|recorded|documented|stated|available|entered|bekannt"
    r"|angegeben|precise|renseigne|especificad[oa]|disponible|noto|specificato)",
    r"unbekannt|inconnue?|desconocid[oa]|desconhecid[oa]|sconosciut[oa]|onbekend|неизвестно",
    r"k\.?\s?a\.?|keine angaben?",
    r"anonym\w*|removed|redacted|de-?identified|dummy|deleted|x{2,}",
)
NOT_THIS_AGENT = _any(  # "no Omnipaque", "Omnipaque 0 ml", "0 ml Omnipaque"
    rf"(?:{_WITHOUT}|\b{_NONE})\s*{_AGENT}",
    rf"\b{_AGENT}\D*\b0+(?:[.,]0+)?\s*(?:ml|cc)\b",
    r"^0+(?:[.,]0+)?\s*(?:ml|cc)\s+\w+",
)
