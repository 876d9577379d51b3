"""Codes of the words."""

from breastseg.mammography.reports.codes import VALUES, triple
from breastseg.mammography.reports.vocabulary import (
    CERTAINTIES,
    CHANGES,
    CONCERN,
    DENSITIES,
    DEPTHS,
    DESCRIPTORS,
    KINDS,
    QUADRANTS,
    SIDES,
)


def test_every_word_has_a_code_of_its_own():
    tables = {"kind": KINDS, "side": SIDES, "category": CONCERN, "density": DENSITIES,
    "quadrant": QUADRANTS,
              "depth": DEPTHS, "change": CHANGES, "certainty": CERTAINTIES}  # fmt: skip
    tables |= {name: table for name, (_, table) in DESCRIPTORS.items()}
    for field, table in tables.items():
        found = [triple(field, value) for value in table]
        assert len({code[:2] for code in found}) == len(found)
        assert all(0 < len(code) <= 16 and 0 < len(meaning) <= 64 for code, _, meaning in found)
        assert set(VALUES.get(field, {})) <= set(table)
