"""The laws of a mapped slide, with runners whose answer is known and with the tiny network."""

import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from breastseg.bundles.bundle import Bundle
from breastseg.errors import ImageError, InputError
from breastseg.geometry import Box, tile_grid
from breastseg.images import Pixels, Slide, resample_pixels
from breastseg.images.readers.flat import FlatSlide
from breastseg.images.slide import Corners
from breastseg.inference.config import PredictConfig
from breastseg.inference.ledger import Outcome
from breastseg.inference.map import CELL_PX, Block, MapConfig, TissueMask, make_maps, plan_map
from breastseg.inference.model import Model, load_model
from breastseg.inference.predict import predict
from breastseg.inference.tiles import PixelField, TileConfig, name_tissue
from breastseg.reporter import Reporter
from breastseg.runners.runner import likeliest
from conftest import crop, quiet

Scores = npt.NDArray[np.float32]
SHAPES = [(1, 1), (33, 97), (128, 128), (129, 300), (300, 260), (512, 257)]


@dataclass(frozen=True)
class Known:
    """A runner whose probabilities are known: a function from (N, H, W, 3) pixels to (N, 5, H,
    W)."""

    look: Callable[[npt.NDArray[np.uint8]], Scores]
    name: str = "known"
    package: str = "numpy"

    def probabilities(self, tiles: npt.NDArray[np.uint8]) -> Scores:
        return self.look(tiles).astype(np.float32)

    def labels(self, tiles: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        return likeliest(self.probabilities(tiles))

    def release(self) -> None:
        """Nothing is held."""


def one_hot(classes: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
    return (classes[:, None] == np.arange(5)[:, None, None]).astype(float)


by_red = Known(lambda tiles: one_hot(tiles[..., 0] % 5))


@dataclass(frozen=True)
class ArraySlide:
    """A slide that is an array."""

    pixels: Pixels
    mpp: float = 0.5
    mpp_source: str = "given"
    path: Path = Path("array")
    is_flat: bool = False
    reads: list[Corners] = field(default_factory=list)

    @property
    def size_px(self) -> tuple[int, int]:
        return self.pixels.shape[1], self.pixels.shape[0]

    def read(self, box: Box | None = None, *, mpp: float) -> Pixels:
        width, height = self.size_px if box is None else (box.width, box.height)
        x, y = (0, 0) if box is None else (box.x, box.y)
        size = max(1, round(width * self.mpp / mpp)), max(1, round(height * self.mpp / mpp))
        return resample_pixels(
            np.ascontiguousarray(self.pixels[y : y + height, x : x + width]), size
        )

    def resampled(self, corners: Corners, size_px: tuple[int, int]) -> Pixels:
        self.reads.append(corners)
        left, top, right, bottom = (round(place) for place in corners)
        return resample_pixels(np.ascontiguousarray(self.pixels[top:bottom, left:right]), size_px)

    def close(self) -> None:
        """Nothing is open."""


def random_pixels(shape: tuple[int, int], seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (*shape, 3), dtype=np.uint8)


def tissue_on_glass(shape: tuple[int, int] = (900, 1100)) -> Pixels:
    """Real tissue in the middle of glass, 0.5 um/px."""
    pixels = np.full((*shape, 3), 243, np.uint8)
    piece = np.tile(crop(0), (2, 2, 1))[:400, :500]
    pixels[300:700, 400:900] = piece
    return pixels


@pytest.fixture
def named(tiny_bundle: Bundle) -> Model:
    return Model(tiny_bundle, by_red)


EVERYTHING = MapConfig(tissue_mask="off")


def whole(
    model: Model, slide: Slide, folder: Path, config: MapConfig = EVERYTHING
) -> npt.NDArray[np.uint8]:
    folder.mkdir(exist_ok=True)
    with make_maps(plan_map(slide, model, config), model, config, folder) as maps:
        return maps.labels.read(Box(0, 0, *maps.labels.size_px))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("blend", [False, True])
def test_a_pixelwise_runner_gives_the_pixelwise_answer(
    named: Model, tmp_path: Path, shape: tuple[int, int], blend: bool
) -> None:
    pixels = random_pixels(shape)
    labels = whole(named, ArraySlide(pixels), tmp_path, MapConfig(tissue_mask="off", blend=blend))
    assert np.array_equal(labels, pixels[..., 0] % 5 + 1)


@pytest.mark.parametrize("shape", SHAPES)
def test_blending_a_constant_gives_the_constant(shape: tuple[int, int]) -> None:
    """Sums of weights divided by counts would give 0.06 for 0.9."""
    constant = np.array([0.9, 0.04, 0.03, 0.02, 0.01], np.float32)
    runner = Known(
        lambda tiles: np.broadcast_to(constant[:, None, None], (1, 5, *tiles.shape[1:3]))
    )
    pieces = name_tissue(
        PixelField(random_pixels(shape)),
        runner,
        TileConfig(128, 32, 5, blend=True),
        probabilities=True,
    )
    covered = np.zeros(shape, int)
    for piece in pieces:
        assert piece.probabilities is not None
        assert np.abs(piece.probabilities - constant[:, None, None]).max() < 1e-6
        covered[
            piece.box.y : piece.box.y + piece.box.height,
            piece.box.x : piece.box.x + piece.box.width,
        ] += 1
    assert (covered == 1).all()


@pytest.mark.parametrize("shape", SHAPES)
def test_blended_scores_are_the_weighted_mean_done_at_once(shape: tuple[int, int]) -> None:
    """The same as adding all tiles into arrays of the field's size, which is what is never done."""
    config, field_ = TileConfig(128, 32, 5, blend=True), PixelField(random_pixels(shape))
    noise = np.random.default_rng(5).random((40, 5, 128, 128)).astype(np.float32)
    calls: list[int] = []

    def scores(tiles: npt.NDArray[np.uint8]) -> Scores:
        calls.append(1)
        return noise[[len(calls) - 1], :, : tiles.shape[1], : tiles.shape[2]]

    sums, weights = np.zeros((5, *shape)), np.zeros(shape)
    for number, tile in enumerate(tile_grid(field_.size_px, 128, 32)):
        inner, outer = tile.inner, tile.outer
        down, across = (
            np.minimum(1, np.minimum(r := (np.arange(n + 64) + 0.5) / 64, r[::-1]))
            for n in (inner.height, inner.width)
        )
        for y in range(inner.height + 64):
            for x in range(inner.width + 64):
                row, column = inner.y - 32 + y, inner.x - 32 + x
                if 0 <= row < shape[0] and 0 <= column < shape[1]:
                    weight = down[y] * across[x]
                    sums[:, row, column] += (
                        weight * noise[number, :, row - outer.y, column - outer.x]
                    )
                    weights[row, column] += weight
    for piece in name_tissue(field_, Known(scores), config, probabilities=True):
        box = piece.box
        there = np.s_[..., box.y : box.y + box.height, box.x : box.x + box.width]
        assert piece.probabilities is not None
        assert np.allclose(piece.probabilities, sums[there] / weights[there], atol=1e-5)


@pytest.mark.parametrize(("tile", "halo"), [(128, 0), (96, 32), (224, 64)])
def test_tiles_that_cannot_be_blended_are_refused(tile: int, halo: int) -> None:
    with pytest.raises(
        InputError,
        match=rf"tile of {tile} px with a halo of {halo} px: .* four halos",
    ):
        list(
            name_tissue(
                PixelField(random_pixels((300, 300))), by_red, TileConfig(tile, halo, 5, blend=True)
            )
        )


@pytest.mark.parametrize("blend", [False, True])
def test_all_glass_is_all_0(named: Model, tmp_path: Path, blend: bool) -> None:
    slide = ArraySlide(np.full((700, 900, 3), 243, np.uint8))
    config = MapConfig(blend=blend)
    plan = plan_map(slide, named, config)
    assert plan.area_px == 0
    with make_maps(plan, named, config, tmp_path) as maps:
        assert not maps.labels.read(Box(0, 0, 900, 700)).any()
    assert slide.reads == []


@pytest.mark.parametrize("blend", [False, True])
def test_glass_is_0_and_tissue_is_named(named: Model, tmp_path: Path, blend: bool) -> None:
    slide = ArraySlide(tissue_on_glass())
    config = MapConfig(blend=blend)
    plan = plan_map(slide, named, config)
    assert 0 < plan.area_px < 900 * 1100
    labels = whole(named, slide, tmp_path, config)
    tissue = np.zeros(labels.shape, bool)
    tissue[300:700, 400:900] = True
    assert (labels[tissue] > 0).mean() > 0.97
    assert (labels[~tissue] > 0).mean() < 0.08
    assert not labels[:200].any()
    assert not labels[:, :300].any()


@pytest.fixture
def section(tmp_path: Path) -> FlatSlide:
    """A flat image: tissue on glass, 550 x 450 um."""
    Image.fromarray(tissue_on_glass()).save(tmp_path / "section.png")
    return FlatSlide(tmp_path / "section.png", 0.5)


@pytest.mark.parametrize(("word", "masked"), [("auto", True), ("on", True), ("off", False)])
@pytest.mark.parametrize("blend", [False, True])
def test_glass_of_a_flat_picture_is_0_if_it_is_wide(
    named: Model, section: FlatSlide, tmp_path: Path, word: TissueMask, masked: bool, blend: bool
) -> None:
    """1.1 x 0.9 mm: 300 um above and below the tissue are not wide, 400 um at its left are."""
    wide = ArraySlide(np.pad(tissue_on_glass(), ((0, 0), (600, 0), (0, 0)), mode="edge"))
    Image.fromarray(wide.pixels).save(tmp_path / "wide.png")
    config = MapConfig(tissue_mask=word, blend=blend)
    everything = whole(
        named, wide, tmp_path / "everything", MapConfig(tissue_mask="off", blend=blend)
    )
    labels = whole(named, FlatSlide(tmp_path / "wide.png", 0.5), tmp_path / "labels", config)
    assert everything.all()
    assert np.array_equal(labels[labels > 0], everything[labels > 0])
    assert labels[300:700, 1000:1500].all()
    assert (labels == 0).mean() == (
        pytest.approx(1 - 400 * 500 / (900 * 1700), abs=0.05) if masked else 0
    )
    assert (plan_map(section, named, config).tissue is None) == (word != "on")


@pytest.mark.parametrize("colour", [243, 255, 0])
@pytest.mark.parametrize("word", ["auto", "on"])
def test_of_a_flat_picture_without_tissue_no_tile_is_looked_at(
    named: Model, tmp_path: Path, colour: int, word: TissueMask
) -> None:
    Image.new("RGB", (900, 700), (colour, colour, colour)).save(tmp_path / "glass.png")
    config = MapConfig(tissue_mask=word)
    plan = plan_map(FlatSlide(tmp_path / "glass.png", 0.5), named, config)
    assert plan.area_px == 0
    with make_maps(plan, named, config, tmp_path) as maps:
        assert not maps.labels.read(Box(0, 0, 900, 700)).any()


@pytest.mark.parametrize("word", [True, False, None, "yes", "Auto"])
def test_another_word_for_the_tissue_mask_is_refused(word: object) -> None:
    """It was True or False once."""
    with pytest.raises(InputError, match=f"tissue_mask {word!r}: wanted auto, on or off"):
        MapConfig(tissue_mask=word)  # type: ignore[arg-type]


@pytest.mark.parametrize("mpp", [0.25, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("blend", [False, True])
def test_a_box_of_a_slide_is_the_same_box_of_the_whole(
    lively_bundle: Bundle, tmp_path: Path, mpp: float, blend: bool
) -> None:
    model = load_model(lively_bundle.path, precision="fp32", threads=1)
    model = replace(
        model, bundle=replace(lively_bundle, card=replace(model.card, tile_px=256, halo_px=64))
    )
    slide = ArraySlide(
        resample_pixels(tissue_on_glass(), (int(1100 * 0.5 / mpp), int(900 * 0.5 / mpp))), mpp
    )
    box = Box(
        int(420 * 0.5 / mpp), int(310 * 0.5 / mpp), int(200 * 0.5 / mpp), int(130 * 0.5 / mpp)
    )
    full = whole(model, slide, tmp_path / "full", MapConfig(blend=blend))
    part = whole(model, slide, tmp_path / "part", MapConfig(blend=blend, box=box))
    inside = np.zeros(full.shape, bool)
    inside[
        round(box.y * mpp / 0.5) : round((box.y + box.height) * mpp / 0.5),
        round(box.x * mpp / 0.5) : round((box.x + box.width) * mpp / 0.5),
    ] = True
    assert len(np.unique(part[inside])) >= 3
    assert np.array_equal(part, np.where(inside, full, 0))


def test_a_small_box_reads_little(named: Model, tmp_path: Path) -> None:
    slide = ArraySlide(random_pixels((2000, 2000)))
    whole(named, slide, tmp_path, MapConfig(tissue_mask="off", box=Box(1000, 1000, 20, 20)))
    assert (
        sum((right - left) * (bottom - top) for left, top, right, bottom in slide.reads)
        <= 2 * named.card.tile_px**2
    )


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_rotate_the_slide_rotate_the_map(named: Model, tmp_path: Path, turns: int) -> None:
    pixels = random_pixels((301, 470))
    upright = whole(named, ArraySlide(pixels), tmp_path / "a")
    turned = whole(named, ArraySlide(np.ascontiguousarray(np.rot90(pixels, turns))), tmp_path / "b")
    assert np.array_equal(turned, np.rot90(upright, turns))


def test_tiled_equals_untiled_on_real_tissue(lively_bundle: Bundle, tmp_path: Path) -> None:
    """With a network whose field of view the halo covers; what differs lies on a border between
    classes."""
    slide = ArraySlide(np.tile(crop(0), (2, 2, 1)))
    model = load_model(lively_bundle.path, precision="fp32", threads=1)
    small = Model(
        replace(lively_bundle, card=replace(model.card, tile_px=256, halo_px=64)), model.runner
    )
    large = Model(
        replace(lively_bundle, card=replace(model.card, tile_px=1024, halo_px=64)), model.runner
    )
    untiled = whole(large, slide, tmp_path / "a")
    tiled = whole(small, slide, tmp_path / "b", EVERYTHING)
    assert len(np.unique(untiled)) >= 3
    assert (tiled == untiled).mean() >= 0.999
    near = np.zeros(untiled.shape, bool)
    for axis in (0, 1):
        for shift in (-1, 1):
            near |= np.roll(untiled, shift, axis) != untiled
    assert near[tiled != untiled].all()


def test_probabilities_and_entropy_are_kept_where_something_was_analysed(
    named: Model, tmp_path: Path
) -> None:
    """Left half sure, right half undecided among all five."""

    def look(tiles: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
        return np.where(
            tiles[:, None, :, :, 0] < 128, np.array([0, 0, 1, 0, 0])[:, None, None], 0.2
        )

    pixels = np.zeros((100, 200, 3), np.uint8)
    pixels[:, 104:] = 200
    model, config = (
        replace(named, runner=Known(look)),
        MapConfig(tissue_mask="off", probabilities=True, uncertainty=True, box=Box(0, 0, 200, 64)),
    )
    with make_maps(plan_map(ArraySlide(pixels), model, config), model, config, tmp_path) as maps:
        assert [raster.size_px for raster in maps.probabilities] == [(200, 100)] * 5
        third = maps.probabilities[2].read(Box(0, 0, 200, 100))
        assert (third[:64, :104] == 255).all()
        assert (third[:64, 104:] == 51).all()
        assert not third[64:].any()
        assert maps.uncertainty is not None
        assert maps.uncertainty.size_px == (25, 13)
        entropy = maps.uncertainty.read(Box(0, 0, 25, 13))
    assert 104 % CELL_PX == 64 % CELL_PX == 0
    assert (entropy[:8, :13] == 1).all()
    assert (entropy[:8, 13:] == 255).all()
    assert not entropy[8:].any()


def test_an_error_of_the_reader_comes_through_and_closes_the_files(
    named: Model, tmp_path: Path
) -> None:
    @dataclass(frozen=True)
    class Torn(ArraySlide):
        def resampled(self, corners: Corners, size_px: tuple[int, int]) -> Pixels:
            if corners[1] > 100:
                raise ImageError("array: cannot be read at 0, 128")
            return super().resampled(corners, size_px)

    slide = Torn(random_pixels((2000, 2000)))
    with pytest.raises(ImageError, match="cannot be read at 0, 128"):
        whole(named, slide, tmp_path)


def test_nothing_the_size_of_the_slide_is_held(
    named: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """400 megapixels: pixels would be 1.2 GB, labels 400 MB."""
    pixels = np.broadcast_to(np.array([2, 0, 0], np.uint8), (20_000, 20_000, 3))
    at_once = Known(by_red.look)
    model = replace(
        named,
        runner=at_once,
        bundle=replace(named.bundle, card=replace(named.card, tile_px=1024, halo_px=64)),
    )
    monkeypatch.setattr(Known, "labels", lambda self, tiles: np.full(tiles.shape[:3], 3, np.uint8))
    config = MapConfig(tissue_mask="off")
    tracemalloc.start()
    try:
        plan = plan_map(ArraySlide(pixels), model, config)
        with make_maps(plan, model, config, tmp_path) as maps:
            peak = tracemalloc.get_traced_memory()[1]
            assert (maps.labels.read(Box(19_000, 19_000, 1000, 1000)) == 3).all()
    finally:
        tracemalloc.stop()
    assert peak < 60e6


def test_events_are_the_blocks_of_the_map_and_its_outcome(
    lively_bundle: Bundle, tmp_path: Path
) -> None:
    Image.fromarray(np.concatenate([crop(0), crop(1)], axis=1)).save(tmp_path / "two.png")
    events: list[object] = []
    model, config = load_model(lively_bundle.path), PredictConfig(mpp=0.5)
    predict(
        tmp_path / "two.png",
        model,
        tmp_path / "maps",
        config,
        reporter=Reporter(quiet.message, events.append),
    )
    seen = [event for event in events if isinstance(event, Block)]
    assert [event for event in events if isinstance(event, Outcome)] == events[len(seen) :]
    assert len(events) == len(seen) + 1
    labels = np.asarray(Image.open(tmp_path / "maps" / "two" / "labels.png"))
    told = np.zeros_like(labels)
    for block in seen:
        box = block.box
        assert not told[box.y : box.y + box.height, box.x : box.x + box.width].any()
        told[box.y : box.y + box.height, box.x : box.x + box.width] = block.labels
    assert len(seen) > 2
    np.testing.assert_array_equal(told, labels)
    assert [block.done_px for block in seen] == list(np.cumsum([block.area_px for block in seen]))
    assert {(block.wanted_px, block.size_px, block.asked) for block in seen} == {
        (labels.size, (512, 256), Box(0, 0, 512, 256))
    }

    def no_block(event: object) -> None:
        assert not isinstance(event, Block), "it was whole"

    predict(
        tmp_path / "two.png",
        model,
        tmp_path / "maps",
        config,
        reporter=Reporter(quiet.message, no_block),
    )
