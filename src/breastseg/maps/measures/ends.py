"""Low and high beside the areas and shares of a map: where the true ones are for most patients."""

from breastseg.bundles.margins import Margins
from breastseg.maps.record import Measures
from breastseg.metrics.conformal import share_ends

LOW, HIGH = "_low", "_high"


def with_ends(measures: Measures, margins: Margins | None) -> Measures:
    """Return a row of measures with NAME_mm2_low, NAME_mm2_high and the same of NAME_percent behind
    NAME_mm2 and NAME_percent, for each class that has a margin.

    Ends of an area are those of its share of what was analysed, whose area is known.
    """
    if margins is None:
        return measures
    row: Measures = {}
    ends = _ends(measures, margins)
    for key, value in measures.items():
        row[key] = value
        if key in ends:
            row[key + LOW], row[key + HIGH] = ends[key]
    return row


def _ends(measures: Measures, margins: Margins) -> dict[str, tuple[float, float]]:
    analysed = float(measures["analysed_mm2"] or 0)
    found = {}
    for name, margin in margins.classes.items():
        percent = measures.get(f"{name}_percent")
        if margin.log_odds is None or not isinstance(percent, (int, float)):
            continue
        if percent != percent:  # nothing was analysed
            ends = (percent, percent)
        else:
            low, high = share_ends(min(percent / 100, 1.0), margin.log_odds)
            ends = (100 * low, 100 * high)
            ends = (min(ends[0], percent), max(ends[1], percent))
        found[f"{name}_percent"] = ends
        area = float(measures[f"{name}_mm2"] or 0)
        low_mm2, high_mm2 = (analysed * end / 100 for end in ends)
        found[f"{name}_mm2"] = (
            (0.0, 0.0) if not analysed else (min(low_mm2, area), max(high_mm2, area))
        )
    return found
