"""Classes that come from one hospital or one scanner alone: what tells them apart may be the
laboratory."""

from collections.abc import Iterator

from breastseg.data.audit.findings import SHOWN, Finding
from breastseg.data.audit.leaks import Split
from breastseg.data.dataset import Dataset
from breastseg.data.regions_table import SCANNER
from breastseg.wording import counted

_OF = {"site": "hospital", SCANNER: "scanner"}


def confounded(data: Dataset, used: Split | None) -> Iterator[Finding]:
    """Yield a finding for each class of which all truth comes from one hospital, or one scanner,
    while others have truth too.

    Args:
        data: the data set; regions of which the hospital or scanner is unknown say nothing.
        used: the split in use, of which the training part is looked at; None looks at all regions.
    """
    regions = [str(region) for region in data.regions.index]
    if used is not None:
        training = set(used.rows.loc[used.rows["part"] == "train", "region"])
        regions = [region for region in regions if region in training]
    pixels = data.class_pixels.loc[regions]  # regions x classes
    table = data.regions.loc[regions]
    for column, noun in _OF.items():
        if column not in table:
            continue
        known = table[(table[column] != "") & (pixels.sum(axis=1) > 0)]
        if known[column].nunique() < 2:
            continue
        for name in data.label_map.names:
            having = known[pixels.loc[known.index, name] > 0]
            # Regions of unknown origin that have it could be of any.
            has_unknown = (pixels[name] > 0).sum() > len(having)
            if having[column].nunique() != 1 or has_unknown:
                continue
            place = str(having[column].iloc[0])
            others = known[known[column] != place]
            own_patients = counted(having["patient"].nunique(), "patient")
            other_places = counted(others[column].nunique(), "other")
            other_patients = counted(others["patient"].nunique(), "patient")
            yield Finding(
                "warning",
                "confounded",
                f"{name} comes from one {noun} alone, {place} ({own_patients}), and not from"
                f" {other_places} with {other_patients}: a network may learn its colours there in"
                f" place of the tissue",
                f"add {name} from another {noun}; a score of it says nothing of other {noun}s",
                {
                    "class": name,
                    "of": noun,
                    "group": place,
                    "patients": int(having["patient"].nunique()),
                    "regions": [str(region) for region in having.index[:SHOWN]],
                },
            )
