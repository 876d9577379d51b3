"""The learning rate: up in a line, down by a cosine."""

import pytest

from breastseg.networks.schedule import warm_cosine


def rates(steps: int, warm: float, rate: float = 2.0) -> list[float]:
    return [warm_cosine(rate, step, steps, warm) for step in range(steps)]


def test_by_hand() -> None:
    assert rates(6, 1 / 3) == pytest.approx(
        [1.0, 2.0, 2.0, 2 * 0.853553, 1.0, 2 * 0.146447], abs=1e-5
    )


@pytest.mark.parametrize(("steps", "warm"), [(100, 0.1), (7, 0.5), (1000, 0.0)])
def test_it_rises_evenly_then_falls_to_almost_nothing(steps: int, warm: float) -> None:
    found = rates(steps, warm)
    top = found.index(max(found))
    assert max(found) == pytest.approx(2.0)
    assert top == max(1, round(warm * steps)) - 1
    assert found[: top + 1] == pytest.approx([2.0 * (k + 1) / (top + 1) for k in range(top + 1)])
    assert all(one >= other for one, other in zip(found[top:], found[top + 1 :], strict=False))
    assert 0 < found[-1] < found[top]


@pytest.mark.parametrize("steps", [1, 2])
def test_a_training_of_hardly_a_step_has_a_rate(steps: int) -> None:
    assert all(0 < rate <= 2.0 for rate in rates(steps, 0.1))
