"""Whole fields that teach the laboratory instead of the tissue."""

from collections.abc import Iterator

from breastseg.data.audit.findings import SHOWN, Finding, listed
from breastseg.data.audit.leaks import Split
from breastseg.data.dataset import Dataset
from breastseg.wording import counted

_UNKNOWN = "an unknown hospital"


def one_sided(data: Dataset, used: Split | None) -> Iterator[Finding]:
    """Yield a finding for each class that fields of a hospital lack, when nothing there has it.

    Args:
        data: the data set.
        used: the split in use, of which the training part is looked at; None looks at all regions.
    """
    regions = [str(region) for region in data.regions.index]
    if used is not None:
        training = set(used.rows.loc[used.rows["part"] == "train", "region"])
        regions = [region for region in regions if region in training]
    sites = data.regions.loc[regions, "site"].replace("", _UNKNOWN)
    for name in data.label_map.names:
        facts = data.facts.loc[regions, name]
        has_it = (facts > 0) | (data.class_pixels.loc[regions, name] > 0)
        sites_with = set(sites[has_it])
        lacking = sites[(facts < 0) & ~sites.isin(sites_with)]
        if lacking.empty:
            continue
        places = sorted(set(map(str, lacking)))
        yield Finding(
            "warning",
            "one-sided fields",
            f"{counted(len(lacking), 'field')} without {name}, from where nothing has it "
            f"({listed(places)}): the colours of that laboratory alone tell a network so",
            f"add fields with {name} or areas of it from the same place, or leave these out",
            {"class": name, "count": len(lacking), "sites": places[:SHOWN]},
        )
