"""`picture_mask`: where tissue is on a flat image, which a person mostly meant all of."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from breastseg.geometry import scaled_size
from breastseg.histology.picture_mask import EMPTY_UM, GLASS_UM, picture_mask
from breastseg.histology.tissue import find_tissue
from breastseg.histology.turns import laid, way_of
from breastseg.images.slide import Pixels
from painted_tissue import FIELDS, GLASS, Mask, Scene, clean_glass, paint_scene, pixels, tiled

FLAT_MPP = 2.0
TURNS = [
    lambda picture, way=way: np.rot90(picture[:, ::-1] if way > 3 else picture, way % 4)
    for way in range(8)
]
"""Quarter turns and mirrors: all eight of them."""


@pytest.fixture(scope="module")
def scene() -> Scene:
    return paint_scene()


def flat(height_um: float, width_um: float) -> Pixels:
    """A field full of real tissue at 2 um/px."""
    piece = cv2.resize(pixels(FIELDS[0]), (38, 38), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(
        tiled(piece, round(max(height_um, width_um) / FLAT_MPP))[
            : round(height_um / FLAT_MPP), : round(width_um / FLAT_MPP)
        ]
    )


def glazed(picture: Pixels, where: Mask) -> Pixels:
    """Lay clean glass over a part of an image."""
    return np.where(
        where[..., None], np.clip(clean_glass(*picture.shape[:2]), 0, 255), picture
    ).astype(np.uint8)


def strip(picture: Pixels, width_um: float) -> Mask:
    """The left side of an image, with an edge that waves by 20 um."""
    rows, columns = np.mgrid[: picture.shape[0], : picture.shape[1]]
    return np.asarray(columns * FLAT_MPP < width_um + 10 * np.sin(rows / 20))


def spot(picture: Pixels, middle_um: tuple[float, float], wide_um: float) -> Mask:
    rows, columns = np.mgrid[: picture.shape[0], : picture.shape[1]] * FLAT_MPP
    return np.asarray(np.hypot(rows - middle_um[0], columns - middle_um[1]) < wide_um / 2)


def automatic(picture: Pixels, mpp: float = FLAT_MPP) -> Mask | None:
    return picture_mask(np.ascontiguousarray(picture), mpp=mpp, always=False)


def grey(picture: Pixels) -> Pixels:
    return np.repeat(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)


def in_size(mask: Mask | None, picture: Pixels) -> Mask:
    assert mask is not None
    return np.asarray(
        cv2.resize(
            mask.astype(np.uint8), picture.shape[1::-1], interpolation=cv2.INTER_NEAREST_EXACT
        )
        > 0
    )


@pytest.mark.parametrize("path", FIELDS, ids=lambda path: path.stem[:28])
def test_a_flat_field_full_of_tissue_is_looked_at_as_a_whole(path: Path) -> None:
    field, mpp = pixels(path), 0.5 if "brca_m2c" in path.parts else 0.3
    for picture in (field, field[:1, :1], field[:1], field[:, :40], tiled(field, 3000)):
        assert automatic(picture, mpp) is None


def test_flat_fat_is_looked_at_as_a_whole(scene: Scene) -> None:
    y, x = (where[0] for where in np.nonzero(scene.fat))
    assert automatic(scene.picture[y : y + 130, x : x + 130], 8.0) is None


@pytest.mark.parametrize("wide_um", [100, 200, 300, 600, 800])
def test_glass_beside_tissue_is_left_out_where_it_is_wide(wide_um: float) -> None:
    field = flat(1000, 1200)
    glass = strip(field, wide_um)
    mask = automatic(glazed(field, glass))
    if wide_um < GLASS_UM:
        assert mask is None
        return
    found = in_size(mask, field)
    assert found[~glass].all()
    assert found[glass].mean() < 40 / wide_um  # tissue has a rim of some 20 um


def test_a_lumen_is_looked_at_where_it_is_inside_and_where_the_edge_cuts_it() -> None:
    field = flat(1600, 1600)
    assert automatic(glazed(field, spot(field, (800, 800), 1000))) is None
    assert automatic(glazed(field, spot(field, (800, 150), 350))) is None
    assert automatic(glazed(field, spot(field, (800, 0), 1000))) is not None


@pytest.mark.parametrize(
    "colour", [GLASS, (255, 255, 255), (189, 189, 187), (228, 232, 226), (0, 0, 0)], ids=str
)
@pytest.mark.parametrize("noisy", [True, False])
def test_flat_glass_has_no_tissue_unless_it_is_too_small_to_tell(
    colour: tuple[int, int, int], noisy: bool
) -> None:
    side = round(EMPTY_UM / FLAT_MPP)
    for height, width in ((300, 300), (side + 4, 900), (side - 4, 900), (1, 900), (1, 1)):
        picture = (
            clean_glass(height, width, colour) if noisy else np.full((height, width, 3), colour)
        )
        mask = automatic(np.clip(picture, 0, 255).astype(np.uint8))
        assert (mask is None) == (height < side)
        assert mask is None or not mask.any()


def test_one_colour_is_no_tissue_whichever_it_is() -> None:
    """No tissue has one colour to the bit; this is the colour of stroma."""
    pink = np.full((300, 300, 3), (200, 120, 190), np.uint8)
    for mask in (automatic(pink), picture_mask(pink, mpp=FLAT_MPP, always=True)):
        assert mask is not None
        assert not mask.any()
    assert automatic(pink[:50]) is None
    pink[7, 9] += 1
    assert automatic(pink) is None


def test_always_is_the_mask_that_a_slide_gets(scene: Scene) -> None:
    """But for a row or a column, where the sides of the image are even at 8 um/px."""
    odd = scene.picture[:-1, :-1]
    mask = picture_mask(np.ascontiguousarray(odd), mpp=8.0, always=True)
    assert mask is not None
    assert (mask == find_tissue(np.ascontiguousarray(odd), mpp=8)).mean() > 0.9999


@pytest.mark.parametrize("always", [False, True])
def test_turning_a_flat_picture_turns_its_mask_to_the_pixel(always: bool) -> None:
    field = flat(1000, 1211)
    for picture in (
        glazed(field, strip(field, 600)),
        glazed(field, spot(field, (900, 300), 1100)),
        field[:313, :200],
    ):
        mask = picture_mask(picture, mpp=FLAT_MPP, always=always)
        for turn in TURNS:
            turned = picture_mask(np.ascontiguousarray(turn(picture)), mpp=FLAT_MPP, always=always)
            wanted = None if mask is None else turn(mask)
            assert np.array_equal(turned, wanted)  # type: ignore[arg-type]


def test_a_picture_and_its_turns_are_laid_alike() -> None:
    """Also one whose first rows are alike from several sides, as those of a drawing on white
    are."""
    for picture in (
        np.random.default_rng(1).integers(0, 2, (40, 40, 3), np.uint8),
        np.pad(flat(60, 80), ((30, 30), (30, 30), (0, 0))),
    ):
        turns = [turn(picture) for turn in TURNS]
        assert len({laid(turned, way_of(turned)).tobytes() for turned in turns}) == 1


@pytest.mark.parametrize("mpp", [0.5, 1.0, 3.0, 8.0])
def test_the_same_field_at_another_resolution_has_the_same_mask(mpp: float) -> None:
    field = flat(1000, 1200)
    picture = glazed(field, strip(field, 600))
    size = scaled_size(picture.shape[1::-1], FLAT_MPP, mpp)  # type: ignore[arg-type]
    scaled = cv2.resize(
        picture, size, interpolation=cv2.INTER_AREA if mpp > FLAT_MPP else cv2.INTER_LINEAR
    )
    mask, other = automatic(picture), automatic(np.asarray(scaled, np.uint8), mpp)
    assert mask is not None
    assert other is not None
    assert other.shape == mask.shape
    assert (mask == other).mean() > 0.99


def test_a_black_surrounding_is_left_out_and_black_spots_in_tissue_are_not() -> None:
    """Scanners fill up with black, and people paint black over what they do not mean."""
    field = flat(1000, 1200)
    around, spots = strip(field, 600), spot(field, (300, 300), 60) | spot(field, (500, 700), 300)
    for colour in (0, 12):
        black, spotted = field.copy(), field.copy()
        black[around], spotted[spots] = colour, colour
        assert in_size(automatic(black), field)[~around].mean() > 0.999
        assert not in_size(automatic(black), field)[strip(field, 500)].any()
        assert automatic(spotted) is None


def test_fluorescence_on_black_keeps_what_is_lit() -> None:
    nuclei = np.zeros((400, 400, 3), np.uint8)
    nuclei[250:, 250:, 2] = np.random.default_rng(0).integers(60, 220, (150, 150))
    mask = in_size(automatic(nuclei), nuclei)
    assert mask[270:, 270:].all()
    assert not mask[:200].any()


def test_tissue_without_colour_is_not_taken_for_glass() -> None:
    """A mask by the colours of H&E finds no tissue in a grey image."""
    field = flat(1000, 1200)
    assert automatic(grey(field)) is None
    glass = strip(field, 600)
    found = in_size(automatic(grey(glazed(field, glass))), field)
    assert found[~glass].mean() > 0.97  # but for lumens and gaps
    assert found[glass].mean() < 0.1


def test_beside_glass_tissue_as_dark_as_ink_stays() -> None:
    """Frozen sections of real tumours have such: five of 51 spots of one were taken for black
    pen."""
    field = flat(1000, 1600)
    glass, dark = strip(field, 600), spot(field, (500, 1100), 400)
    field[dark] = field[dark] // 8 + np.uint8(25)
    picture = glazed(field, glass)
    assert in_size(automatic(picture), field)[dark].all()
    assert not in_size(picture_mask(picture, mpp=FLAT_MPP, always=True), field)[
        spot(field, (500, 1100), 200)
    ].any()


def test_the_quick_look_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    field = flat(1000, 1200)
    covers = [strip(field, wide) for wide in (0, 250, 420, 600)] + [
        spot(field, (900, 300), wide) for wide in (500, 1100)
    ]
    pictures = [glazed(field, cover) for cover in covers] + [
        np.clip(clean_glass(150, 400), 0, 255).astype(np.uint8)
    ]
    quick = [automatic(picture) for picture in pictures]
    monkeypatch.setattr("breastseg.histology.picture_mask._seems_glass", lambda *_: True)
    for mask, picture in zip(quick, pictures, strict=True):
        assert np.array_equal(mask, automatic(picture))  # type: ignore[arg-type]
    assert {mask is None for mask in quick} == {True, False}
