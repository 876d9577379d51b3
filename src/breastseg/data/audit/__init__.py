"""audit(): what is wrong with a data set and its split, before anyone trains: leaks, copies,
colours, masks, um/px, focus.

OUT/audit.json   findings, leaks first, with their numbers; what each part holds; the colour
baseline
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from breastseg.data.audit.colours import colour_baseline, stain_gap
from breastseg.data.audit.confounded import confounded
from breastseg.data.audit.duplicates import duplicates
from breastseg.data.audit.fields import one_sided
from breastseg.data.audit.findings import AuditReport, Finding, SplitContents, by_severity
from breastseg.data.audit.leaks import Split, kaggle_224, overlaps, shared, splits
from breastseg.data.audit.look import Ints, look
from breastseg.data.audit.masks import contents, lopsided, merged, unannotated, unknown_patients
from breastseg.data.audit.places import places
from breastseg.data.audit.scales import against_bounds, out_of_focus, shows_nothing, unlike_scales
from breastseg.data.dataset import Dataset, open_dataset
from breastseg.files import own_folder, write_json

__all__ = ["Finding", "audit"]


def audit(
    dataset: str | Path, out: str | Path | None = None, *, source: str | Path | None = None
) -> AuditReport:
    """Look for what would make scores on a data set worthless.

    Args:
        dataset: folder of a prepared data set, split or not; where it has no `split.csv`, the
            source's own split counts.
        out: folder for audit.json; empty, or with an earlier audit of the same data. None writes
            nothing.
        source: the BCSS folder that it was prepared from, to compare sizes with its
            `meta/roiBounds.csv`.

    Returns:
        what audit.json holds: "findings" (severity, check, sentence, advice, numbers), "splits",
            "colours", and the data set's facts.

    Raises:
        DatasetError: no data set, or a damaged one.
        SplitError: its `split.csv` cannot be read or lists other regions.
        InputError: `source` has no bounds.
    """
    data = open_dataset(dataset)
    if out is None:
        return _audit(data, source)
    with own_folder(Path(out), "audit", {"data": data.fingerprint()}):
        report = _audit(data, source)
        write_json(Path(out) / "audit.json", report)
    return report


def _audit(data: Dataset, source: str | Path | None) -> AuditReport:
    where = places(data)
    all_splits = splits(data, where)
    bounds = [] if source is None else list(against_bounds(data, Path(source)))
    looks = look(data)
    used = next((split for split in all_splits if split.used), None)
    colours = colour_baseline(
        looks, _numbered(where["field"]), _numbered(data.regions["patient"]), _side(data, used)
    )
    findings = [
        *_of_splits(data, all_splits, where),
        *kaggle_224(data, all_splits),
        *duplicates(data, looks.hashes, ~shows_nothing(looks.regions).to_numpy(), all_splits),
        *stain_gap(colours, used is None or not any(shared(used))),
        *merged(data),
        *unlike_scales(data, where),
        *bounds,
        *out_of_focus(data, looks.regions),
        *unknown_patients(data),
        *unannotated(data),
        *one_sided(data, used),
        *confounded(data, used),
    ]
    of_splits: dict[str, SplitContents] = {}
    for split in all_splits:
        of_splits[split.name] = {"used": split.used, "parts": contents(data, split)}
    return {
        "data": data.fingerprint(),
        "mpp": data.mpp,
        "label_map": data.label_map.to_dict(),
        "parts": list(data.parts),
        "regions": len(data.regions),
        "patients": int(data.regions["patient"].nunique()),
        "findings": [finding.to_dict() for finding in by_severity(findings)],
        "splits": of_splits,
        "colours": colours,
    }


def _of_splits(data: Dataset, all_splits: list[Split], where: pd.DataFrame) -> Iterator[Finding]:
    for split in all_splits:
        yield from shared(split)
        yield from overlaps(split, where)
        if split.used:
            yield from lopsided(data, split)
    if not all_splits:
        advice = "breastseg split DATASET --scheme random, then audit again"
        yield Finding("note", "not split", "not split yet: nothing can be in two parts", advice, {})


def _numbered(names: pd.Series) -> Ints:
    """Return a number for each name, the same for the same name."""
    return np.asarray(pd.factorize(names)[0], np.intp)


def _side(data: Dataset, split: Split | None) -> Any:
    """Return each region's part in a split, "" where it has none."""
    if split is None:
        return None
    parts = split.rows.drop_duplicates("region").set_index("region")["part"]
    return parts.reindex(data.regions.index).fillna("").to_numpy(str)
