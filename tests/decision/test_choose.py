"""The bias that is chosen: counted right, found where it is, and never one patient's alone."""

import numpy as np
import numpy.typing as npt
import pytest

from breastseg.data.dataset import Dataset
from breastseg.decision import choose
from breastseg.decision.choose import MEAN, choose_bias, told
from breastseg.decision.look import sample_places
from breastseg.decision.sample import AREAS, DOTS, FIELDS, Sample, joined
from breastseg.decision.search import COARSE, best_bias, sums_along
from breastseg.errors import DatasetError, ModelError
from breastseg.geometry import Box
from breastseg.inference.tiles import TileConfig
from breastseg.labels import BUILT_IN

NAMES = BUILT_IN["region5"].names
OVER = 1.2
"""How much too much the painted network says of tumor."""


def places(
    patient: str,
    group: str = DOTS,
    *,
    classes: tuple[int, ...] = (0, 1, 2),
    over: tuple[float, ...] = (OVER, 0, 0, 0, 0),
    count: int = 400,
) -> tuple[tuple[str, str], npt.NDArray[np.float32], npt.NDArray[np.intp], npt.NDArray[np.float64]]:
    """Return places of which a network knows the class by a normal margin, and says too much."""
    rng = np.random.default_rng([*patient.encode(), *group.encode()])
    truth = np.repeat(np.array(classes, np.intp), count)
    logits = rng.normal(0, 1, (len(truth), len(NAMES)))
    logits[np.arange(len(truth)), truth] += 1.0
    logits += np.array(over)
    logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return (group, patient), logs.astype(np.float32), truth, np.ones(len(truth))


def over_called(patients: int = 5) -> Sample:
    return joined([places(f"P{number}") for number in range(patients)])


@pytest.mark.parametrize("known", [(0, 1, 2, 3, 4), (0, 1, 2), (1, 3)])
def test_all_moves_in_one_pass_are_what_each_alone_is(known: tuple[int, ...]) -> None:
    """The two thresholds of a place against naming it anew at every move."""
    sample = joined([places("A", AREAS), places("B"), places("B", AREAS, classes=known)])
    bias = np.array([0.3, -0.2, 0.4, 0.0, 0.0])
    for k in known:
        found = sums_along(sample, bias, k, COARSE, np.array(known))
        for step, move in enumerate(COARSE):
            moved = bias.copy()
            moved[list(known)] -= move / len(known)
            moved[k] += move
            named = (sample.log_probabilities + moved).argmax(axis=1)
            for unit in range(len(sample.units)):
                here = sample.unit == unit
                right = here & (named == sample.truth)
                for target, rows, values in (
                    (found.predicted, here, named),
                    (found.hits, right, named),
                    (found.support, here, sample.truth),
                ):
                    wanted = np.bincount(values[rows], minlength=len(NAMES))
                    assert np.array_equal(target[unit, step], wanted), (k, move, unit)


def test_of_equals_the_first_class_wins_at_every_move() -> None:
    logs = np.log(np.array([[0.5, 0.5], [0.25, 0.75]], np.float64)).astype(np.float32)
    logs[1] = [-1.0, 0.0]
    truth = np.array([0, 1])
    sample = Sample(logs, truth, np.ones(2), np.zeros(2, np.intp), ((DOTS, "A"),))
    moves = np.array([-1.0, 0.0, 1.0])
    for k in (0, 1):
        found = sums_along(sample, np.zeros(2), k, moves, np.array([0, 1]))
        for step, move in enumerate(moves):
            bias = np.array([move, 0.0]) if k == 0 else np.array([0.0, move])
            wanted = np.bincount((sample.log_probabilities + bias).argmax(axis=1), minlength=2)
            assert found.predicted[0, step].tolist() == wanted.tolist()


def test_scores_by_hand() -> None:
    """Areas: class 0 has 3 px of which 2 are hit and one other px is called so: Dice 4 / 6."""
    sure = np.log(np.array([[0.9, 0.1], [0.1, 0.9]], np.float32))
    named = np.array([0, 0, 1, 0, 1, 1])
    truth = np.array([0, 0, 0, 1, 1, 1])
    sample = joined(
        [
            ((AREAS, "A"), sure[named], truth, np.ones(6)),
            ((DOTS, "A"), sure[named], truth, np.array([1.0, 1.0, 2.0, 1.0, 1.0, 1.0])),
            ((FIELDS, "B"), sure[named], np.zeros(6, np.intp), np.full(6, 1 / 6)),
        ]
    )
    scores = sample.scores(np.zeros(2))
    assert scores.tolist() == pytest.approx([2 / 3, (2 / 4 + 2 / 3) / 2, 1 - 3 / 6])
    assert sample.means(scores) == {AREAS: scores[0], DOTS: scores[1], FIELDS: scores[2]}


def test_a_network_that_says_too_much_of_a_class_is_mended() -> None:
    sample = over_called()
    choice = choose_bias(sample, NAMES)
    assert choice.refused == ""
    # Of three classes the mean is taken off: -1.2 against both others is -0.8, 0.4, 0.4.
    assert choice.bias["tumor"] == pytest.approx(-OVER * 2 / 3, abs=0.2)
    assert choice.bias["stroma"] == pytest.approx(OVER / 3, abs=0.2)
    assert choice.bias["inflammatory"] == pytest.approx(OVER / 3, abs=0.2)
    assert choice.left_out[MEAN] > choice.before[MEAN] + 0.03
    assert choice.after[MEAN] >= choice.left_out[MEAN]
    best = np.array(list(choice.bias.values()))
    assert choice.after[DOTS] == pytest.approx(sample.scores(best).mean())
    assert choice.patients == {DOTS: 5}
    assert told(choice, "val").startswith(f"bias tumor {choice.bias['tumor']:+.2f}, stroma +0.")
    left_out = f"patients left out {choice.before[MEAN]:.3f} -> {choice.left_out[MEAN]:.3f}"
    assert left_out in told(choice, "val")


def test_the_same_places_in_another_order_give_the_same_bias() -> None:
    parts = [places(f"P{number}") for number in range(4)]
    first = choose_bias(joined(parts), NAMES)
    assert choose_bias(joined(parts), NAMES) == first
    assert choose_bias(joined(parts[::-1]), NAMES).bias == first.bias


def test_classes_without_truth_stay_and_the_others_have_a_mean_of_0() -> None:
    """Or a class of which nothing is known would be silenced: it is wrong wherever it is named."""
    sample = joined([places(f"P{number}", over=(OVER, 0, 0, 1.0, 1.0)) for number in range(5)])
    bias = choose_bias(sample, NAMES).bias
    assert (bias["necrosis"], bias["other"]) == (0, 0)
    assert sum(bias.values()) == pytest.approx(0, abs=0.02)


def test_a_class_that_one_patient_has_stays() -> None:
    parts = [places(f"P{number}") for number in range(4)]
    lone = places("Q", classes=(0, 1, 2, 3), over=(OVER, 0, 0, 2.0, 0))
    assert choose_bias(joined([*parts, lone]), NAMES).bias["necrosis"] == 0
    two = places("R", classes=(0, 1, 2, 3), over=(OVER, 0, 0, 2.0, 0))
    assert choose_bias(joined([*parts, lone, two]), NAMES).bias["necrosis"] < 0


def test_nothing_to_mend_stays_nothing() -> None:
    sure = np.log(np.full((30, 5), 0.01, np.float32))
    truth = np.tile(np.arange(3), 10)
    sure[np.arange(30), truth] = np.log(0.96)
    parts = [((DOTS, f"P{number}"), sure, truth, np.ones(30)) for number in range(4)]
    choice = choose_bias(joined(parts), NAMES)
    assert set(choice.bias.values()) == {0.0}
    assert choice.refused == "none scores better"
    assert told(choice, "val") == "no bias on val: none scores better"


def test_of_what_is_equally_good_the_smallest_is_taken() -> None:
    """Tumor down by 0.27 names all right, and by more no more: 0.3 is the first step there."""
    logs = np.full((20, 5), -9.0, np.float32)
    truth = np.tile([0, 1], 10)
    logs[truth == 0, :2] = (0.0, -8.0)
    logs[truth == 1, :2] = (-0.2, -0.47)
    parts = [((DOTS, f"P{number}"), logs, truth, np.ones(20)) for number in range(4)]
    choice = choose_bias(joined(parts), NAMES)
    assert choice.after[MEAN] == 1
    assert choice.bias["stroma"] - choice.bias["tumor"] == pytest.approx(0.3)


def test_what_helps_one_patient_and_harms_the_others_is_refused() -> None:
    """One patient is over-called as badly as three others are under-called."""
    parts = [
        places("A", over=(2.5, 0, 0, 0, 0)),
        *(places(f"P{number}", over=(-0.3 * number, 0, 0.3 * number, 0, 0)) for number in range(3)),
    ]
    choice = choose_bias(joined(parts), NAMES)
    assert any(choice.tried.values())
    assert choice.after[MEAN] > choice.before[MEAN]
    assert choice.left_out[MEAN] <= choice.before[MEAN]
    assert set(choice.bias.values()) == {0.0}
    assert "patients that were left out gain nothing by what the others chose" in choice.refused
    assert told(choice, "val").startswith("no bias on val: patients that were left out gain")


def test_one_patient_alone_chooses_nothing() -> None:
    choice = choose_bias(joined([places("A"), places("A", AREAS)]), NAMES)
    assert choice.refused == "no two classes have truth of two patients each"
    assert not any(choice.bias.values())


def test_a_group_of_one_patient_can_speak_against_a_bias_and_not_for_it() -> None:
    """Where it is left out nothing is left of it: the lower of before and after stands for it."""
    dots = [places(f"P{number}") for number in range(4)]
    for over, better in (((OVER, 0, 0, 0, 0), True), ((-OVER, 0, 0, 0, 0), False)):
        choice = choose_bias(joined([*dots, places("Q", AREAS, over=over)]), NAMES)
        if better:
            assert choice.left_out[AREAS] == choice.before[AREAS] < choice.after[AREAS]
        else:
            assert choice.left_out[AREAS] == choice.after[AREAS] <= choice.before[AREAS]


def test_fields_without_a_class_lower_it() -> None:
    balanced = [places(f"P{number}", over=(0, 0, 0, 0, 0)) for number in range(4)]
    _, logs, truth, weight = places("B", over=(OVER, 0, 0, 0, 0))
    share, tumor = weight / len(truth), np.zeros_like(truth)
    fields = [((FIELDS, name), logs, tumor, share) for name in ("B", "C")]
    without = choose_bias(joined(balanced), NAMES)
    found = choose_bias(joined([*balanced, *fields]), NAMES)
    assert found.tried["tumor"] < without.tried["tumor"] - 0.2
    assert found.after[FIELDS] > found.before[FIELDS]
    assert found.refused == ""


def test_a_class_known_only_to_be_absent_stays() -> None:
    stroma = [places(f"P{number}", classes=(1, 2)) for number in range(3)]
    _, logs, truth, weight = places("B", classes=(1, 2))
    field = ((FIELDS, "B"), logs, np.zeros_like(truth), weight / len(truth))
    assert choose_bias(joined([*stroma, field]), NAMES).tried["tumor"] == 0


@pytest.mark.parametrize("patients", [3, 47])
def test_nobody_is_scored_with_a_bias_that_he_chose(
    monkeypatch: pytest.MonkeyPatch,
    patients: int,
) -> None:
    asked: list[frozenset[str]] = []

    def note(sample: Sample, known: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
        asked.append(frozenset(sample.patients))
        return np.zeros(sample.classes)

    monkeypatch.setattr(choose, "best_bias", note)
    sample = joined([places(f"P{number}", count=2) for number in range(patients)])
    choose_bias(sample, NAMES)
    whole, *others = asked
    assert whole == set(sample.patients)
    held = [whole - one for one in others]
    assert len(held) == min(patients, 20)
    assert sorted(name for fold in held for name in fold) == sorted(whole)


def test_two_classes_are_needed() -> None:
    sample = over_called()
    assert not best_bias(sample, np.array([0])).any()
    assert not best_bias(sample, np.array([], np.intp)).any()


class _Stripes:
    """A network that says 0.9 of the class under each pixel's red channel."""

    name = package = "stripes"

    def probabilities(self, tiles: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        found = np.full((len(tiles), 5, *tiles.shape[1:3]), 0.025, np.float32)
        for k in range(5):
            found[:, k][tiles[..., 0] == k] = 0.9
        return found

    def labels(self, tiles: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        raise AssertionError("probabilities are asked for")

    def release(self) -> None:
        pass


class _Lost(_Stripes):
    def probabilities(self, tiles: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        return super().probabilities(tiles) * np.float32(np.nan)


@pytest.fixture
def striped(painted_data: Dataset, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """The painted regions, whose pictures tell the class that was painted, plus one."""

    def image(self: Dataset, region: str) -> npt.NDArray[np.uint8]:
        red = np.asarray(self.labels(region)) % 5
        return np.repeat(red[..., None], 3, axis=2).astype(np.uint8)

    monkeypatch.setattr(Dataset, "image", image)
    return painted_data


TILES = TileConfig(64, 0, 5)


def test_each_place_has_what_the_network_says_there(striped: Dataset) -> None:
    regions = list(striped.regions.index)[:3]
    sample = sample_places(striped, regions, _Stripes(), TILES)
    patients = [str(striped.regions.loc[region, "patient"]) for region in regions]
    assert sample.units == tuple((AREAS, patient) for patient in patients)
    assert np.array_equal(sample.log_probabilities.argmax(axis=1), (sample.truth + 1) % 5)
    assert np.exp(sample.log_probabilities.max(axis=1)) == pytest.approx(0.9)
    assert np.array_equal(sample.support, striped.class_pixels.loc[regions].to_numpy())


def test_few_places_stand_for_all_pixels(striped: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("breastseg.decision.look._OF_A_CLASS", (7, 7))
    regions = list(striped.regions.index)[:2]
    sample = sample_places(striped, regions, _Stripes(), TILES)
    assert len(sample.truth) == 2 * 5 * 7
    assert sample.support == pytest.approx(striped.class_pixels.loc[regions].to_numpy())
    again = sample_places(striped, regions, _Stripes(), TILES)
    assert np.array_equal(sample.log_probabilities, again.log_probabilities)


def test_dots_and_fields_have_places(striped: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """A field that is without two classes gives all of it for both, each with half the weight."""
    dotted, field, *_ = striped.regions.index
    dots = np.array([[1, 5, 2], [2, 90, 40]], np.int32)
    of = {dotted: dots}
    monkeypatch.setattr(Dataset, "dotted", lambda self, regions: [r for r in regions if r in of])
    monkeypatch.setattr(Dataset, "dots", lambda self, region: of.get(region, dots[:0]))
    striped.regions["without"] = ""
    striped.regions.loc[field, "without"] = "tumor;necrosis"
    monkeypatch.setattr("breastseg.decision.look._OF_A_FIELD", (50, 50))
    sample = sample_places(striped, [dotted, field], _Stripes(), TILES)
    assert [group for group, _ in sample.units] == [DOTS, AREAS, FIELDS]
    there = np.asarray(striped.labels(dotted))[dots[:, 1], dots[:, 2]] % 5
    on_dots = sample.unit == 0
    assert np.array_equal(sample.log_probabilities[on_dots].argmax(axis=1), there)
    assert sample.truth[on_dots].tolist() == [0, 1]
    on_field = sample.unit == 2
    assert np.bincount(sample.truth[on_field]).tolist() == [50, 0, 0, 50]
    assert sample.weight[on_field].sum() == pytest.approx(1)


def test_dots_with_an_extent_and_what_is_not_there_have_places(
    striped: Dataset,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A box of 40 x 40 px and one of 4 px are one dot each; what is not tumor counts as a field."""
    region = striped.regions.index[0]
    rows = [
        (1, 0, 0, 10, 10, 50, 50),
        (2, 0, 0, 3, 5, 5, 7),
        (1, 1, 1, 20, 20, 30, 40),
        (1, 1, 0, 0, 0, 1, 1),
    ]
    of = np.array(rows, np.int32)
    monkeypatch.setattr(Dataset, "dotted", lambda self, regions: regions)
    monkeypatch.setattr(Dataset, "places", lambda self, name: of)
    sample = sample_places(striped, [region], _Stripes(), TILES)
    assert [group for group, _ in sample.units] == [DOTS, FIELDS]
    assert sample.support[0].tolist() == pytest.approx([1, 1, 0, 0, 0])
    assert sample.support[1].tolist() == pytest.approx([1, 0, 0, 0, 0])
    small = sample.truth == 1
    under = np.asarray(striped.labels(region))[3:5, 5:7].reshape(-1) % 5
    assert np.array_equal(sample.log_probabilities[small].argmax(axis=1), under)
    corner = sample.weight == 0.5
    assert corner.sum() == 1
    first = int(np.asarray(striped.labels(region))[0, 0]) % 5
    assert sample.log_probabilities[corner].argmax() == first


def test_no_truth_is_told(striped: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = np.zeros((96, 96), np.uint8)
    monkeypatch.setattr(Dataset, "labels", lambda self, region: nothing)
    with pytest.raises(DatasetError, match="nothing is annotated in the 2 regions that a bias is"):
        sample_places(striped, list(striped.regions.index)[:2], _Stripes(), TILES)


def test_a_network_that_gives_nan_chooses_nothing(striped: Dataset) -> None:
    with pytest.raises(ModelError, match="gives NaN"):
        sample_places(striped, list(striped.regions.index)[:1], _Lost(), TILES)


def test_boxes_are_met_whatever_the_tiles(striped: Dataset) -> None:
    """The painted regions have 96 px a side: tiles of 64 px cut them, one of 128 does not."""
    region = list(striped.regions.index)[:1]
    assert Box(0, 0, 96, 96).area == int(striped.class_pixels.loc[region].to_numpy().sum())
    both = [TileConfig(side, 0, 5) for side in (64, 128)]
    small, large = (sample_places(striped, region, _Stripes(), tiles) for tiles in both)
    assert np.array_equal(small.log_probabilities, large.log_probabilities)
