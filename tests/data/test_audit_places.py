"""Places in names: which slide, which field, where on it, and what overlaps."""

import numpy as np
import pandas as pd
import pytest

from breastseg.data.audit.places import overlapping, place


@pytest.mark.parametrize(
    ("name", "slide", "field", "x_um", "y_um", "named_px"),
    [
        (
            "TCGA-A1-A0SK-DX1_xmin45749_ymin25055_MPP-0_0_1120_size224",
            "TCGA-A1-A0SK-DX1",
            "TCGA-A1-A0SK-DX1_xmin45749_ymin25055_MPP-0",
            45749 * 0.25 + 1120 * 0.3,
            25055 * 0.25,
            224,
        ),
        (
            "TCGA-A2-A0D2-DX1_xmin40_ymin80_MPP-0.2500_y10_x20",
            "TCGA-A2-A0D2-DX1",
            "TCGA-A2-A0D2-DX1_xmin40_ymin80_MPP-0.2500",
            16,
            23,
            0,
        ),
        (
            "TCGA-A7-A0D9-01Z-00-DX2_18001_13001_1000_1000_0.9824",
            "TCGA-A7-A0D9-DX2",
            "TCGA-A7-A0D9-01Z-00-DX2_18001_13001_1000_1000_0.9824",
            18001 * 0.2456,
            13001 * 0.2456,
            0,
        ),
        ("TCGA-A1-A0SK-DX1_1001_2x6", "TCGA-A1-A0SK-DX1", "TCGA-A1-A0SK-DX1_1001", 0, 0, 0),
        ("scan7_x30_y10_64", "scan7", "scan7", 9, 3, 64),
        ("scan7", "scan7", "scan7", 0, 0, 0),
    ],
)
def test_places_in_names(
    name: str, slide: str, field: str, x_um: float, y_um: float, named_px: int
) -> None:
    found = place(name, 0.3, (67.2, 67.2))
    assert (found.slide, found.field, found.named_px) == (slide, field, named_px)
    assert (found.x_um, found.y_um) == pytest.approx((x_um, y_um))


def test_overlaps_against_all_pairs() -> None:
    """Oracle: every pair of 60 random boxes in two frames, by hand."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        rng.integers(1, 60, (60, 4)).astype(float),
        columns=["x_um", "y_um", "width_um", "height_um"],
        index=[f"r{k}" for k in range(60)],
    ).assign(frame=["a", "b"] * 30)
    boxes = table.to_dict("index")
    wanted = {}
    for one in boxes:
        for other in boxes:
            a, b = boxes[one], boxes[other]
            sides = [
                min(a[f"{k}_um"] + a[f"{s}_um"], b[f"{k}_um"] + b[f"{s}_um"])
                - max(a[f"{k}_um"], b[f"{k}_um"])
                for k, s in (("x", "width"), ("y", "height"))
            ]
            share = (
                max(0, sides[0])
                * max(0, sides[1])
                / min(a["width_um"] * a["height_um"], b["width_um"] * b["height_um"])
            )
            if one < other and a["frame"] == b["frame"] and share > 0.02:
                wanted[frozenset((one, other))] = share
    told = {frozenset((one, other)): share for one, other, share in overlapping(table)}
    assert told == pytest.approx(wanted)
    assert len(wanted) > 50
