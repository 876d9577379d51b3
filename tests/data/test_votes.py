"""Dots as regions: who wins where, where nobody does, and that a turned field has turned votes."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from breastseg.cli import main
from breastseg.data import votes
from breastseg.data.dataset import Dataset, open_dataset
from breastseg.data.prepare import PrepareConfig, prepare
from breastseg.data.rasterise import draw
from breastseg.data.votes import Voted, said_of_votes, stroma_of, vote
from breastseg.errors import DatasetError, InputError, MppError, OutputError
from breastseg.images import open_slide
from breastseg.labels import BUILT_IN
from breastseg.sources.annotations import read_drawn
from conftest import DATA, crop, quiet

TUMOR, STROMA, LYMPHOCYTE, MPP = 1, 2, 3, 0.5
SIDE = 192
FIELDS = DATA / "brca_m2c"


def disc_of(dots: np.ndarray, shape: tuple[int, int], radius_px: float = 6.0) -> np.ndarray:
    """Return discs, the nearest dot's where they meet."""
    labels, nearest = np.zeros(shape, np.uint8), np.full(shape, radius_px + 1e-9)
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    for label, y, x in dots:
        distance = np.hypot(rows - y, columns - x)
        labels[distance < nearest] = label
        nearest = np.minimum(nearest, distance)
    return labels


def tissue(dots: np.ndarray, side: int = SIDE) -> np.ndarray:
    """Return pink tissue with a dark nucleus at each dot."""
    pixels = np.full((side, side, 3), (210, 120, 180), np.uint8)
    pixels[disc_of(dots, (side, side)) > 0] = (80, 40, 120)
    return pixels


def voted(dots: np.ndarray, *, side: int = SIDE, mpp: float = MPP, **how: object) -> Voted:
    """Let dots on painted tissue vote, every nucleus having one."""
    discs = disc_of(dots, (side, side), 3.0 / mpp)
    settings = {"stroma": {STROMA}, **how}
    return vote(dots, discs, tissue(dots, side), mpp=mpp, **settings)  # type: ignore[arg-type]


def grid(label: int, rows: range, columns: range) -> np.ndarray:
    return np.array([(label, y, x) for y in rows for x in columns], np.int32)


@pytest.mark.parametrize("label", [TUMOR, STROMA, LYMPHOCYTE])
def test_one_class_everywhere_is_that_class_everywhere(label: int) -> None:
    found = voted(grid(label, range(6, SIDE, 16), range(6, SIDE, 16)))
    assert (found.labels == label).all()
    assert (found.agreeing, found.dots, found.contradicting) == (144, 144, 0)


def test_two_halves_meet_in_a_straight_strip_without_label() -> None:
    rows = range(4, SIDE, 8)
    left, right = grid(TUMOR, rows, range(4, 92, 8)), grid(LYMPHOCYTE, rows, range(100, SIDE, 8))
    labels = voted(np.concatenate([left, right])).labels
    middle = labels[40:-40]
    assert (middle == middle[:8].repeat(14, axis=0)[: len(middle)]).mean() > 0.99
    assert set(np.unique(middle[:, :86])) == {TUMOR}
    assert set(np.unique(middle[:, 99:])) == {LYMPHOCYTE}
    assert (middle[:, 92] == 0).all(), "as far from one as from the other"
    assert not (middle[:, :92] == LYMPHOCYTE).any()
    assert not (middle[:, 93:] == TUMOR).any()


def test_votes_are_gaussians_added_up() -> None:
    """By another way: distances of each pixel to each dot, in floating point."""
    rng = np.random.default_rng(3)
    dots = np.column_stack(
        [rng.integers(1, 4, 60), rng.integers(0, 120, 60), rng.integers(0, 120, 60)]
    )
    dots = dots.astype(np.int32)
    nothing = np.zeros((120, 120), np.uint8)
    found = vote(dots, nothing, tissue(dots, 120), mpp=MPP, width_um=6.0, stroma={STROMA}).labels
    y, x = np.indices((120, 120))
    sums = np.zeros((4, 120, 120))
    for label, row, column in dots:
        sums[label] += np.exp(-((y - row) ** 2 + (x - column) ** 2) * MPP**2 / (2 * 6.0**2))
    first, second = np.sort(sums, axis=0)[[-1, -2]]
    winner = sums.argmax(axis=0)
    needed = np.where(winner == STROMA, 0.1, 0.5)
    wanted = np.where((first >= needed) & (second < 0.7 * first), winner, 0)
    unsure = (np.abs(first - needed) < 0.01) | (np.abs(second / first - 0.7) < 0.01)
    assert unsure.mean() < 0.1
    assert np.array_equal(found[~unsure], wanted[~unsure])
    assert len(np.unique(found)) == 4


def test_a_lymphocyte_inside_a_nest_keeps_its_disc_and_no_more() -> None:
    nest = grid(TUMOR, range(4, SIDE, 12), range(4, SIDE, 12))
    lone = np.array([(LYMPHOCYTE, 94, 94)], np.int32)
    found = voted(np.concatenate([nest, lone])).labels
    rows, columns = np.indices(found.shape)
    distance = np.hypot(rows - 94, columns - 94)
    assert (found[distance <= 4] == LYMPHOCYTE).all()
    assert not (found[distance > 6.5] == LYMPHOCYTE).any()
    assert (found[distance > 30] == TUMOR).all()


@pytest.mark.parametrize(
    ("label", "widths"), [(TUMOR, 1.177), (LYMPHOCYTE, 1.177), (STROMA, 2.146)]
)
@pytest.mark.parametrize("width_um", [4.0, 6.0, 9.0])
def test_far_from_any_dot_is_no_label(label: int, widths: float, width_um: float) -> None:
    """One dot has half a vote at 1.177 widths, a tenth at 2.146; collagen is stroma further from
    its cells."""
    found = voted(np.array([(label, 96, 96)], np.int32), width_um=width_um).labels
    reach_um = MPP * np.flatnonzero(found[96, 96:])[-1]
    assert abs(reach_um - widths * width_um) <= MPP
    assert found[96, 96 + int(widths * width_um / MPP) + 2] == 0


@pytest.mark.parametrize("mpp", [0.25, 0.5, 1.0])
def test_widths_are_microns_at_every_resolution(mpp: float) -> None:
    rng = np.random.default_rng(1)
    places = rng.uniform(5, 90, (40, 2))
    classes = rng.integers(1, 4, 40)

    def at(mpp: float) -> np.ndarray:
        side = round(96 / mpp)
        dots = np.column_stack([classes, places / mpp]).astype(np.int32)
        discs = disc_of(dots, (side, side), 3.0 / mpp)
        return vote(dots, discs, tissue(dots, side), mpp=mpp, stroma={STROMA}).labels

    base, other = at(0.125), at(mpp)
    step = mpp / 0.125
    middles = ((np.arange(len(other)) + 0.5) * step).astype(int)
    assert (base[np.ix_(middles, middles)] == other).mean() > 1 - 0.12 * mpp


def test_white_places_are_left_to_the_rule() -> None:
    dots = grid(STROMA, range(4, SIDE, 12), range(4, SIDE, 12))
    pixels = tissue(dots)
    pixels[60:130, 60:130] = 245
    found = vote(dots, np.zeros((SIDE, SIDE), np.uint8), pixels, mpp=MPP, stroma={STROMA}).labels
    assert not found[75:115, 75:115].any()
    assert (found[:50] == STROMA).all()


def real(name: str = "TCGA-A7-A0DA") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return dots, discs and pixels of a real field, with a white place in it."""
    picture = next((FIELDS / "images").glob(f"{name}*"))
    where = next((FIELDS / "labels").glob(f"{name}*"))
    slide = open_slide(picture, mpp=MPP)
    discs, dots = draw(
        read_drawn(where),
        BUILT_IN["region5"],
        slide.size_px,
        slide.size_px,
        radius_px=6.0,
        where="",
    )
    pixels = np.array(Image.open(picture).convert("RGB"))
    pixels[100:160, 20:90] = 245
    return dots, discs, pixels


@pytest.mark.parametrize("turns", [1, 2, 3])
@pytest.mark.parametrize("flip", [False, True])
def test_a_turned_field_has_turned_votes(turns: int, flip: bool) -> None:
    dots, discs, pixels = real()
    way = slice(None, None, -1 if flip else 1)
    places = np.zeros(discs.shape, np.int32)
    places[dots[:, 1], dots[:, 2]] = np.arange(1, len(dots) + 1)
    turned = np.rot90(places, turns)[way]
    rows, columns = np.nonzero(turned)
    assert len(rows) == len(dots), "no two dots of this field share a pixel"
    moved = np.column_stack([dots[turned[rows, columns] - 1, 0], rows, columns]).astype(np.int32)
    straight = vote(dots, discs, pixels, mpp=MPP, stroma={STROMA})
    other = vote(
        moved,
        np.ascontiguousarray(np.rot90(discs, turns)[way]),
        np.ascontiguousarray(np.rot90(pixels, turns)[way]),
        mpp=MPP,
        stroma={STROMA},
    )
    assert np.array_equal(other.labels, np.rot90(straight.labels, turns)[way])
    assert other.row() == straight.row()
    assert (other.seen, other.per_mm2) == (straight.seen, straight.per_mm2)
    assert len(np.unique(straight.labels)) == 4


@pytest.mark.parametrize("width_um", [1.0, 6.0])
def test_the_order_of_dots_and_the_bands_change_nothing(
    monkeypatch: pytest.MonkeyPatch, width_um: float
) -> None:
    dots, discs, pixels = real()
    whole = vote(dots, discs, pixels, mpp=MPP, width_um=width_um, stroma={STROMA})
    shuffled = vote(dots[::-1].copy(), discs, pixels, mpp=MPP, width_um=width_um, stroma={STROMA})
    assert np.array_equal(whole.labels, shuffled.labels)
    monkeypatch.setattr(votes, "_BAND_PX", 7 * pixels.shape[1])
    banded = vote(dots, discs, pixels, mpp=MPP, width_um=width_um, stroma={STROMA})
    assert np.array_equal(whole.labels, banded.labels)
    assert banded.row() == whole.row()
    assert (banded.seen, banded.per_mm2) == (whole.seen, whole.per_mm2)


@pytest.mark.parametrize(("gap_px", "contradicting"), [(0, 2), (2, 2), (3, 0)])
def test_two_names_within_a_micron_contradict(gap_px: int, contradicting: int) -> None:
    far = grid(TUMOR, range(4, 60, 12), range(4, SIDE, 12))
    pair = np.array([(TUMOR, 150, 100), (STROMA, 150, 100 + gap_px)], np.int32)
    same = np.array([(TUMOR, 120, 40), (TUMOR, 120, 41)], np.int32)
    assert voted(np.concatenate([far, pair, same])).contradicting == contradicting


def test_a_field_with_half_of_its_dots_is_no_map() -> None:
    dots, discs, pixels = real()
    whole = vote(dots, discs, pixels, mpp=MPP)
    half = vote(dots[::2], discs, pixels, mpp=MPP)
    assert whole.is_map
    assert not half.is_map
    assert half.seen < votes.LEAST_SEEN <= whole.seen
    assert not half.labels.any()


def test_a_few_dots_on_much_tissue_are_no_map() -> None:
    found = voted(np.array([(TUMOR, 10, 10)], np.int32), side=400, mpp=1.0)
    assert found.seen == 1.0, "no other nucleus is there"
    assert found.per_mm2 == pytest.approx(1 / 0.16)
    assert not found.is_map


def test_near_a_dot_is_a_circle() -> None:
    """To the pixel: a coarse distance is an octagon."""
    rng = np.random.default_rng(5)
    dots = np.column_stack([np.ones(9), rng.integers(0, 90, 9), rng.integers(0, 70, 9)])
    rows, columns = np.ogrid[:90, :70]
    away = np.min([np.hypot(rows - y, columns - x) for _, y, x in dots.tolist()], axis=0)
    for radius_px in (4.0, 11.5, 12.0, 20.3):
        found = votes._near(dots.astype(np.int32), (90, 70), radius_px)
        assert np.array_equal(found, away <= radius_px)


def test_dots_of_no_class_are_no_map() -> None:
    none = np.empty((0, 3), np.int32)
    found = vote(none, np.zeros((20, 20), np.uint8), crop(0)[:20, :20], mpp=MPP)
    assert not found.is_map
    assert not found.labels.any()


def test_stroma_is_found_by_its_name() -> None:
    assert stroma_of(BUILT_IN["region5"]) == {2}
    assert stroma_of(BUILT_IN["bcss21"]) == {2}
    assert stroma_of(BUILT_IN["tumor"]) == frozenset()


def told(region: str, *, is_map: bool = True, contradicting: int = 0) -> dict[str, object]:
    what = {
        "dots": 50,
        "agreeing": 47,
        "contradicting": contradicting,
        "is_map": is_map,
        "pixels": 1000,
    }
    return {"region": region, "annotation": "dots", "voted_px": 700 if is_map else 0, "votes": what}


def test_what_is_said_of_many_fields() -> None:
    rows = [
        told("a"),
        told("b", contradicting=2),
        *(told(f"c{k}", is_map=False) for k in range(5)),
        {"region": "d"},
    ]
    assert said_of_votes(rows) == [
        (
            "dots as regions: 2 of 7 fields; 70 % of their pixels have a label, the votes name 94 %"
            " of their dots right"
        ),
        "kept as dots, for not every nucleus seems to have one: 5 fields (c0, c1, c2 and 2 more)",
        "contradicting: 2 dots within 1 um of one of another class (in b)",
    ]
    assert said_of_votes([told("c", is_map=False)])[0] == "dots as regions: 0 of 1 field"
    beside = {"region": "e", "voted_px": 0, "dots_not_voting": 3}
    assert (
        said_of_votes([told("a"), beside])[-1] == "no votes where areas are known too: 1 field (e)"
    )
    assert len(said_of_votes([beside])) == 2
    assert said_of_votes([{"region": "d"}]) == [
        "dots as regions: no field has dots alone, so none votes"
    ]


def prepared(out: Path, **how: object) -> Dataset:
    """Prepare the real fields beside real masks."""
    given = {"to_mpp": 0.5, "workers": 1, "dots_as": "both", **how}
    config = PrepareConfig(**given)  # type: ignore[arg-type]
    return prepare([DATA / "bcss", FIELDS], out, config, reporter=quiet)


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
    }


def test_a_data_set_with_votes_keeps_its_discs(tmp_path: Path) -> None:
    discs, both = prepared(tmp_path / "discs", dots_as="discs"), prepared(tmp_path / "both")
    plain, more = files(discs.path / "arrays"), files(both.path / "arrays")
    assert {name: more[name] for name in plain if name.endswith(".npy")} == {
        name: data for name, data in plain.items() if name.endswith(".npy")
    }
    dotted = discs.dotted(list(discs.regions.index))
    assert more.keys() - plain.keys() == {f"{region}.votes.npy" for region in dotted}
    for region in both.regions.index:
        found = both.votes(region)
        assert (found is not None) == (region in dotted)
        assert both.regions.at[region, "voted_px"] == (
            0 if found is None else np.count_nonzero(found)
        )
        assert discs.votes(region) is None
        if found is not None:
            labels = np.asarray(both.labels(region))
            assert np.array_equal(found[labels > 0], labels[labels > 0])
            assert np.count_nonzero(found) > 2 * np.count_nonzero(labels)


def test_without_votes_a_data_set_is_what_it_was(tmp_path: Path) -> None:
    """Old data sets are opened, and new ones without votes do not differ from them."""
    data = prepared(tmp_path / "o", dots_as="discs")
    info = json.loads((data.path / "dataset.json").read_text())
    assert info.keys() == {
        "format",
        "mpp",
        "dot_radius_um",
        "label_map",
        "source",
        "parts",
        "notes",
    }
    assert "voted_px" not in data.regions
    assert (data.dots_as, data.vote_rules) == ("discs", {})
    work = json.loads((data.path / "breastseg-work.json").read_text())
    assert "dots_as" not in work["settings"]


def test_the_fingerprint_follows_the_votes(tmp_path: Path) -> None:
    ways: list[dict[str, object]] = [
        {"dots_as": "discs"},
        {"dots_as": "both"},
        {"dots_as": "regions"},
        {"dots_as": "both", "vote_width_um": 8.0},
    ]
    found = [prepared(tmp_path / str(k), **how) for k, how in enumerate(ways)]
    assert len({data.fingerprint() for data in found}) == 4
    assert open_dataset(found[3].path).vote_rules["width_um"] == 8.0


def test_the_settings_decide_the_folder_and_the_same_again_does_nothing(tmp_path: Path) -> None:
    data = prepared(tmp_path / "o")
    before = files(data.path)
    prepared(tmp_path / "o")
    assert files(data.path) == before
    for how in ({"dots_as": "discs"}, {"dots_as": "regions"}, {"vote_width_um": 7.0}):
        with pytest.raises(
            OutputError, match=r"holds 'prepare' work with other settings .*(dots_as|votes)"
        ):
            prepared(tmp_path / "o", **how)
    assert files(data.path) == before


def test_what_a_kill_leaves_is_made_anew(tmp_path: Path) -> None:
    data = prepared(tmp_path / "o")
    wanted, region = files(data.path), data.dotted(list(data.regions.index))[0]
    (data.path / "dataset.json").unlink()
    (data.path / "arrays" / f"{region}.json").unlink()
    (data.path / "arrays" / f"{region}.votes.npy").write_bytes(b"half")
    prepared(tmp_path / "o", workers=2)
    assert files(data.path) == wanted


def test_dots_beside_areas_do_not_vote_and_it_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def feature(name: str, kind: str, coordinates: object) -> dict[str, object]:
        return {
            "type": "Feature",
            "geometry": {"type": kind, "coordinates": coordinates},
            "properties": {"objectType": "annotation", "classification": {"name": name}},
        }

    square = [[[0, 0], [60, 0], [60, 60], [0, 60], [0, 0]]]
    drawn = [
        feature("Stroma", "Polygon", square),
        feature("Tumor", "MultiPoint", [[20.0, 20.0], [90.0, 90.0], [95.0, 40.0]]),
    ]
    folder = tmp_path / "drawn"
    folder.mkdir()
    Image.fromarray(crop(0)[:128, :128]).save(folder / "TCGA-A1-A0SK.png")
    text = json.dumps({"type": "FeatureCollection", "features": drawn})
    (folder / "TCGA-A1-A0SK.geojson").write_text(text)
    words = [str(folder), "--out", str(tmp_path / "o"), "--to-mpp", "0.5", "--mpp", "0.5"]
    assert main(["prepare", *words, "--labels", "region5", "--dots-as", "both"]) == 0
    said = capsys.readouterr().out
    assert "no field has dots alone" in said
    assert "no votes where areas are known too: 1 field (TCGA-A1-A0SK)" in said
    data = open_dataset(tmp_path / "o")
    assert data.votes("TCGA-A1-A0SK") is None
    assert "dots_not_voting" not in data.regions


def test_the_command_says_what_it_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "prepare",
        str(FIELDS),
        "--out",
        str(tmp_path / "o"),
        "--dots-as",
        "both",
        "--vote-width",
        "7",
        "--workers",
        "1",
    ]
    assert main(words) == 0
    assert "dots as regions: 2 of 2 fields; " in capsys.readouterr().out
    info = json.loads((tmp_path / "o" / "dataset.json").read_text())
    assert info["dots_as"] == "both"
    assert info["votes"]["width_um"] == 7.0
    assert any(note.startswith("dots as regions: ") for note in info["notes"])


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"dots_as": "areas"}, "--dots-as areas: wanted discs, regions, both"),
        ({"vote_width_um": 0.0}, "--vote-width 0: wanted more than 0 and up to 100 um"),
        ({"vote_width_um": float("nan")}, "--vote-width nan: wanted more than 0"),
        (
            {"dots_as": "discs", "vote_width_um": 8.0},
            "--vote-width 8: dots do not vote; add --dots-as both",
        ),
    ],
)
def test_votes_that_mean_nothing_are_refused(
    tmp_path: Path, how: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        prepared(tmp_path / "o", **how)
    assert not (tmp_path / "o").exists()


def test_unknown_microns_per_pixel_are_an_error(tmp_path: Path) -> None:
    source = tmp_path / "src"
    for kind in ("images", "points"):
        (source / kind).mkdir(parents=True)
    (source / "images" / "a.png").write_bytes(next((FIELDS / "images").iterdir()).read_bytes())
    (source / "points" / "a.csv").write_text("x,y,class\n10,10,tumor\n")
    with pytest.raises(MppError, match="no microns per pixel"):
        prepare(
            source,
            tmp_path / "o",
            PrepareConfig(labels="region5", dots_as="both", workers=1),
            reporter=quiet,
        )


def damaged(data: Dataset, how: str) -> None:
    """Damage one field's votes, or what is told of them."""
    region = data.dotted(list(data.regions.index))[0]
    path = data.path / "arrays" / f"{region}.votes.npy"
    array = np.load(path)
    if how == "missing":
        path.unlink()
    elif how == "short":
        path.write_bytes(path.read_bytes()[:-1])
    elif how == "one more":
        array[tuple(np.argwhere(array == 0)[0])] = 1
        np.save(path, array)
    elif how == "no class":
        array[array > 0] = 6
        np.save(path, array)
    data.votes(region)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("missing", "votes.npy: missing"),
        ("short", "votes.npy: damaged"),
        ("one more", "other votes than"),
        ("no class", "other votes than"),
    ],
)
def test_damaged_votes_are_told(tmp_path: Path, how: str, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        damaged(prepared(tmp_path / "o"), how)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dots_as": "areas"}, "dots_as or votes are not as prepare writes them"),
        ({"votes": {"width_um": "6"}}, "dots_as or votes are not as prepare writes them"),
        ({"votes": []}, "dots_as or votes are not as prepare writes them"),
        ({"votes": {}}, "do not agree on whether dots vote"),
        ({"dots_as": "discs"}, "do not agree on whether dots vote"),
    ],
)
def test_a_description_that_does_not_fit_its_votes(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    path = prepared(tmp_path / "o").path / "dataset.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(DatasetError, match=message):
        open_dataset(path.parent)
