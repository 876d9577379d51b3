"""Images: label values kept, colours those of the map, the same bytes from the same data."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from breastseg.labels import BUILT_IN, LabelClass, LabelMap
from breastseg.maps.pictures import (
    overlay,
    save_comparison,
    save_figure,
    save_labels,
    save_overlay,
    save_pair,
)
from breastseg.training.curves import save_curves

MAP = BUILT_IN["region5"]
RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (60, 200, 3), dtype=np.uint8)
LABELS = np.repeat(np.arange(6, dtype=np.uint8), 10)[:, None].repeat(200, axis=1)
HISTORY = pd.DataFrame(
    {
        "epoch": [0, 1, 2],
        "train_loss": [1.5, 1.0, 0.7],
        "val_loss": [1.2, 1.3, 1.4],
        "train_accuracy": [0.5, 0.6, 0.7],
        "val_dice": [0, 0.1, 0.3],
    }
)


def labelled_rows(label: int) -> slice:
    return slice(10 * label, 10 * label + 10)


def test_labels_png_holds_the_labels_and_the_maps_colours(tmp_path: Path) -> None:
    save_labels(LABELS, MAP, tmp_path / "labels.png")
    with Image.open(tmp_path / "labels.png") as picture:
        assert (picture.mode, picture.format, picture.size) == ("P", "PNG", (200, 60))
        assert np.array_equal(np.asarray(picture), LABELS)
        shown = np.asarray(picture.convert("RGB"))
    for label, label_class in enumerate(MAP.classes, start=1):
        assert (shown[labelled_rows(label)] == label_class.color).all()
    assert (shown[labelled_rows(0)] == 255).all()


def test_labels_png_keeps_labels_up_to_253(tmp_path: Path) -> None:
    classes = tuple(LabelClass(f"c{k}", (k, 0, 255 - k), "X", (k,)) for k in range(1, 254))
    labels = np.arange(254, dtype=np.uint8)[None]
    save_labels(labels, LabelMap("many", classes), tmp_path / "labels.png")
    with Image.open(tmp_path / "labels.png") as picture:
        assert np.array_equal(np.asarray(picture), labels)
        assert picture.convert("RGB").getpixel((253, 0)) == (253, 0, 2)


def test_a_slice_of_labels_can_be_saved(tmp_path: Path) -> None:
    save_labels(LABELS[::2, ::-1].T, MAP, tmp_path / "labels.png")
    with Image.open(tmp_path / "labels.png") as picture:
        assert np.array_equal(np.asarray(picture), LABELS[::2, ::-1].T)


def compared(folder: Path) -> dict[str, np.ndarray]:
    """Return the layers' labels, and `image`."""
    save_comparison(PIXELS, LABELS, LABELS[:, ::-1] // 2, MAP, folder)
    layers = {
        name: np.asarray(Image.open(folder / f"{name}.png"))
        for name in ("truth", "prediction", "errors")
    }
    return {**layers, "image": np.asarray(Image.open(folder / "image.jpg"))}


def test_what_is_compared_lies_over_its_picture(tmp_path: Path) -> None:
    layers = compared(tmp_path)
    assert layers["image"].shape == (60, 200, 3)
    assert np.array_equal(layers["truth"], LABELS)
    assert np.array_equal(layers["prediction"], LABELS // 2)
    wrong = (LABELS > 0) & (LABELS != LABELS // 2)
    assert np.array_equal(layers["errors"], np.where(wrong, LABELS // 2, 0))
    assert (
        0 < np.count_nonzero(layers["errors"]) < np.count_nonzero(wrong)
    )  # an error that is "not analysed" has no colour
    shown = np.asarray(Image.open(tmp_path / "truth.png").convert("RGBA"))
    assert (shown[labelled_rows(0)][..., 3] == 0).all()
    for label, label_class in enumerate(MAP.classes, start=1):
        assert (shown[labelled_rows(label)] == (*label_class.color, 255)).all()


@pytest.mark.parametrize(
    ("height", "width", "wanted"),
    [(1300, 2500, (433, 833)), (1, 5000, (1, 1000)), (1200, 60, (1200, 60)), (7, 60, (7, 60))],
)
def test_what_is_compared_is_shrunk_alike_by_a_whole_number(
    tmp_path: Path, height: int, width: int, wanted: tuple[int, int]
) -> None:
    labels = np.full((height, width), 2, np.uint8)
    labels[:, width // 2 :] = 3
    save_comparison(MAP.palette()[labels], labels, labels, MAP, tmp_path)
    image, truth = (np.asarray(Image.open(tmp_path / name)) for name in ("image.jpg", "truth.png"))
    assert image.shape[:2] == truth.shape == wanted
    assert set(np.unique(truth)) <= {2, 3}
    away = [0, -1]  # from the border between the two, where JPEG mixes
    assert np.abs(image[:, away].astype(int) - MAP.palette()[truth[:, away]]).max() < 25


def test_a_pair_is_truth_beside_map_over_a_legend(tmp_path: Path) -> None:
    compared(tmp_path)
    save_pair(tmp_path, MAP, tmp_path / "pair.jpg")
    sheet = np.asarray(Image.open(tmp_path / "pair.jpg"), np.float32)
    assert sheet.shape[1] == 2 * 200 + 8
    assert sheet.shape[0] > 60
    pixels = np.asarray(Image.open(tmp_path / "image.jpg"), np.float32)[5]
    assert np.abs(sheet[5, :200] - pixels).mean() < 25  # not annotated, so untinted: JPEG of noise
    assert (
        np.abs(
            sheet[25, :200].mean(axis=0)
            - (0.58 * PIXELS[25].mean(axis=0) + 0.42 * np.array(MAP.classes[1].color))
        ).max()
        < 12
    )


def test_overlay_leaves_what_is_not_labelled_untouched() -> None:
    before = PIXELS.copy()
    mixed = overlay(PIXELS, LABELS, MAP)
    assert np.array_equal(mixed[labelled_rows(0)], PIXELS[labelled_rows(0)])
    assert np.array_equal(PIXELS, before)  # the input is not painted over


def test_overlay_of_nothing_is_the_picture() -> None:
    assert np.array_equal(overlay(PIXELS, np.zeros((60, 200), np.uint8), MAP), PIXELS)


def test_overlay_washes_with_the_classs_colour_and_draws_its_border_in_it() -> None:
    black, white = np.zeros_like(PIXELS), np.full_like(PIXELS, 255)
    for label, label_class in enumerate(MAP.classes, start=1):
        color = np.array(label_class.color)
        inside, border = 10 * label + 5, 10 * label
        on_black, on_white = (
            overlay(black, LABELS, MAP)[inside, 50],
            overlay(white, LABELS, MAP)[inside, 50],
        )
        assert np.abs(on_black - 0.42 * color).max() <= 1
        assert np.abs(on_white - (0.58 * 255 + 0.42 * color)).max() <= 1
        assert (overlay(white, LABELS, MAP)[border, 50] == color).all()


def test_overlay_borders_lie_between_columns_too() -> None:
    mixed = overlay(np.zeros((60, 60, 3), np.uint8), LABELS[:, :60].T.copy(), MAP)
    assert (mixed[7, 20] == MAP.classes[1].color).all()
    assert (mixed[7, 25] != MAP.classes[1].color).any()


@pytest.mark.parametrize(("width", "height"), [(1, 1), (40, 30), (200, 60), (1500, 20)])
def test_overlay_png_is_the_overlay_with_a_legend_below(
    tmp_path: Path, width: int, height: int
) -> None:
    pixels, labels = (
        np.full((height, width, 3), 90, np.uint8),
        np.full((height, width), 2, np.uint8),
    )
    save_overlay(pixels, labels, MAP, tmp_path / "overlay.png")
    with Image.open(tmp_path / "overlay.png") as picture:
        assert picture.mode == "RGB"
        assert picture.width == width
        assert picture.height > height
        assert np.array_equal(np.asarray(picture)[:height], overlay(pixels, labels, MAP))


def test_a_tall_overlay_has_its_borders_and_shares_where_bands_meet(tmp_path: Path) -> None:
    """It is washed in bands of 512 rows; a border lies in the row below a change."""
    labels = np.repeat(np.array([1, 2, 1, 0, 3], np.uint8), [512, 1, 511, 300, 200])[
        :, None
    ].repeat(300, axis=1)
    pixels = np.random.default_rng(0).integers(0, 256, (*labels.shape, 3), np.uint8)
    save_overlay(pixels, labels, MAP, tmp_path / "overlay.png")
    with Image.open(tmp_path / "overlay.png") as picture:
        assert np.array_equal(np.asarray(picture)[: len(labels)], overlay(pixels, labels, MAP))
        tall = np.asarray(picture)[len(labels) :]
    save_overlay(
        pixels[:, ::-1][::-1], np.ascontiguousarray(labels[::-1]), MAP, tmp_path / "turned.png"
    )
    with Image.open(tmp_path / "turned.png") as picture:  # the same shares, counted in other bands
        assert np.array_equal(np.asarray(picture)[len(labels) :], tall)


def test_the_legend_shows_every_classs_colour(tmp_path: Path) -> None:
    save_overlay(PIXELS, LABELS, MAP, tmp_path / "overlay.png")
    with Image.open(tmp_path / "overlay.png") as picture:
        legend = np.asarray(picture)[60:].reshape(-1, 3)
    for label_class in MAP.classes:
        assert (legend == label_class.color).all(axis=1).sum() > 50, label_class.name


def test_figure_has_a_row_a_picture_and_its_mask_in_the_maps_colours(tmp_path: Path) -> None:
    pairs = [
        (
            f"field {k}.png",
            np.full((100, 100, 3), 10 * k, np.uint8),
            np.full((100, 100), k, np.uint8),
        )
        for k in (1, 2, 3)
    ]
    heights = []
    for count in (1, 2, 3):
        save_figure(pairs[:count], MAP, tmp_path / "figure.png")
        with Image.open(tmp_path / "figure.png") as picture:
            heights.append(picture.height)
            shown = np.asarray(picture.convert("RGB"))
    assert heights[2] - heights[1] == heights[1] - heights[0] > 320
    left, right = shown[:, : shown.shape[1] // 2], shown[:, shown.shape[1] // 2 :]
    for k in (1, 2, 3):
        assert (left == 10 * k).all(axis=2).sum() >= 320 * 320
        assert (right == MAP.classes[k - 1].color).all(axis=2).sum() >= 320 * 320


DRAWINGS: dict[str, tuple[Callable[[Path], None], tuple[int, int]]] = {
    "curves": (lambda path: save_curves(HISTORY, path), (1000, 300)),
    "figure": (lambda path: save_figure([("one", PIXELS, LABELS)], MAP, path), (640, 340)),
    "overlay": (lambda path: save_overlay(PIXELS, LABELS, MAP, path), (200, 61)),
    "labels": (lambda path: save_labels(LABELS, MAP, path), (200, 60)),
}


@pytest.mark.parametrize("name", DRAWINGS)
def test_same_data_same_bytes(tmp_path: Path, name: str) -> None:
    draw, smallest = DRAWINGS[name]
    draw(tmp_path / "one" / "a.png")
    draw(tmp_path / "two" / "a.png")
    assert (tmp_path / "one" / "a.png").read_bytes() == (tmp_path / "two" / "a.png").read_bytes()
    assert [p.name for p in (tmp_path / "one").iterdir()] == ["a.png"]  # nothing beside it
    with Image.open(tmp_path / "one" / "a.png") as picture:
        picture.load()
        assert picture.format == "PNG"
        assert smallest[0] <= picture.width <= 3000
        assert smallest[1] <= picture.height <= 3000
        assert len(picture.convert("RGB").getcolors(1 << 24) or []) > 2  # something is drawn


def test_curves_of_one_epoch_without_validation(tmp_path: Path) -> None:
    save_curves(
        pd.DataFrame(
            {"epoch": [0], "train_loss": [1.0], "train_accuracy": [0.1], "train_dice": [0.1]}
        ),
        tmp_path / "a.png",
    )
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.width > 1000


def test_a_picture_cut_short_by_a_full_disk_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(picture: Image.Image, path: Path, **options: object) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device", str(path))

    save_labels(LABELS, MAP, tmp_path / "labels.png")
    before = (tmp_path / "labels.png").read_bytes()
    monkeypatch.setattr(Image.Image, "save", full_disk)
    with pytest.raises(OSError, match="No space left"):
        save_labels(LABELS + 1, MAP, tmp_path / "labels.png")
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {"labels.png": before}
