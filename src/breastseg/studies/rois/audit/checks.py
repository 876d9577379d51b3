"""The checks of an audit: patients, copies, sources, and what tells classes without learning."""

from collections import Counter
from collections.abc import Sequence
from importlib.util import find_spec

import numpy as np

from breastseg.data.audit.findings import SHOWN, Finding, listed
from breastseg.metrics.ranking import ranking
from breastseg.reporter import Reporter
from breastseg.studies.rois.audit.copies import Copy
from breastseg.studies.rois.audit.items import CROP_PX, Item, Items, resized
from breastseg.wording import counted

_FEW = 5
_MOST_SIZES = 8
_FEW_PATIENTS = 10
_FOLDS = 5
_GIVEN_AWAY = 0.6
"""An area under the curve whose interval lies above this is named."""
_WHITE = 65535


def shared_patients(held: Items) -> list[Finding]:
    """Name patients that are in more than one part."""
    parts: dict[str, set[str]] = {}
    for item in held.items:
        if item.patient and item.part:
            parts.setdefault(item.patient, set()).add(item.part)
    both = sorted(patient for patient, where in parts.items() if len(where) > 1)
    if not both:
        return []
    return [
        Finding(
            "leak",
            "patients",
            f"{held.title}: {len(both)} of {counted(len(parts), 'patient')} are on more than one"
            f" side of the split: {listed(both)}",
            "split by patient",
            {"patients": len(both), "of": len(parts), "names": both[:SHOWN]},
        )
    ]


def unknown(held: Items) -> list[Finding]:
    """Say what cannot be looked at."""
    found = []
    nobodys = [item.name for item in held.items if not item.patient]
    if nobodys:
        found.append(
            Finding(
                "warning",
                "unknown patients",
                f"{held.title}: no patient known of {counted(len(nobodys), 'picture')}"
                f" ({listed(nobodys)}); whether a patient is on two sides cannot be told",
                "fill in the column patient",
                {"pictures": len(nobodys), "names": nobodys[:SHOWN]},
            )
        )
    if not any(item.part for item in held.items):
        found.append(
            Finding(
                "note",
                "split",
                f"{held.title}: no split; what is on two sides was not looked for",
                "give --split-table, or a column split",
                {},
            )
        )
    return found


def copies(held: Items, pairs: Sequence[Copy]) -> list[Finding]:
    """Name copies: on two sides, of two patients or classes, and others."""
    items = held.items
    across = []
    for pair in pairs:
        part, other_part = items[pair.one].part, items[pair.other].part
        # a picture without a part is on no side: a copy of it leaks nothing
        if part and other_part and part != other_part:
            across.append(pair)
    turned = [pair for pair in across if pair.turn]
    found = []
    if across:
        made = " Turned copies were made before the split." if turned else ""
        found.append(
            _pairs_finding(
                "leak",
                "copies on two sides",
                f"{held.title}: {counted(len(across), 'pair')} of copies on two sides of the"
                f" split, {len(turned)} of them turned or mirrored.{made}",
                "split first, then make copies of what trains",
                across,
                items,
            )
        )
    for attribute, what in (("patient", "patients"), ("label", "classes")):
        apart = [
            pair
            for pair in pairs
            if getattr(items[pair.one], attribute) != getattr(items[pair.other], attribute)
        ]
        if apart:
            found.append(
                _pairs_finding(
                    "warning",
                    f"copies of two {what}",
                    f"{held.title}: {counted(len(apart), 'pair')} of copies under two {what}",
                    f"find out which {attribute} is right",
                    apart,
                    items,
                )
            )
    if pairs and not across:
        found.append(
            _pairs_finding(
                "note",
                "copies",
                f"{held.title}: {counted(len(pairs), 'pair')} of copies, none on two sides",
                "they count as more than one picture in scores",
                pairs,
                items,
            )
        )
    return found


def _pairs_finding(
    severity: str,
    check: str,
    sentence: str,
    advice: str,
    pairs: Sequence[Copy],
    items: Sequence[Item],
) -> Finding:
    names = []
    for pair in pairs:
        names.append(f"{items[pair.one].name} = {items[pair.other].name}")
    told = f"{sentence} ({listed(names, 2)})"
    return Finding(severity, check, told, advice, {"pairs": len(pairs), "names": names[:SHOWN]})


def one_sided(held: Items, sizes: Sequence[tuple[int, int]]) -> list[Finding]:
    """Name sources that have one class only, beside others that have more.

    Where classes come from different sources, whatever tells the sources apart names the class:
    scanner, size, compression. Sizes and kinds of files are looked at as sources that nobody names.
    """
    found = _one_sided(held, [item.source for item in held.items], "source", "leak")
    shapes = [f"{width} x {height} px" for height, width in sizes]
    if len(set(shapes)) <= _MOST_SIZES:
        found += _one_sided(held, shapes, "size of pictures", "warning")
    kinds = [item.suffix for item in held.items]
    return found + _one_sided(held, kinds, "kind of files", "warning")


def _one_sided(held: Items, sources: Sequence[str], what: str, severity: str) -> list[Finding]:
    counts: dict[str, Counter[str]] = {}
    for source, item in zip(sources, held.items, strict=True):
        if source and item.label:
            counts.setdefault(source, Counter())[item.label] += 1
    labels = {label for held_by in counts.values() for label in held_by}
    if len(counts) < 2 or len(labels) < 2:
        return []
    found = []
    for source, held_by in sorted(counts.items()):
        if len(held_by) > 1 or sum(held_by.values()) < _FEW:
            continue
        label, number = next(iter(held_by.items()))
        whole = sum(one[label] for one in counts.values())
        found.append(
            Finding(
                severity,
                f"one {what}",
                f"{held.title}: {number} of {whole} of class '{label}' are of the {what}"
                f" '{source}', which has no other class: the {what} tells the class",
                f"take both classes from each {what}, or leave these out",
                {what: source, "class": label, "pictures": number, "of": whole},
            )
        )
    return found


def given_away(held: Items, reporter: Reporter) -> list[Finding]:
    """Name classes that centre against ring or random weights tell apart, by patient.

    Then a score says how regions were chosen: normal ones that were cut anywhere differ from those
    centred on a finding without any sign of disease.
    """
    chosen = [item for item in held.items if item.original and item.label and item.patient]
    labels = sorted({item.label for item in chosen})
    patients = [item.patient for item in chosen]
    if not held.are_regions or len(labels) != 2 or len(set(patients)) < _FEW_PATIENTS:
        return []
    if find_spec("torch") is None or find_spec("sklearn") is None:
        reporter.message(
            "how regions were chosen was not looked at: needs pip install 'breastseg[train]'"
        )
        return []
    from breastseg.studies.rois.audit.guesses import guesses

    grey = np.stack([resized(item.read(), CROP_PX) for item in chosen])
    crops = np.round(grey * _WHITE).astype(np.uint16)
    truth = np.array([labels.index(item.label) for item in chosen])
    found = []
    for name, probability in guesses(crops, truth, patients, _FOLDS).items():
        scores = ranking(truth, probability, patients)
        auc, interval = scores["auc"], scores["auc_interval"]
        reporter.message(f"{held.title}: {name} alone, by patient: AUC {auc:.2f}")
        if interval is None or interval[0] <= _GIVEN_AWAY:
            continue
        found.append(
            Finding(
                "warning",
                "given away",
                f"{held.title}: {name}, without any learning of mammograms, tell '{labels[1]}' from"
                f" '{labels[0]}': AUC {auc:.2f} [{interval[0]:.2f}, {interval[1]:.2f}] by patient",
                "cut regions of both classes in the same way (off centre, matched places), and"
                " show this number beside every score",
                {"auc": round(auc, 4), "interval": [round(end, 4) for end in interval]},
            )
        )
    return found
