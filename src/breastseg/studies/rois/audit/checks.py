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

_FEW = 5  # images of one source: that they have one class may be chance
_MOST_SIZES = 8  # with more, images were cut one by one, and sizes are no sources
_FEW_PATIENTS = 10
_FOLDS = 5
_GIVEN_AWAY = 0.6
"""An area under the curve whose interval lies above this is named."""
_WHITE = 65535


def shared_patients(group: Items) -> list[Finding]:
    """Name patients that are in more than one part."""
    parts: dict[str, set[str]] = {}
    for item in group.items:
        if item.patient and item.part:
            parts.setdefault(item.patient, set()).add(item.part)
    shared = []
    for patient in sorted(parts):
        if len(parts[patient]) > 1:
            shared.append(patient)
    if not shared:
        return []
    return [
        Finding(
            "leak",
            "patients",
            f"{group.title}: {len(shared)} of {counted(len(parts), 'patient')} are on more than"
            f" one side of the split: {listed(shared)}",
            "split by patient",
            {"patients": len(shared), "of": len(parts), "names": shared[:SHOWN]},
        )
    ]


def unknown(group: Items) -> list[Finding]:
    """Say what cannot be looked at."""
    findings = []
    without_patient = [item.name for item in group.items if not item.patient]
    if without_patient:
        findings.append(
            Finding(
                "warning",
                "unknown patients",
                f"{group.title}: no patient known of {counted(len(without_patient), 'image')}"
                f" ({listed(without_patient)}); whether a patient is on two sides cannot be told",
                "fill in the column patient",
                {"pictures": len(without_patient), "names": without_patient[:SHOWN]},
            )
        )
    if not any(item.part for item in group.items):
        findings.append(
            Finding(
                "note",
                "split",
                f"{group.title}: no split; what is on two sides was not looked for",
                "give --split-table, or a column split",
                {},
            )
        )
    return findings


def copies(group: Items, pairs: Sequence[Copy]) -> list[Finding]:
    """Name copies: on two sides, of two patients or classes, and others."""
    items = group.items
    across = []
    for pair in pairs:
        part = items[pair.one].part
        other_part = items[pair.other].part
        # an image without a part is on no side: a copy of it leaks nothing
        if part and other_part and part != other_part:
            across.append(pair)
    turned = [pair for pair in across if pair.turn]
    findings = []
    if across:
        made = " Turned copies were made before the split." if turned else ""
        findings.append(
            _pairs_finding(
                "leak",
                "copies on two sides",
                f"{group.title}: {counted(len(across), 'pair')} of copies on two sides of the"
                f" split, {len(turned)} of them turned or mirrored.{made}",
                "split first, then make copies of what trains",
                across,
                items,
            )
        )
    for attribute, what in (("patient", "patients"), ("label", "classes")):
        apart = []
        for pair in pairs:
            first = items[pair.one]
            second = items[pair.other]
            if getattr(first, attribute) != getattr(second, attribute):
                apart.append(pair)
        if apart:
            findings.append(
                _pairs_finding(
                    "warning",
                    f"copies of two {what}",
                    f"{group.title}: {counted(len(apart), 'pair')} of copies under two {what}",
                    f"find out which {attribute} is right",
                    apart,
                    items,
                )
            )
    if pairs and not across:
        findings.append(
            _pairs_finding(
                "note",
                "copies",
                f"{group.title}: {counted(len(pairs), 'pair')} of copies, none on two sides",
                "they count as more than one image in scores",
                pairs,
                items,
            )
        )
    return findings


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
        first = items[pair.one].name
        second = items[pair.other].name
        names.append(f"{first} = {second}")
    with_names = f"{sentence} ({listed(names, 2)})"
    numbers = {"pairs": len(pairs), "names": names[:SHOWN]}
    return Finding(severity, check, with_names, advice, numbers)


def one_sided(group: Items, sizes: Sequence[tuple[int, int]]) -> list[Finding]:
    """Name sources that have one class only, beside others that have more.

    Where classes come from different sources, whatever tells the sources apart names the class:
    scanner, size, compression. Sizes and kinds of files are looked at as sources that nobody names.
    """
    sources: list[str] = []
    suffixes: list[str] = []
    shapes: list[str] = []
    for item, (height, width) in zip(group.items, sizes, strict=True):
        sources.append(item.source)
        suffixes.append(item.suffix)
        shapes.append(f"{width} x {height} px")
    findings = _one_sided(group, sources, "source", "leak")
    if len(set(shapes)) <= _MOST_SIZES:
        findings += _one_sided(group, shapes, "size of images", "warning")
    return findings + _one_sided(group, suffixes, "kind of files", "warning")


def _one_sided(group: Items, sources: Sequence[str], what: str, severity: str) -> list[Finding]:
    by_source: dict[str, Counter[str]] = {}  # source -> images of each class
    of_class: Counter[str] = Counter()
    for source, item in zip(sources, group.items, strict=True):
        if source and item.label:
            by_source.setdefault(source, Counter())[item.label] += 1
            of_class[item.label] += 1
    # One source, or one class, can tell nothing apart.
    if len(by_source) < 2 or len(of_class) < 2:
        return []
    findings = []
    for source, classes in sorted(by_source.items()):
        if len(classes) > 1 or classes.total() < _FEW:
            continue
        label, number = next(iter(classes.items()))
        whole = of_class[label]
        findings.append(
            Finding(
                severity,
                f"one {what}",
                f"{group.title}: {number} of {whole} of class '{label}' are of the {what}"
                f" '{source}', which has no other class: the {what} tells the class",
                f"take both classes from each {what}, or leave these out",
                {what: source, "class": label, "pictures": number, "of": whole},
            )
        )
    return findings


def given_away(group: Items, reporter: Reporter) -> list[Finding]:
    """Name classes that centre against ring or random weights tell apart, by patient.

    Then a score says how regions were chosen: normal ones that were cut anywhere differ from those
    centred on a finding without any sign of disease.
    """
    chosen = []
    for item in group.items:
        # a copy that the study made says the same as its original
        if item.original and item.label and item.patient:
            chosen.append(item)
    labels = sorted({item.label for item in chosen})
    patients = [item.patient for item in chosen]
    has_patients = len(set(patients)) >= _FEW_PATIENTS
    if not group.are_regions or len(labels) != 2 or not has_patients:
        return []
    if find_spec("torch") is None or find_spec("sklearn") is None:
        reporter.message(
            "how regions were chosen was not looked at: needs pip install 'breastseg[train]'"
        )
        return []
    # Here: it needs the two packages that were just looked for.
    from breastseg.studies.rois.audit.guesses import guesses

    grey = np.stack([resized(item.read(), CROP_PX) for item in chosen])  # (N, px, px), 0 to 1
    crops = np.round(grey * _WHITE).astype(np.uint16)
    truth = np.array([labels.index(item.label) for item in chosen])  # (N,)
    findings = []
    for name, probability in guesses(crops, truth, patients, _FOLDS).items():
        scores = ranking(truth, probability, patients)
        auc = scores["auc"]
        interval = scores["auc_interval"]
        reporter.message(f"{group.title}: {name} alone, by patient: AUC {auc:.2f}")
        # By its lower end: with few patients, chance alone gives high values.
        if interval is None or interval[0] <= _GIVEN_AWAY:
            continue
        low, high = interval
        findings.append(
            Finding(
                "warning",
                "given away",
                f"{group.title}: {name}, without any learning of mammograms, tell '{labels[1]}'"
                f" from '{labels[0]}': AUC {auc:.2f} [{low:.2f}, {high:.2f}] by patient",
                "cut regions of both classes in the same way (off centre, matched places), and"
                " show this number beside every score",
                {"auc": round(auc, 4), "interval": [round(low, 4), round(high, 4)]},
            )
        )
    return findings
