"""`find_tissue` on real tissue, painted fat and painted faults of a slide."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest

from breastseg.geometry import scaled_size
from breastseg.histology.tissue import find_tissue, tissue_mask
from breastseg.images import open_slide
from breastseg.images.slide import Pixels
from conftest import DATA, SHARED
from painted_tissue import (
    FIELDS,
    GLASS,
    Scene,
    clean_glass,
    drawn,
    grown,
    laid_over,
    paint_scene,
    pixels,
    tiled,
)

OVERVIEW = SHARED / "slides" / "BCNB_10010_wholeslide_overview_no-mpp.tif"


@pytest.fixture(scope="module")
def scene() -> Scene:
    return paint_scene()


def test_tissue_pale_tissue_and_fat_are_found_and_glass_is_not(scene: Scene) -> None:
    scene.check(find_tissue(scene.picture, mpp=8), false_area=0.0)


@pytest.mark.parametrize("path", FIELDS, ids=lambda path: path.stem[:28])
def test_a_field_without_glass_is_all_tissue(path: Path) -> None:
    field, mpp = pixels(path), 0.5 if "brca_m2c" in path.parts else 0.3
    small = cv2.resize(
        field, scaled_size((field.shape[1], field.shape[0]), mpp, 8), interpolation=cv2.INTER_AREA
    )
    assert find_tissue(small, mpp=8).all()
    assert find_tissue(tiled(small, 150), mpp=8).all()


def test_a_smooth_pale_pink_field_is_not_taken_for_glass() -> None:
    assert find_tissue(
        np.clip(clean_glass(200, 200, (242, 228, 238)), 0, 255).astype(np.uint8), mpp=8
    ).all()


def test_fat_alone_fills_its_picture(scene: Scene) -> None:
    y, x = (where[0] for where in np.nonzero(scene.fat))
    fat = np.ascontiguousarray(scene.picture[y : y + 130, x : x + 130])
    assert find_tissue(fat, mpp=8).mean() > 0.95


@pytest.mark.parametrize(
    "colour", [GLASS, (255, 255, 255), (189, 189, 187), (228, 232, 226), (0, 0, 0)], ids=str
)
def test_an_empty_slide_has_no_tissue(colour: tuple[int, int, int]) -> None:
    flat = np.full((300, 300, 3), colour, np.uint8)
    assert not find_tissue(flat, mpp=8).any()
    assert not find_tissue(
        np.clip(clean_glass(300, 300, colour), 0, 255).astype(np.uint8), mpp=8
    ).any()


INKS = {
    "blue": (40, 60, 170),
    "navy": (20, 30, 110),
    "light blue": (110, 150, 220),
    "green": (20, 120, 60),
    "dark green": (10, 60, 40),
    "black": (25, 25, 30),
    "red": (200, 30, 40),
    "bright red": (230, 60, 70),
}


@pytest.mark.parametrize("width_px", [20, 60])
@pytest.mark.parametrize("ink", INKS)
def test_pen_is_left_out_and_what_it_does_not_cover_stays(
    scene: Scene, ink: str, width_px: int
) -> None:
    """Strokes of 0.16 and 0.5 mm over glass, fat and tissue; tissue that shows through may stay."""
    strokes = [
        np.int32([(205, 10), (200, 230), (170, 300), (170, 419)]),
        np.int32([(420, 10), (400, 160), (380, 300), (390, 419)]),
    ]
    cover = drawn(
        scene.picture.shape, lambda canvas: cv2.polylines(canvas, strokes, False, 1, width_px), 2
    )
    uneven = cv2.GaussianBlur(np.random.default_rng(2).normal(1, 4, cover.shape), (0, 0), 12)
    mask = find_tissue(
        laid_over(scene.picture, cover * np.clip(uneven, 0.7, 1.3).astype(np.float32), INKS[ink]),
        mpp=8,
    )
    assert mask[(cover > 0.3) & scene.glass].mean() <= 0.002
    assert mask[(cover > 0.9) & (scene.fat | scene.pale)].mean() <= 0.01
    scene.check(mask, grown(cover > 0.02, 30))


@pytest.mark.parametrize("width_px", [1, 3, 6])
def test_a_coverslip_edge_is_left_out(scene: Scene, width_px: int) -> None:
    """A dark line with a bluish and a yellowish fringe, over glass and over fat."""
    picture = scene.picture
    for shift, colour in (
        (0, (130, 130, 132)),
        (width_px, (232, 238, 250)),
        (-width_px, (250, 240, 228)),
    ):
        for x in (215, 520):
            ends = (x + shift, 0), (x + 12 + shift, 420)
            line = drawn(
                picture.shape, lambda canvas, ends=ends: cv2.line(canvas, *ends, 1, width_px), 0.7
            )
            picture = laid_over(picture, line, colour)
    mask = find_tissue(picture, mpp=8)
    assert not mask[:, 500:].any()
    scene.check(mask)


def test_dust_hair_and_scratches_are_left_out(scene: Scene) -> None:
    rng = np.random.default_rng(4)

    def dirt(canvas: Pixels) -> None:
        for x, y, long, short, angle in rng.integers(
            (0, 0, 1, 1, 0), (560, 420, 9, 5, 180), (120, 5)
        ):
            cv2.ellipse(
                canvas, (int(x), int(y)), (int(long), int(short)), int(angle), 0, 360, 1, -1
            )
        for x, y in rng.integers(0, (560, 420), (12, 2)):
            cv2.polylines(
                canvas,
                [np.int32(np.cumsum([(x, y), *rng.normal(0, 12, (5, 2))], axis=0))],
                False,
                1,
                1,
            )

    cover = drawn(scene.picture.shape, dirt, 0.8)
    mask = find_tissue(laid_over(scene.picture, cover, (80, 80, 82)), mpp=8)
    assert mask[(cover > 0.2) & scene.glass].mean() <= 0.001
    scene.check(mask, grown(cover > 0.5, 5))


def vignette(picture: Pixels) -> Pixels:
    height, width = picture.shape[:2]
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]  # type: ignore[misc]
    return (picture * (1 - 0.15 * (x**2 + y**2))[..., None]).astype(np.uint8)


def stripes(picture: Pixels) -> Pixels:
    return (
        picture * np.where(np.arange(picture.shape[1]) // 40 % 2, 0.98, 1.0)[None, :, None]
    ).astype(np.uint8)


def shadow(picture: Pixels) -> Pixels:
    cover = drawn(picture.shape, lambda canvas: cv2.circle(canvas, (440, 200), 90, 1, -1), 6)
    return laid_over(picture, cover, (170, 170, 170))


@pytest.mark.parametrize("fault", [vignette, stripes, shadow], ids=lambda fault: fault.__name__)
def test_light_that_is_uneven_but_grey_changes_nothing(
    scene: Scene, fault: Callable[[Pixels], Pixels]
) -> None:
    scene.check(find_tissue(fault(scene.picture), mpp=8))


@pytest.mark.parametrize("colour", [(225, 225, 225), (215, 228, 245)], ids=["grey", "blue"])
def test_a_fingerprint_or_a_wiped_pen_is_left_out(
    scene: Scene, colour: tuple[int, int, int]
) -> None:
    """As rough as fat, but without its colour."""
    cover = drawn(
        scene.picture.shape,
        lambda canvas: cv2.ellipse(canvas, (460, 210), (60, 150), 0, 0, 360, 1, -1),
        4,
    )
    rough = cv2.GaussianBlur(np.random.default_rng(8).normal(0, 1, cover.shape), (0, 0), 1.2)
    smear = cover * np.clip(0.8 + 2 * rough, 0, 2).astype(np.float32)
    mask = find_tissue(laid_over(scene.picture, smear, colour), mpp=8)
    assert mask[(cover > 0.5) & scene.glass].mean() <= 0.01
    scene.check(mask, grown(cover > 0.02, 5))


def test_noise_of_one_channel_is_no_tissue() -> None:
    noisy = clean_glass(300, 300)
    noisy[..., 1] += np.random.default_rng(3).normal(0, 6, (300, 300))
    assert not find_tissue(np.clip(noisy, 0, 255).astype(np.uint8), mpp=8).any()


@pytest.mark.parametrize(
    ("value", "tint"),
    [(255, (1, 1, 1)), (230, (1, 1, 1)), (0, (1, 1, 1)), (255, (0.97, 1, 0.96))],
    ids=str,
)
def test_what_was_not_scanned_is_left_out(
    scene: Scene, value: int, tint: tuple[float, float, float]
) -> None:
    picture, empty = (scene.picture * tint).astype(np.uint8), np.zeros(scene.glass.shape, np.bool_)
    empty[:, 450:] = empty[:15] = empty[390:, 200:] = True
    picture[empty] = value
    mask = find_tissue(picture, mpp=8)
    assert not mask[empty].any()
    scene.check(mask, grown(empty, 12))


def test_a_lumen_is_tissue_and_a_cavity_is_not() -> None:
    """Rings of tissue round 0.24 mm and round 1.6 mm of glass."""
    picture = np.clip(clean_glass(400, 400), 0, 255).astype(np.uint8)
    for x, lumen_px in ((60, 15), (250, 100)):
        cv2.circle(picture, (x, 200), lumen_px + 12, (200, 120, 190), -1)
        cv2.circle(picture, (x, 200), lumen_px, GLASS, -1)
    mask = find_tissue(picture, mpp=8)
    assert mask[200, 60]
    assert not mask[200, 250]


def test_a_speck_is_left_out_unless_the_picture_cuts_it() -> None:
    picture = np.clip(clean_glass(200, 200), 0, 255).astype(np.uint8)
    for y in (0, 100):
        cv2.circle(picture, (100, y), 5, (200, 120, 190), -1)
    mask = find_tissue(picture, mpp=8)
    assert mask[:3, 98:103].all()
    assert not mask[20:].any()


def test_fluorescence_is_neither_all_nor_nothing() -> None:
    nuclei = np.zeros((200, 200, 3), np.uint8)
    nuclei[50:150, 50:150, 2] = np.random.default_rng(0).integers(40, 220, (100, 100))
    mask = find_tissue(nuclei, mpp=8)
    assert mask[60:140, 60:140].all()
    assert not mask[:30].any()


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (2, 2), (600, 1)])
@pytest.mark.parametrize("mpp", [2, 8, 20])
def test_any_size_has_a_mask(size: tuple[int, int], mpp: float) -> None:
    for value in (0, 120, 255):
        mask = find_tissue(np.full((*size, 3), value, np.uint8), mpp=mpp)
        assert mask.shape == size
        assert mask.dtype == np.bool_
        assert not mask.any()
    assert find_tissue(np.full((*size, 3), (200, 120, 190), np.uint8), mpp=mpp).all()


def test_turning_the_slide_turns_the_mask(scene: Scene) -> None:
    mask = find_tissue(scene.picture, mpp=8)
    for turns in (1, 2, 3):
        turned = find_tissue(np.ascontiguousarray(np.rot90(scene.picture, turns)), mpp=8)
        assert (turned == np.rot90(mask, turns)).mean() >= 0.9999


def test_bands_leave_no_seam(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = find_tissue(scene.picture, mpp=8)
    monkeypatch.setattr("breastseg.histology.bands._BAND_PX", 50)
    assert (find_tissue(scene.picture, mpp=8) == whole).all()


class Asked:
    """A slide that notes at which um/px it is read, and is white."""

    path, mpp_source = Path("asked.svs"), "given"

    def __init__(self, size_px: tuple[int, int], mpp: float) -> None:
        self.size_px, self.mpp, self.read_at = size_px, mpp, 0.0

    def read(self, box: object = None, *, mpp: float) -> Pixels:
        self.read_at = mpp
        width, height = scaled_size(self.size_px, self.mpp, mpp)
        return np.full((height, width, 3), 255, np.uint8)


@pytest.mark.parametrize(
    ("size_px", "mpp", "read_at"),
    [
        ((4000, 2000), 0.25, 8.0),
        ((40, 20), 10.0, 10.0),
        ((20_000, 10_000), 0.25, 0.25 * (2e8 / 100_000) ** 0.5),
    ],
)
def test_a_mask_has_8_um_unless_the_slide_is_coarser_or_absurdly_large(
    monkeypatch: pytest.MonkeyPatch, size_px: tuple[int, int], mpp: float, read_at: float
) -> None:
    # A hundredth of what a mask may have: 10 million take 12 s.
    monkeypatch.setattr("breastseg.histology.tissue.MASK_PIXELS", 100_000)
    slide = Asked(size_px, mpp)
    mask = tissue_mask(slide)  # type: ignore[arg-type]
    assert slide.read_at == pytest.approx(read_at)
    assert mask.shape == scaled_size(size_px, mpp, read_at)[::-1]
    assert mask.size <= 1.01 * 100_000


def test_a_slide_on_disk_has_a_mask_of_its_whole_field() -> None:
    with closing(open_slide(DATA / "slides" / "cmu1.svs")) as slide:
        mask = tissue_mask(slide)
    assert mask.shape == (30, 30)
    assert 0.3 < mask.mean() <= 1


FAT = (
    [
        (2725, 1590),
        (2800, 1575),
        (2865, 1590),
        (2880, 1640),
        (2905, 1650),
        (2930, 1740),
        (3005, 1795),
        (3090, 1890),
        (3130, 1945),
        (3180, 2000),
        (3240, 2060),
        (3290, 2110),
        (3355, 2200),
        (3395, 2260),
        (3385, 2285),
        (3350, 2285),
        (3270, 2225),
        (3200, 2230),
        (3135, 2205),
        (3100, 2130),
        (3040, 2050),
        (3000, 2000),
        (2965, 1980),
        (2925, 1890),
        (2890, 1800),
        (2830, 1750),
        (2800, 1690),
        (2745, 1655),
    ],
    [
        (1905, 1940),
        (1960, 1922),
        (2080, 1915),
        (2200, 1905),
        (2260, 1940),
        (2340, 1965),
        (2420, 1980),
        (2500, 1980),
        (2585, 2010),
        (2575, 2050),
        (2500, 2085),
        (2400, 2105),
        (2320, 2095),
        (2265, 2075),
        (2285, 2045),
        (2220, 2018),
        (2100, 2005),
        (2000, 1985),
        (1910, 1982),
    ],
)
"""Outlines of fat drawn by hand in a real overview of core biopsies."""
BARE = ((57, 172, 2238, 574), (1234, 574, 2238, 947), (3440, 1693, 3873, 2525))
"""Left, top, right, bottom of bare glass in it, with the dust that lies there."""


@pytest.mark.skipif(not OVERVIEW.is_file(), reason="needs the overview of a whole core biopsy")
def test_fat_of_a_real_core_biopsy_is_found_and_its_dusty_glass_is_not() -> None:
    with closing(open_slide(OVERVIEW, mpp=4.0)) as slide:
        mask = tissue_mask(slide)
    assert mask.shape == (1286, 1948)
    for outline in FAT:
        fat = np.zeros(mask.shape, np.uint8)
        cv2.fillPoly(fat, [np.int32(np.array(outline) / 2)], 1)
        assert mask[cv2.erode(fat, np.ones((5, 5))) > 0].mean() > 0.98
    for left, top, right, bottom in BARE:
        assert mask[top // 2 : bottom // 2, left // 2 : right // 2].mean() < 0.001
