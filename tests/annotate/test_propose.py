"""First masks by dominant colours: painted colours are found, nothing is drawn by lot, files read
back, mistakes are one line."""

import json
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import tifffile
from PIL import Image

from breastseg.annotate.proposals.colours import SPACES, count_colours, dominant_colours, hed, lab
from breastseg.annotate.proposals.mask import LABEL_MAP, ColourConfig, propose_mask
from breastseg.annotate.proposals.propose import ProposeConfig, propose
from breastseg.annotate.proposals.score import scores
from breastseg.cli import main
from breastseg.data.prepare import PrepareConfig, prepare
from breastseg.data.rasterise import draw
from breastseg.errors import ImageError, InputError
from breastseg.images import Pixels
from breastseg.metrics import class_scores, confusion_counts
from breastseg.reporter import Reporter
from breastseg.sources.annotations import read_drawn
from conftest import CROPS, DATA, SHARED, crop, quiet

NUCLEI, PINK, PALE, GLASS = (110, 70, 150), (220, 130, 190), (235, 200, 220), (250, 249, 250)
GLASS_LABEL, TUMOR, NOT_TUMOR = 0, 1, 2
SLIDE = DATA / "slides" / "cmu1.svs"
HAND = ("--mpp", "2")


def painted() -> Pixels:
    """Paint 400 x 400 um at 2 um/px: glass, and tissue of three colours, of which the nuclei's has
    40 x 100 um in one place."""
    picture = np.full((200, 200, 3), GLASS, np.uint8)
    picture[20:180, 20:180] = PINK
    picture[20:180, 130:180] = PALE
    picture[60:110, 40:100] = NUCLEI
    return picture


def save(pixels: Pixels, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


@pytest.mark.parametrize("space", SPACES)
def test_three_painted_colours_are_found(space: str) -> None:
    picture = painted()
    tissue = (picture != GLASS).any(axis=2)
    found = dominant_colours(count_colours(picture, tissue), 3, space)
    assert np.abs(found.rgb - [NUCLEI, PALE, PINK]).max() <= 2
    assert np.allclose(
        found.share,
        [(picture[tissue] == colour).all(axis=1).mean() for colour in (NUCLEI, PALE, PINK)],
    )
    assert (np.diff(found.haematoxylin) < 0).all()
    numbers = found.nearest(picture)
    for number, colour in enumerate((NUCLEI, PALE, PINK)):
        assert ((numbers == number) & tissue == (picture == colour).all(axis=2)).all()


@pytest.mark.parametrize("space", SPACES)
def test_the_place_dense_with_nuclei_is_proposed(space: str) -> None:
    picture = painted()
    labels = propose_mask(picture, ColourConfig(3, space), mpp=2.0, where="x").labels
    for label, truth in ((TUMOR, picture == NUCLEI), (GLASS_LABEL, picture == GLASS)):
        wanted = truth.all(axis=2)
        assert ((labels == label) & wanted).sum() / ((labels == label) | wanted).sum() > 0.85
    assert labels.dtype == np.uint8
    assert set(np.unique(labels)) == {GLASS_LABEL, TUMOR, NOT_TUMOR}


def test_cells_that_lie_close_are_one_area_and_single_cells_are_none() -> None:
    picture = np.full((200, 200, 3), PINK, np.uint8)
    for row in range(40, 120, 6):
        for column in range(40, 120, 6):
            picture[row : row + 4, column : column + 4] = NUCLEI
    picture[170:174, 170:174] = NUCLEI
    labels = propose_mask(picture, ColourConfig(2), mpp=2.0, where="x").labels
    assert (labels[46:114, 46:114] == TUMOR).all()
    assert (labels[150:, 150:] == NOT_TUMOR).all()


def test_the_colour_spaces_are_the_known_ones() -> None:
    """CIELAB of white, black and red, as tables have them; stain alone has no other stain;
    densities add up."""
    colours = np.array([[255, 255, 255], [0, 0, 0], [255, 0, 0]], np.float64)
    assert np.allclose(lab(colours), [[100, 0, 0], [0, 0, 0], [53.24, 80.09, 67.20]], atol=0.05)
    stains = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11]])
    stains /= np.linalg.norm(stains, axis=1, keepdims=True)
    assert np.allclose(hed(255 * np.exp(-stains)), [[1, 0, 0], [0, 1, 0]], atol=1e-9)
    assert np.allclose(
        hed(255 * np.exp(-(0.5 * stains[:1] + 0.3 * stains[1:]))), [[0.5, 0.3, 0]], atol=1e-9
    )


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("number", range(len(CROPS)))
def test_a_turned_picture_has_a_turned_mask(number: int, space: str) -> None:
    """Real pixels at 0.3 um, called 4 um so that a small crop has room for areas."""

    def labels_of(picture: Pixels) -> np.ndarray:
        return propose_mask(
            np.ascontiguousarray(picture), ColourConfig(3, space), mpp=4.0, where="x"
        ).labels

    pixels = crop(number)
    labels = labels_of(pixels)
    assert (labels == TUMOR).any()
    assert (labels == NOT_TUMOR).any()
    for turns in (1, 2, 3):
        assert np.array_equal(labels_of(np.rot90(pixels, turns)), np.rot90(labels, turns))
    assert np.array_equal(labels_of(pixels[:, ::-1]), labels[:, ::-1])


@pytest.mark.parametrize("number", range(len(CROPS)))
def test_no_centre_of_k_means_can_be_bettered_alone(number: int) -> None:
    """At its end every colour belongs to the centre that is nearest, and each centre is the mean of
    what belongs to it."""
    pixels = crop(number)
    counts = count_colours(pixels, np.ones(pixels.shape[:2], bool))
    assert counts.sum() == pixels.shape[0] * pixels.shape[1]
    found = dominant_colours(counts, 4, "lab")
    bins = np.flatnonzero(counts)
    places = lab(np.stack([bins >> 12, (bins >> 6) & 63, bins & 63], axis=1) * 4 + 1.5)
    owners = found.number[bins]
    centres = np.array(
        [
            np.average(places[owners == k], axis=0, weights=counts[bins][owners == k])
            for k in range(4)
        ]
    )
    distances = ((places[:, None] - centres) ** 2).sum(axis=2)
    assert (distances[np.arange(len(bins)), owners] <= distances.min(axis=1) + 1e-6).all()
    assert found.share.sum() == pytest.approx(1)


def test_what_is_not_tissue_by_a_mask_is_glass() -> None:
    picture = painted()
    half = np.zeros(picture.shape[:2], bool)
    half[:, :100] = True
    labels = propose_mask(picture, ColourConfig(2), mpp=2.0, where="x", tissue=half).labels
    assert not labels[:, 100:].any()
    assert labels[60:110, 40:95].all()


def test_small_pieces_and_holes_go() -> None:
    picture = np.full((300, 300, 3), PINK, np.uint8)
    picture[50:200, 50:200] = NUCLEI
    picture[100:118, 100:118] = (
        PINK  # 36 um wide: the disc of 30 um does not close it, its 1,296 um2 are too few
    )
    picture[250:268, 250:268] = NUCLEI
    labels = propose_mask(picture, ColourConfig(2), mpp=2.0, where="x").labels
    assert (labels[100:118, 100:118] == TUMOR).all()
    assert (labels[240:, 240:] == NOT_TUMOR).all()


Refused = Callable[..., None]


@pytest.fixture
def refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Refused:
    """Propose a.png, painted if it is not there, with words that must be refused in one line."""

    def check(*words: object, say: str) -> None:
        if not (tmp_path / "a.png").exists():
            save(painted(), tmp_path / "a.png")
        assert run(tmp_path / "a.png", "--out", tmp_path / "out", *HAND, *words) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert re.fullmatch(r"breastseg: [^\n]+\n", said.err), said.err
        assert re.search(say, said.err), said.err

    return check


def run(*words: object) -> int:
    return main(["propose", *(str(word) for word in words)])


def test_geojson_is_read_back_as_the_mask(tmp_path: Path) -> None:
    picture = save(painted(), tmp_path / "a.png")
    assert run(picture, "--out", tmp_path / "areas", *HAND) == 0
    assert run(picture, "--out", tmp_path / "masks", *HAND, "--format", "mask") == 0
    drawn = read_drawn(tmp_path / "areas" / "annotations" / "a.geojson")
    assert {area.name for area in drawn.areas} == {"Tumor", "Other"}
    mask = np.asarray(Image.open(tmp_path / "masks" / "masks" / "a.png"))
    again, _ = draw(drawn, LABEL_MAP, (200, 200), (200, 200), radius_px=1, where="x")
    inner = cv2.erode(mask, np.ones((5, 5))) == cv2.dilate(
        mask, np.ones((5, 5))
    )  # borders are simplified
    assert np.array_equal(again[inner], mask[inner])
    assert {label: (inner & (mask == label)).sum() > 500 for label in range(3)} == dict.fromkeys(
        range(3), True
    )


@pytest.mark.parametrize("form", ["geojson", "mask"])
def test_a_corrected_proposal_is_annotation(tmp_path: Path, form: str) -> None:
    """The folder of proposals, with the images put into it, is what `prepare` takes; its labels
    are the proposal's."""
    images, out = tmp_path / "images", tmp_path / "proposals"
    for name in ("a", "b"):
        save(painted(), images / f"{name}.png")
    propose(images, out, ProposeConfig(mpp=2.0, form=form), reporter=quiet)
    images.rename(out / "images")
    data = prepare(
        out,
        tmp_path / "data",
        PrepareConfig(to_mpp=2.0, mpp=2.0, labels="tumor", workers=1),
        reporter=quiet,
    )
    labels = propose_mask(painted(), mpp=2.0, where="x").labels
    for region in ("a", "b"):
        assert (data.labels(region) == labels).mean() > 0.99


@pytest.mark.parametrize("form", ["geojson", "mask"])
def test_same_input_same_bytes(tmp_path: Path, form: str) -> None:
    files: list[dict[str, bytes]] = []
    for out in (
        tmp_path / "one",
        tmp_path / "two",
        tmp_path / "two",
    ):  # the second folder twice: the same work goes on in it
        propose(CROPS, out, ProposeConfig(mpp=0.3, form=form), reporter=quiet)
        files.append(
            {
                path.relative_to(out).as_posix(): path.read_bytes()
                for path in sorted(out.rglob("*.*"))
            }
        )
    assert files[0] == files[1] == files[2]
    assert len(files[0]) == 2 * len(CROPS) + 2


def test_what_a_kill_left_lies_beside_the_result_and_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Labels waited in the system's folder of temporary files, where a kill left them for ever."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "there is no such folder"))
    propose(SLIDE, tmp_path / "out", reporter=quiet)
    whole = sorted(path.name for path in (tmp_path / "out").rglob("*"))
    (tmp_path / "out" / "annotations" / ".part-labels").write_bytes(b"left by a kill" * 10_000)
    propose(SLIDE, tmp_path / "out", reporter=quiet)
    assert sorted(path.name for path in (tmp_path / "out").rglob("*")) == whole
    assert not [name for name in whole if name.startswith(".part-")]


def test_a_slide_is_proposed_in_its_own_pixels(tmp_path: Path) -> None:
    rows = propose(SLIDE, tmp_path / "areas", reporter=quiet)
    assert rows[0]["mpp"] == pytest.approx(0.499)
    features = json.loads((tmp_path / "areas" / "annotations" / "cmu1.geojson").read_text())[
        "features"
    ]
    places = np.concatenate(
        [np.array(ring) for f in features for ring in f["geometry"]["coordinates"]]
    )
    assert places.min() >= 0
    assert places.max() == pytest.approx(480)
    propose(SLIDE, tmp_path / "masks", ProposeConfig(form="mask"), reporter=quiet)
    labels = tifffile.imread(tmp_path / "masks" / "masks" / "cmu1.ome.tif")
    tumor = sum(
        f["properties"]["measurements"]["area_um2"]
        for f in features
        if f["properties"]["classification"]["name"] == "Tumor"
    )
    assert tumor == pytest.approx(
        (labels == TUMOR).sum() * (480 * 0.499 / labels.shape[1]) ** 2, rel=0.02
    )
    assert tumor == pytest.approx(1e6 * rows[0]["tumor_mm2"], rel=0.02)


def test_a_large_slide_is_looked_at_more_coarsely(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory is set by us: 14,400 pixels at 2 um/px become 3,600 at 4."""
    monkeypatch.setattr("breastseg.annotate.proposals.propose.MAX_PIXELS", 3_600)
    propose(SLIDE, tmp_path / "masks", ProposeConfig(form="mask"), reporter=quiet)
    assert tifffile.imread(tmp_path / "masks" / "masks" / "cmu1.ome.tif").shape == (60, 60)


def truth_of(pixels: Pixels) -> np.ndarray:
    """Code 1 where the nuclei are, 2 on other tissue, 0 on glass."""
    return np.where(
        (pixels == NUCLEI).all(axis=2), 1, np.where((pixels == GLASS).all(axis=2), 0, 2)
    ).astype(np.uint8)


def test_scores_are_those_of_the_written_mask(tmp_path: Path) -> None:
    for name, picture in (
        ("a", painted()),
        ("b", np.ascontiguousarray(painted().transpose(1, 0, 2)[:150])),
    ):
        save(picture, tmp_path / "images" / f"{name}.png")
        save(truth_of(picture), tmp_path / "truth" / f"{name}.png")
    config = ProposeConfig(mpp=2.0, form="mask", truth=str(tmp_path / "truth"))
    rows = propose(tmp_path / "images", tmp_path / "out", config, reporter=quiet)
    pairs = [
        [
            np.asarray(Image.open(tmp_path / folder / f"{n}.png"))
            for folder in ("truth", "out/masks")
        ]
        for n in "ab"
    ]
    counts = [confusion_counts(truth, mask, 2) for truth, mask in pairs]
    for row, count in zip(rows, [*counts, counts[0] + counts[1]], strict=True):
        wanted = class_scores(count, LABEL_MAP.names)["tumor"]
        assert {key: row[f"tumor_{key}"] for key in ("dice", "iou", "precision", "recall")} == {
            key: wanted[key] for key in ("dice", "iou", "precision", "recall")
        }
        tumor = count[0].sum() / count.sum()
        assert row["everything_tumor_dice"] == pytest.approx(2 * tumor / (1 + tumor))
    table = pd.read_csv(tmp_path / "out" / "proposals.csv")
    assert table["picture"].tolist()[-1] == "all"
    assert table["tumor_dice"].tolist() == [row["tumor_dice"] for row in rows]


def test_without_tumor_in_the_truth_there_is_no_score() -> None:
    found = scores(np.array([[0, 0, 0], [5, 3, 2]], np.int64))
    assert np.isnan(found["tumor_dice"])
    assert np.isnan(found["everything_tumor_dice"])


def test_real_regions_score_as_the_page_says(tmp_path: Path) -> None:
    """docs/results/proposals.md: three colours in CIELAB."""
    regions = SHARED / "bcss"
    if not regions.is_dir():
        pytest.skip("the whole regions are not here")
    rows = propose(
        regions / "images",
        tmp_path / "out",
        ProposeConfig(mpp=0.3, truth=str(regions / "masks")),
        reporter=quiet,
    )
    assert [f"{row['tumor_dice']:.3f}" for row in rows] == ["0.773", "0.657", "0.908", "0.793"]
    assert [f"{row['everything_tumor_dice']:.3f}" for row in rows] == [
        "0.666",
        "0.497",
        "0.778",
        "0.657",
    ]


@pytest.mark.parametrize("colours", [1, 9, 0, -3])
def test_a_number_of_colours_that_makes_no_sense(
    refused: Refused, tmp_path: Path, colours: int
) -> None:
    refused(
        "--colours", colours, say=f"^breastseg: colours {colours}: wanted 2 to 8, as in --colours 3"
    )
    assert not (tmp_path / "out").exists()


def test_an_unknown_space_or_format(refused: Refused, tmp_path: Path) -> None:
    refused("--space", "rgb", say="space 'rgb': wanted lab or hed")
    refused("--format", "png", say="format 'png': wanted geojson or mask")
    assert not (tmp_path / "out").exists()


def test_a_picture_without_mpp(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(save(painted(), tmp_path / "a.png"), "--out", tmp_path / "out") == 2
    assert "no microns per pixel" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_folder_that_holds_something_else(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    refused(say="output folder is not empty; choose another folder or empty it")
    (tmp_path / "out" / "mine.txt").unlink()
    propose(tmp_path / "a.png", tmp_path / "out", ProposeConfig(mpp=2.0), reporter=quiet)
    refused("--colours", 4, say="holds 'propose' work with other settings")


@pytest.mark.parametrize(
    ("picture", "say"),
    [
        (
            np.full((80, 80, 3), 255, np.uint8),
            "no tissue, nothing of 2000 um2 is darker than glass; choose a field with tissue",
        ),
        (
            np.full((80, 80, 3), NUCLEI, np.uint8),
            (
                "its tissue has one colour .standard deviation 0.0 in CIELAB, wanted 2.5.; draw it"
                " by hand"
            ),
        ),
        (
            np.clip(np.random.default_rng(0).normal(160, 8, (200, 200, 3)), 0, 255).astype(
                np.uint8
            ),
            "its tissue has one colour",
        ),
        (np.full((1, 1, 3), 20, np.uint8), "no tissue"),
    ],
    ids=["glass", "one colour", "one colour and noise", "one pixel"],
)
def test_nothing_to_tell_apart(refused: Refused, tmp_path: Path, picture: Pixels, say: str) -> None:
    save(picture, tmp_path / "a.png")
    refused(say=say)
    assert not list((tmp_path / "out").rglob("*.geojson"))
    assert not list((tmp_path / "out").rglob("*.jpg"))


def test_fewer_colours_than_asked_for() -> None:
    picture = np.full((60, 60, 3), PINK, np.uint8)
    picture[:30] = NUCLEI
    with pytest.raises(
        ImageError,
        match=r"x: .* 2 different colours, wanted 3; .*--colours",
    ):
        propose_mask(picture, ColourConfig(3), mpp=10.0, where="x")
    assert propose_mask(picture, ColourConfig(2), mpp=10.0, where="x").labels[:20].max() == TUMOR


def test_one_of_several_fails_and_the_others_are_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(painted(), tmp_path / "images" / "good.png")
    save(np.full((80, 80, 3), 255, np.uint8), tmp_path / "images" / "empty.png")
    assert run(tmp_path / "images", "--out", tmp_path / "out", *HAND) == 1
    assert re.fullmatch(
        r"breastseg: 1 of 2 failed, .*no tissue.*proposals.csv tells of each\n",
        capsys.readouterr().err,
    )
    table = pd.read_csv(tmp_path / "out" / "proposals.csv", index_col="picture")
    assert table["outcome"].tolist() == ["failed", "done"]
    assert "no tissue" in table["cause"].iloc[0]
    assert (tmp_path / "out" / "annotations" / "good.geojson").is_file()


def test_truth_that_does_not_fit(refused: Refused, tmp_path: Path) -> None:
    refused(
        "--truth",
        tmp_path / "truth",
        say="truth/a.png: not found, wanted the mask of the image a; add it or leave --truth out",
    )
    save(np.ones((20, 20), np.uint8), tmp_path / "truth" / "a.png")
    assert not (tmp_path / "out").exists()
    refused(
        "--truth",
        tmp_path / "truth",
        say="a.png: 20 x 20 px, wanted 200 x 200, the size of its image",
    )
    save(np.full((200, 200), 77, np.uint8), tmp_path / "truth" / "a.png")
    refused("--truth", tmp_path / "truth", say="code 77 is not in label map 'tumor'")


def test_a_picture_that_is_not_he_is_doubted(tmp_path: Path) -> None:
    lines: list[str] = []
    blue = save(np.ascontiguousarray(painted()[..., [1, 0, 2]]), tmp_path / "blue.png")
    rows = propose(blue, tmp_path / "out", ProposeConfig(mpp=2.0), reporter=Reporter(lines.append))
    assert rows[0]["doubts"].startswith("does not look like H&E")
    assert "model" not in rows[0]["doubts"]  # none has a part in this
    assert lines[0] == f"warning: {blue}: {rows[0]['doubts']}"


def test_a_box_in_the_table(tmp_path: Path) -> None:
    save(painted(), tmp_path / "a.png")
    (tmp_path / "list.csv").write_text('path,mpp,box\na.png,2,"0,0,9,9"\n')
    with pytest.raises(InputError, match="box '0,0,9,9' in the table, wanted none"):
        propose(tmp_path / "list.csv", tmp_path / "out", reporter=quiet)
