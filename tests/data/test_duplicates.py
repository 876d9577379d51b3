"""Images that are there twice: changed copies are near, others are not."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from audited import fields, finding, found, real, say_split
from breastseg.cli import main
from breastseg.data.audit import audit
from breastseg.data.audit.duplicates import NEAR_BITS, difference_hashes, near_pairs
from conftest import CROPS, tcga

CHANGES = {
    "itself": lambda p: p,
    "jpeg": lambda p: cv2.imdecode(cv2.imencode(".jpg", p, [cv2.IMWRITE_JPEG_QUALITY, 40])[1], 1),
    "smaller": lambda p: cv2.resize(p, (100, 100), interpolation=cv2.INTER_AREA),
    "recoloured": lambda p: np.clip(p * [1.1, 0.85, 0.95] + [-10, 12, 5], 0, 255).astype(np.uint8),
    "turned": lambda p: np.ascontiguousarray(np.rot90(p)),
    "mirrored": lambda p: np.ascontiguousarray(p[:, ::-1]),
    "turned and mirrored": lambda p: np.ascontiguousarray(np.rot90(p[::-1], 3)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_changed_copies_are_near_and_others_are_not(change: str) -> None:
    pictures = [real(i) for i in range(len(CROPS))]
    pairs = list(
        near_pairs(
            np.stack(
                [difference_hashes(p) for p in [*pictures, *(CHANGES[change](p) for p in pictures)]]
            )
        )
    )
    assert [(i, j) for i, j, _ in pairs] == [(i, i + len(pictures)) for i in range(len(pictures))]


def test_near_pairs_against_all_pairs() -> None:
    """Oracle: bits counted one by one; blocks of 256 are crossed, some hashes are planted near
    others."""
    rng = np.random.default_rng(1)
    hashes = rng.integers(0, 2**63, (300, 8, 4), dtype=np.uint64)
    hashes[290:, 3] = hashes[:10, 0] ^ np.uint64(2**40 + 2**7 + 1)
    bits = np.unpackbits(hashes.view(np.uint8), axis=2)
    wanted = {
        (i, j): int((bits[i, 0] != bits[j]).sum(axis=1).min())
        for i in range(300)
        for j in range(i + 1, 300)
    }
    assert {(i, j): n for i, j, n in near_pairs(hashes)} == {
        pair: n for pair, n in wanted.items() if n <= NEAR_BITS
    }
    assert next(iter(near_pairs(hashes))) == (0, 290, 12)


def test_a_copy_under_another_name_in_another_part(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The mirrored JPEG of a training image, as another patient, in test."""
    copy = np.ascontiguousarray(CHANGES["jpeg"](real(0))[:, ::-1])
    data = fields(
        tmp_path,
        {tcga("A2", "A001"): real(0), tcga("A2", "A002"): real(1), tcga("OL", "C001"): copy},
    )
    names = list(data.regions.index)
    say_split(data, dict(zip(names, ("train", "train", "test"), strict=True)))
    twin = finding(audit(data.path), "near-identical")
    assert (twin["severity"], twin["numbers"]["pairs"]) == ("leak", 1)
    assert f"{names[0]} + {names[2]}" in twin["numbers"]["names"][0]
    assert main(["audit", str(data.path)]) == 1
    assert capsys.readouterr().err.endswith(
        "scores on this split say nothing, keep one of each pair, then split again\n"
    )
    say_split(data, dict.fromkeys(names, "train"))
    twin = finding(audit(data.path), "near-identical")
    assert (twin["severity"], twin["numbers"]["where"]) == (
        "warning",
        "under the names of different patients",
    )


def test_pictures_that_show_nothing_are_no_copies_of_each_other_but_blank(tmp_path: Path) -> None:
    glass = np.full((96, 96, 3), 240, np.uint8)
    data = fields(
        tmp_path,
        {tcga("A2", "A001"): glass, tcga("OL", "C001"): glass, tcga("A1", "B001"): real(0)},
    )
    report = audit(data.path)
    assert "near-identical" not in found(report)
    assert finding(report, "blank")["numbers"]["count"] == 2
