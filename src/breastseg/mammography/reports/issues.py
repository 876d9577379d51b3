"""The codes of what is missing in a report or contradicts itself."""

from breastseg.mammography.reports.values import Issue, Source

CODES = {
    "missing-category": "no BI-RADS category",
    "missing-density": "no breast density",
    "missing-impression": "headings, but none of an impression",
    "missing-side": "a finding without a side",
    "missing-recommendation": "a category without a recommendation",
    "size-without-unit": "a size without mm or cm",
    "side-contradiction": "left in one place, right in another",
    "category-contradiction": "two categories for one examination",
    "category-words": "the number of a category against its words",
    "category-recommendation": "a recommendation that does not go with the category",
    "category-finding": "a finding that does not go with the category",
    "density-contradiction": "two densities",
    "place-contradiction": "a clock position outside the quadrant",
    "change-contradiction": "a change that the sizes deny",
    "present-and-absent": "a finding that is there and is not",
}
"""Code -> what it means."""


def issue(code: str, message: str, *sources: Source | None) -> Issue:
    """Return an issue with the places that it is about; None is no place."""
    places = []
    for source in sources:
        if source is not None:
            # Plain places: a Word would bring its value into the JSON.
            places.append(Source(source.start, source.end, source.sentence))
    return Issue(code, message, tuple(places))
