"""The bias that is chosen: counted right, found where it is, and never one patient's alone."""

import numpy as np
import numpy.typing as npt
import pytest

from breastseg.decision import choose
from breastseg.decision.choose import MEAN, choose_bias, told
from breastseg.decision.sample import AREAS, DOTS, FIELDS, Sample, joined
from sampled_places import NAMES, OVER, over_called, places


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
