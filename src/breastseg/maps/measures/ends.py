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
    ends: dict[str, tuple[float, float]] = {}
    for name, margin in margins.classes.items():
        percent = measures.get(f"{name}_percent")
        if margin.log_odds is None or not isinstance(percent, (int, float)):
            continue
        if percent != percent:  # nothing was analysed
            low = high = percent
        else:
            # Rounding may make a share of all pixels a little more than 1, which has no log odds.
            low_share, high_share = share_ends(min(percent / 100, 1.0), margin.log_odds)
            # Rounding must not put the value itself outside of its own ends.
            low = min(100 * low_share, percent)
            high = max(100 * high_share, percent)
        ends[f"{name}_percent"] = low, high
        area = float(measures[f"{name}_mm2"] or 0)
        if analysed:
            area_ends = min(analysed * low / 100, area), max(analysed * high / 100, area)
        else:
            area_ends = 0.0, 0.0
        ends[f"{name}_mm2"] = area_ends
    return ends
