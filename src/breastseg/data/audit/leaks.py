"""Who is in two parts of a split: patients, slides, regions, and images that overlap."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from breastseg.data.audit.findings import SHOWN, Finding, listed
from breastseg.data.audit.places import overlapping
from breastseg.data.dataset import Dataset
from breastseg.data.split import PARTS, listed_split
from breastseg.wording import counted

_KINDS = {"patient": "patient", "slide": "slide", "field": "region"}
_KAGGLE_224 = re.compile(r".+_MPP-0_\d+_\d+_size224")


@dataclass(frozen=True, eq=False)
class Split:
    """One way in which the data set is split.

    Attributes:
        name: in words.
        rows: region, part, patient, site, slide, field; a region that is listed twice has two rows.
        used: whether training and evaluation would go by it.
    """

    name: str
    rows: pd.DataFrame
    used: bool

    @property
    def severity(self) -> str:
        """How bad it is when something is in two parts: of a split that nobody uses, a warning."""
        return "leak" if self.used else "warning"

    def parts(self) -> dict[str, set[str]]:
        """Return the parts of every region."""
        return {str(region): set(parts) for region, parts in self.rows.groupby("region")["part"]}


def splits(data: Dataset, where: pd.DataFrame) -> list[Split]:
    """Return the splits of a data set: its `split.csv` as it lies there, and the source's own,
    which counts where there is no other.

    Args:
        data: the data set.
        where: from `places`.

    Raises:
        SplitError: `split.csv` is no such table, names an unknown part, or lists other regions.
    """
    about = data.regions[["patient", "site"]].join(where[["slide", "field"]])
    all_splits = []
    path = data.path / "split.csv"
    has_split = path.is_file()
    if has_split:
        rows = listed_split(data)["split"].rename("part").rename_axis("region").reset_index()
        all_splits.append(Split("split.csv", rows.join(about, on="region"), used=True))
    own = data.regions["source_split"]
    own = own[own != ""]
    if len(own):
        rows = pd.DataFrame({"region": own.index, "part": own.to_numpy()})
        rows = rows.join(about, on="region")
        all_splits.append(Split("the source's own split", rows, used=not has_split))
    return all_splits


def shared(split: Split) -> Iterator[Finding]:
    """Yield a finding for patients, for slides and for regions that are in more than one part."""
    for column, noun in _KINDS.items():
        by_name = split.rows.groupby(column)["part"]
        parts = by_name.agg(lambda values: sorted(set(values), key=PARTS.index))
        double = parts[parts.map(len) > 1]
        if double.empty:
            continue
        names = [str(name) for name in double.index]
        both = sorted({" + ".join(names_of_parts) for names_of_parts in double})
        are = "is" if len(names) == 1 else "are"
        yield Finding(
            split.severity,
            f"shared {noun}",
            f"{len(names):,} of {counted(len(parts), noun)} {are} in"
            f" more than one part of {split.name} ({', '.join(both)}): {listed(names)}",
            _advice(split),
            {
                "split": split.name,
                "count": len(names),
                "of": len(parts),
                "parts": both,
                "names": names[:SHOWN],
            },
        )


def _advice(split: Split) -> str:
    if not split.used:
        return "never split with --scheme source, nor compare with scores that were"
    return "split again by patient: breastseg split DATASET --scheme random, or bcss-official"


def overlaps(split: Split, where: pd.DataFrame) -> Iterator[Finding]:
    """Yield a finding when images of different parts show the same tissue, by the positions in
    their names."""
    parts = split.parts()
    count = 0
    largest = 0.0
    names = []
    for one, other, share in overlapping(where.loc[sorted(parts)]):
        if len(parts[one] | parts[other]) > 1:
            count += 1
            largest = max(largest, share)
            if count <= SHOWN:
                names.append(f"{one} + {other}")
    if count:
        yield Finding(
            split.severity,
            "overlap",
            f"{counted(count, 'pair')} of overlapping images in different parts of {split.name},"
            f" by the positions in their names, by up to {largest:.0%} of the smaller: {names[0]}",
            _advice(split),
            {
                "split": split.name,
                "pairs": count,
                "largest_share": round(largest, 4),
                "names": names,
            },
        )


def kaggle_224(data: Dataset, all_splits: list[Split]) -> Iterator[Finding]:
    """Yield a finding when these are the tiles of the Kaggle copy that was split at random per
    tile."""
    tiles = [name for name in map(str, data.regions.index) if _KAGGLE_224.fullmatch(name)]
    # Fewer than half are tiles among other images, and no copy.
    if 2 * len(tiles) < len(data.regions):
        return
    # How many regions have tiles in two parts, by split.
    mixed = {}
    for split in all_splits:
        parts_of_fields = split.rows.groupby("field")["part"].nunique()
        mixed[split.name] = int((parts_of_fields > 1).sum())
    leaks = any(mixed[split.name] for split in all_splits if split.used)
    merged = _no_code_above_2(data)
    numbers: dict[str, object] = {
        "tiles": len(tiles),
        "regions_in_two_parts": mixed,
        "codes_above_2": not merged,
    }
    pixels = (data.regions["width_px"] * data.regions["height_px"]).sum()
    unknown = data.regions["px_not_annotated"].sum() / max(1, pixels)
    numbers["share_not_annotated"] = round(float(unknown), 4)
    what_merged = advice = ""
    if merged:
        advice = "; take the 512-px copy or BCSS itself for the other classes"
        what_merged = (
            "; no code above 2 occurs, and in that copy those were merged into 0: what is not"
            f" annotated here ({unknown:.0%}) may be inflammation, necrosis or fat as well as"
            " outside_roi"
        )
    yield Finding(
        "leak" if leaks else "warning",
        "kaggle 224",
        f"these are the 224-px tiles of BCSS on Kaggle ({counted(len(tiles), 'tile')}), split there"
        f" at random per tile, so that every region is in every part{what_merged}",
        "split by patient (breastseg split), and never quote scores on that copy's own split"
        + advice,
        numbers,
    )


def _no_code_above_2(data: Dataset) -> bool:
    """Return whether the truth has no class of a code above 2, though the label map has some."""
    higher = [entry.name for entry in data.label_map.classes if min(entry.codes) > 2]
    if not higher or not data.class_pixels.to_numpy().any():
        return False
    return not data.class_pixels[higher].to_numpy().any()
