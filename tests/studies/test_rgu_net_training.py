"""Training of a fold: the loss by hand, and an answer that does not depend on the turn."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from breastseg.mammography.findings import Circle  # noqa: E402
from breastseg.studies.rgu_net.cases import Case  # noqa: E402
from breastseg.studies.rgu_net.crops import Crop, turned  # noqa: E402
from breastseg.studies.rgu_net.training import answer, loss_of, train  # noqa: E402

CASE = Case("film", 1, "p", np.zeros((64, 64), np.float32), Circle(9, 9, 3), ())


def crop(seed: int) -> Crop:
    rng = np.random.default_rng(seed)
    grey = rng.normal(size=(64, 64)).astype(np.float32)
    return Crop(CASE, grey, grey > 0.5, (0.0, 0.0), 0)


def test_the_loss_is_worked_out_by_hand() -> None:
    logits = torch.zeros(1, 2, 2, 2)  # a probability of 0.5 everywhere
    mask = torch.tensor([[[1, 0], [0, 0]]])
    # cross-entropy ln 2; soft Dice (2 * 0.5 + 1) / (4 * 0.5 + 1 + 1) = 0.5
    assert float(loss_of(logits, mask)) == pytest.approx(np.log(2) + 0.5)
    right = torch.zeros(1, 2, 2, 2)
    right[:, 1] = torch.where(mask > 0, 50.0, -50.0)
    assert float(loss_of(right, mask)) == pytest.approx(0, abs=1e-5)


def test_same_seed_same_weights_and_answers_turn_with_their_crop() -> None:
    networks = []
    for seed in (1, 1, 2):
        network = train(
            lambda rng: crop(int(rng.integers(100))), width=8, depth=1, steps=1, seed=(seed,)
        )
        networks.append(network)
    first, again, other = (answer(network, [crop(7)]) for network in networks)
    assert first.shape == (1, 64, 64)
    assert 0 <= first.min() <= first.max() <= 1
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    grey = np.ascontiguousarray(turned(crop(7).grey[None], 1)[0])
    of_turned = answer(networks[0], [Crop(CASE, grey, crop(7).mask, (0.0, 0.0), 0)])
    np.testing.assert_allclose(of_turned[0], turned(first, 1)[0], atol=1e-4)
