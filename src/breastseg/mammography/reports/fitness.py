"""Whether a text is an English report of the breast; if not, which words say so."""

import re
from collections import Counter

from breastseg.errors import InputError
from breastseg.mammography.reports.reading import WANTED


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_ENGLISH = frozenset(
    _words(
        "the of and is are was were in on at with without no not there has have been be this that "
        "these those it its from to for by an as or but which than since both left right breast "
        "breasts seen shows show noted new present identified compared prior previous previously "
        "unchanged stable evidence recommended recommend finding findings history technique "
        "comparison impression recommendation conclusion opinion follow up month months year "
        "years routine screening annual side upper lower outer inner quadrant clock o'clock cm mm "
        "size measures measuring mass masses lesion calcifications calcification suspicious "
        "benign malignant malignancy negative normal density dense scattered tissue fatty skin "
        "nipple lymph node nodes axilla axillary biopsy core ultrasound mammogram mammography "
        "mammographic views view digital bilateral margins margin irregular oval round category "
        "assessment distortion architectural asymmetry implant implants cyst distance depth "
        "anterior posterior middle hx comp dens br imp rec irreg spic us bx neg fn bi rads birads "
        "acr dx f u yr cc mlo "
    )
)
"""Words that reports in English are made of."""
_SHARED = frozenset(
    _words("bi rads birads acr no normal bilateral digital mm cm cc mlo category r l br ni")
)
"""Words that reports in other languages have, too: they say nothing of the language."""
_OTHERS = {
    "German": _words(
        "der die das und ist mit ohne nicht kein keine im von zur bei eine einer des beidseits "
        "rechts links befund "
    ),
    "French": _words(
        "le les des du et est avec sans une dans sur pas sein droit gauche aucune cette au "
    ),
    "Spanish": _words(
        "el los las del y es con sin una en mama mamas mamografía hallazgos derecha izquierda se "
        "por para al "
    ),
    "Italian": _words(
        "il gli della del e con senza una nel mammella destra sinistra non alla si di "
    ),
    "Portuguese": _words(
        "os das do e com sem uma na no mama direita esquerda não da ao "
    ),
    "Dutch": _words(
        "het de een en van met zonder geen rechts links niet op te borst "
    ),
}  # fmt: skip
_BREAST = re.compile(
    r"breast|mammo|tomosynthesis|bi-?\s?rads|\bnipple|\bareola|\baxill|fibroglandular|\b[LR] br\b"
    r"|microcalcif"
    r"|(?:upper|lower)[\s/-]+(?:inner|outer)",
    re.IGNORECASE,
)
_ORGANS = re.compile(
    r"\b(?:lungs?|pulmonary|pleura\w*|chest|heart|cardiac|liver|hepatic|kidneys?|renal|spleen"
    r"|pancrea\w+|brain|cerebral|"
    r"ventricles|knee|meniscus|hip|femur|spine|lumbar|thoracic|cervical|vertebra\w*|abdomen|bowel"
    r"|colon|prostate|"
    r"uterus|ovar(?:y|ies)|thyroid|bladder|aorta|wrist|shoulder|ankle|sinus(?:es)?|gallbladder"
    r"|pelvis)\b",
    re.IGNORECASE,
)
_FEWEST, _LEAST_SHARE = 4, 0.25
"""Words of another language that are more than chance; and the share of words that an English
report must have, of which many are names and abbreviations."""


def check_language(text: str, where: str) -> None:
    """Raise InputError where a text is not in English; the line names words that were not
    recognised."""
    all_words = _WORD.findall(text)
    if not all_words:
        raise InputError(f"{where}: no words in it, {WANTED}")
    english = 0
    strangers: Counter[str] = Counter()
    for written in all_words:
        word = written.casefold()
        if word in _SHARED:
            continue
        if word in _ENGLISH:
            english += 1
        else:
            strangers[word] += 1
    number = english + strangers.total()
    if number == 0:
        return
    language, foreign = "", 0  # with the most words of its own among the strangers
    for name, its_own in _OTHERS.items():
        count = sum(strangers[word] for word in its_own)
        if count > foreign:
            language, foreign = name, count
    is_foreign = foreign >= _FEWEST and foreign > english / 2
    if not is_foreign and english >= _LEAST_SHARE * number:
        return
    unknown = [word for word, _ in strangers.most_common(12)]
    guess = f" (perhaps {language})" if is_foreign else ""
    raise InputError(
        f"{where}: not English as it seems{guess}: {english} of {number} words were recognised, "
        f"these were not: "
        f"{', '.join(unknown)}; only English reports are read, please give a translation"
    )


def check_organ(text: str, where: str) -> None:
    """Raise InputError where a text does not speak of the breast; the line names what it speaks
    of."""
    breast = len(_BREAST.findall(text))
    organs: Counter[str] = Counter()
    for organ in _ORGANS.findall(text):
        organs[organ.casefold()] += 1
    # Reports of the breast speak of the chest wall, or of metastases in the liver.
    if breast and (organs.total() <= 2 * breast or "mammo" in text.casefold()):
        return
    if organs:
        names = [name for name, _ in organs.most_common(6)]
        raise InputError(
            f"{where}: a report of something else (it speaks of {', '.join(names)}; of the breast "
            f"{breast} times), "
            f"{WANTED}; leave it out"
        )
    raise InputError(
        f"{where}: no word of the breast, a mammogram or BI-RADS in it, {WANTED}; leave it out or "
        f"look whether it is cut off"
    )
