"""`find_tissue` on real tissue, painted fat and painted faults of a slide; `doubts`."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from breastseg.bundles.bundle import Bundle
from breastseg.geometry import scaled_size
from breastseg.histology.picture_mask import EMPTY_UM, GLASS_UM, picture_mask
from breastseg.histology.stain_check import doubts
from breastseg.histology.tissue import MASK_PIXELS, find_tissue, tissue_mask
from breastseg.histology.turns import laid, way_of
from breastseg.images import open_slide
from breastseg.images.slide import Pixels
from breastseg.inference.config import PredictConfig
from breastseg.inference.model import load_model
from breastseg.inference.predict import predict
from breastseg.reporter import Reporter
from conftest import DATA, SHARED

FIELDS = sorted(
    [
        *DATA.glob("bcss/images/*.png"),
        *DATA.glob("brca_m2c/images/*.png"),
        *DATA.glob("kaggle224/train/*.png"),
    ]
)
SKIN = DATA / "tissue" / "CMU-1-Small-Region_8um.png"
OVERVIEW = SHARED / "slides" / "BCNB_10010_wholeslide_overview_no-mpp.tif"
GLASS = (243, 242, 240)
Mask = npt.NDArray[np.bool_]


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


def density(picture: np.ndarray) -> np.ndarray:
    return -np.log(np.maximum(picture, 1) / 255)


def clean_glass(
    height: int, width: int, colour: tuple[int, int, int] = GLASS
) -> npt.NDArray[np.float64]:
    """Off-white, uneven by a hundredth over millimetres, with the noise of a scan averaged down to
    8 um/px."""
    rng = np.random.default_rng(5)
    uneven = cv2.resize(rng.normal(0, 1.5, (5, 5)), (width, height), interpolation=cv2.INTER_CUBIC)
    return np.array(colour, float) + uneven[..., None] + rng.normal(0, 0.6, (height, width, 3))


def painted_fat(side: int) -> np.ndarray:
    """Optical density of fat at 8 um/px: cells of some 80 um, drawn at 2 um/px with pale membranes
    and few nuclei."""
    rng, fine = np.random.default_rng(6), 4 * side
    centres = rng.uniform(0, fine, ((fine // 40) ** 2, 2)).astype(np.float32)
    y, x = np.mgrid[:fine, :fine].astype(np.float32)
    nearest = np.full((2, fine, fine), 1e9, np.float32)
    for centre in centres:
        distance = np.hypot(y - centre[0], x - centre[1])
        nearest[1] = np.minimum(nearest[1], np.maximum(nearest[0], distance))
        nearest[0] = np.minimum(nearest[0], distance)
    membrane = (nearest[1] - nearest[0] < 1.5)[..., None] * np.array([0.10, 0.45, 0.25])
    for row, column in rng.integers(0, fine, (side, 2)):
        membrane[row : row + 3, column : column + 3] = (0.6, 0.8, 0.4)
    return np.asarray(cv2.resize(membrane, (side, side), interpolation=cv2.INTER_AREA))


def tiled(field: np.ndarray, side: int) -> np.ndarray:
    """A real field, mirrored at its edges until it covers a square of this side."""
    repeats = -(-side // min(field.shape[:2]))
    wide = np.hstack([field[:, :: 1 - 2 * (i % 2)] for i in range(repeats)])
    return np.vstack([wide[:: 1 - 2 * (i % 2)] for i in range(repeats)])[:side, :side]


@dataclass(frozen=True)
class Scene:
    """A slide at 8 um/px and what lies on it."""

    picture: Pixels
    skin: Mask
    breast: Mask
    pale: Mask
    fat: Mask
    glass: Mask

    def check(self, mask: Mask, fault: Mask | bool = False, *, false_area: float = 0.001) -> None:
        """What no fault covers is found as it was, and of glass beside a fault next to nothing is
        taken."""
        for name, least in (("skin", 0.98), ("breast", 0.995), ("pale", 0.97), ("fat", 0.95)):
            place = getattr(self, name) & ~np.asarray(fault)
            assert mask[place].mean() >= least, name
        assert mask[self.glass & ~np.asarray(fault)].mean() <= false_area


@pytest.fixture(scope="module")
def scene() -> Scene:
    """Real skin, real breast, the same breast in a tenth of its density, and painted fat on
    glass."""
    height, width = 420, 560
    skin = pixels(SKIN)
    breast = tiled(cv2.resize(pixels(FIELDS[0]), (38, 38), interpolation=cv2.INTER_AREA), 100)
    places = {
        "skin": (20, 20, 185, 138),
        "breast": (260, 60, 100, 100),
        "pale": (40, 260, 100, 100),
        "fat": (240, 240, 140, 140),
    }
    depth = np.zeros((height, width, 3))
    depths = {
        "skin": density(skin) - density(np.array(GLASS)),
        "breast": density(breast),
        "pale": 0.1 * density(breast),
        "fat": painted_fat(140),
    }
    masks = {}
    for name, (y, x, high, wide) in places.items():
        depth[y : y + high, x : x + wide] = depths[name]
        masks[name] = np.zeros((height, width), np.bool_)
        masks[name][y : y + high, x : x + wide] = True
    occupied = (
        cv2.dilate(np.any(list(masks.values()), axis=0).astype(np.uint8), np.ones((31, 31))) > 0
    )
    masks["skin"] &= cv2.blur(depth.mean(axis=2), (5, 5)) > 0.15
    masks["fat"] = cv2.erode(masks["fat"].astype(np.uint8), np.ones((9, 9))) > 0
    picture = np.clip(clean_glass(height, width) * np.exp(-depth), 0, 255).astype(np.uint8)
    return Scene(picture, **masks, glass=~occupied)


def drawn(
    shape: tuple[int, ...], draw: Callable[[Pixels], object], soft: float
) -> npt.NDArray[np.float32]:
    canvas = np.zeros(shape[:2], np.uint8)
    draw(canvas)
    return np.asarray(cv2.GaussianBlur(canvas.astype(np.float32), (0, 0), soft))


def laid_over(
    picture: Pixels, cover: npt.NDArray[np.float32], colour: tuple[int, int, int]
) -> Pixels:
    """Light goes through glass, then through what covers it."""
    return np.clip(picture * np.exp(-cover[..., None] * density(np.array(colour))), 0, 255).astype(
        np.uint8
    )


def grown(cover: Mask, by_px: int) -> Mask:
    return np.asarray(
        cv2.dilate(cover.astype(np.uint8), np.ones((2 * by_px + 1, 2 * by_px + 1))) > 0
    )


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


FLAT_MPP = 2.0
TURNS = [
    lambda picture, way=way: np.rot90(picture[:, ::-1] if way > 3 else picture, way % 4)
    for way in range(8)
]
"""Quarter turns and mirrors: all eight of them."""


def flat(height_um: float, width_um: float) -> Pixels:
    """A field full of real tissue at 2 um/px."""
    piece = cv2.resize(pixels(FIELDS[0]), (38, 38), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(
        tiled(piece, round(max(height_um, width_um) / FLAT_MPP))[
            : round(height_um / FLAT_MPP), : round(width_um / FLAT_MPP)
        ]
    )


def glazed(picture: Pixels, where: Mask) -> Pixels:
    """Lay clean glass over a part of a picture."""
    return np.where(
        where[..., None], np.clip(clean_glass(*picture.shape[:2]), 0, 255), picture
    ).astype(np.uint8)


def strip(picture: Pixels, width_um: float) -> Mask:
    """The left side of a picture, with an edge that waves by 20 um."""
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
    """But for a row or a column, where the sides of the picture are even at 8 um/px."""
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
    """A mask by the colours of H&E finds no tissue in a grey picture."""
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
        ((200_000, 100_000), 0.25, 0.25 * (2e10 / MASK_PIXELS) ** 0.5),
    ],
)
def test_a_mask_has_8_um_unless_the_slide_is_coarser_or_absurdly_large(
    size_px: tuple[int, int], mpp: float, read_at: float
) -> None:
    slide = Asked(size_px, mpp)
    mask = tissue_mask(slide)  # type: ignore[arg-type]
    assert slide.read_at == pytest.approx(read_at)
    assert mask.shape == scaled_size(size_px, mpp, read_at)[::-1]
    assert mask.size <= 1.001 * MASK_PIXELS


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


@pytest.mark.parametrize("path", FIELDS, ids=lambda path: path.stem[:28])
def test_real_fields_raise_no_doubt(path: Path) -> None:
    assert doubts(pixels(path)) == []


def test_grey_brown_and_negative_pictures_do_not_look_like_h_and_e() -> None:
    field = pixels(FIELDS[0])
    grey = np.repeat(field.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    brown = field[..., [1, 0, 2]][..., [1, 2, 0]]  # absorbs blue most, as DAB does
    for picture in (grey, brown, 255 - field):
        (doubt,) = doubts(picture)
        assert doubt.startswith("does not look like H&E: optical density of its tissue is ")


def test_glass_is_nearly_empty_and_the_share_is_told() -> None:
    glass = np.full((100, 100, 3), 240, np.uint8)
    glass[:1] = 100
    (doubt,) = doubts(glass)
    assert doubt.startswith("nearly empty: 1.0 % of it is darker than glass")
    assert doubts(np.full((1, 1, 3), 255, np.uint8))[0].startswith("nearly empty: 0.0 %")
    assert doubts(np.full((1, 3000, 3), 255, np.uint8))[0].startswith("nearly empty: 0.0 %")


def test_glass_that_is_named_is_told_of() -> None:
    glass = np.full((100, 100, 3), 240, np.uint8)
    assert doubts(glass, glass_named=True) == [doubts(glass)[0] + "; the map names the glass too"]


def test_predict_warns_and_keeps_the_doubt(lively_bundle: Bundle, tmp_path: Path) -> None:
    Image.new("RGB", (64, 64), "white").save(tmp_path / "glass.png")
    said: list[str] = []
    predict(
        tmp_path / "glass.png",
        load_model(lively_bundle.path),
        tmp_path / "out",
        PredictConfig(mpp=0.5),
        reporter=Reporter(said.append),
    )
    assert any(
        line.startswith(f"warning: {tmp_path / 'glass.png'}: nearly empty: 0.0 %") for line in said
    )
    assert "nearly empty" in (tmp_path / "out" / "glass" / "run.json").read_text(encoding="utf-8")
