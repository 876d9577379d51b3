"""Copying a TIFF byte by byte: every byte keeps its place, and only known ones are copied."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from breastseg.privacy import tiff_copy
from breastseg.privacy.tiff_copy import check_apart, write_copy
from breastseg.privacy.tiff_form import TiffFileForm
from breastseg.privacy.tiff_plan import pixel_places, plan_tiff
from private_slides import write_labelled_ome, write_ndpi, write_scanned_svs


@pytest.mark.parametrize("seed", range(6))
def test_ranges_are_merged_as_by_a_slow_loop(seed: int) -> None:
    rng = np.random.default_rng(seed)
    starts = rng.integers(0, 60, 12)
    ranges = [
        (int(start), int(start + length))
        for start, length in zip(starts, rng.integers(1, 9, 12), strict=True)
    ]
    covered = np.zeros(80, bool)
    for start, end in ranges:
        covered[start:end] = True
    merged = tiff_copy._merged(tiff_copy._array(ranges)).tolist()
    again = np.zeros(80, bool)
    for start, end in merged:
        again[start:end] = True
    assert np.array_equal(again, covered)
    for (_, end), (start, _) in itertools.pairwise(merged):
        assert end < start, "ranges that touch are one"


def test_nothing_merged_is_nothing() -> None:
    assert tiff_copy._merged(tiff_copy._array([])).shape == (0, 2)


@pytest.mark.parametrize(
    ("write", "name"),
    [
        (write_scanned_svs, "a.svs"),
        (write_labelled_ome, "a.ome.tif"),
        (write_ndpi, "a.ndpi"),
    ],
)
def test_a_byte_of_the_copy_is_that_of_the_slide_or_zero_but_in_directories_and_texts(
    tmp_path: Path, write: object, name: str
) -> None:
    slide = write(tmp_path / name)  # type: ignore[operator]
    out = tmp_path / f"copy-{name}"
    with slide.open("rb") as file:
        form = TiffFileForm(slide, file)
        plan = plan_tiff(form)
        check_apart(form, plan)
        write_copy(form, plan, out)
        rewritten = np.zeros(form.end, bool)
        for directory in plan.all_kept():
            rewritten[directory.place : tiff_copy._table_end(form, directory)] = True
            text = directory.entries.get(270)
            if directory.place in plan.texts and text is not None and text.place is not None:
                rewritten[text.place : text.place + text.length] = True
        gone = np.zeros(form.end, bool)
        for directory in plan.dropped:
            for start, length in pixel_places(form, directory):
                gone[start : start + length] = True
    before = np.frombuffer(slide.read_bytes(), np.uint8)
    after = np.zeros(len(before), np.uint8)
    copied = np.frombuffer(out.read_bytes(), np.uint8)
    assert len(copied) <= len(before)
    after[: len(copied)] = copied
    differs = (after != before) & (after != 0) & ~rewritten
    assert not differs.any()
    assert not after[gone].any(), "pixels of label and macro images"
    with slide.open("rb") as file:
        form = TiffFileForm(slide, file)
        for directory in plan.all_kept():
            for start, length in pixel_places(form, directory):
                assert np.array_equal(after[start : start + length], before[start : start + length])
