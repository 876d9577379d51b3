"""Training of a network, or of its last block."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("sklearn")

from breastseg.networks.trunks import build_trunk  # noqa: E402
from breastseg.studies.rois.training import (  # noqa: E402
    Budget,
    train_last_block,
    train_scratch,
)

PLACES = np.arange(8)
TRUTH = PLACES % 2


@pytest.fixture(scope="module")
def crops() -> np.ndarray:
    values = np.random.default_rng(0).integers(0, 30000, (8, 32, 32)).astype(np.uint16)
    values[TRUTH == 1] += 20000
    return values


def test_same_seed_same_answers(crops: np.ndarray) -> None:
    answers = []
    for seed in (1, 1, 2):
        budget = Budget(steps=1, rate=1e-3, seed=(seed,), name="one")
        trunk = build_trunk("cnn", 1)
        answers.append(train_scratch(trunk, crops, TRUTH, PLACES[:6], PLACES[6:], budget))
    assert answers[0].shape == (2,)
    assert np.all((answers[0] > 0) & (answers[0] < 1))
    np.testing.assert_array_equal(answers[0], answers[1])
    assert not np.array_equal(answers[0], answers[2])


def test_the_lower_part_stays_frozen(crops: np.ndarray) -> None:
    trunk = build_trunk("cnn", 1).eval()
    before = [value.clone() for value in trunk.below.state_dict().values()]
    last = [value.clone() for value in trunk.last.parameters()]
    with torch.inference_mode():
        grey = torch.from_numpy(crops.astype(np.float32) / 65535)
        maps = trunk.maps(grey).numpy().astype(np.float16)
    budget = Budget(steps=2, rate=1e-3, seed=(1,), name="one")
    train_last_block(trunk, maps, TRUTH, PLACES[:6], PLACES[6:], budget)
    for value, known in zip(trunk.below.state_dict().values(), before, strict=True):
        assert torch.equal(value, known)
    changed = [
        not torch.equal(value, known)
        for value, known in zip(trunk.last.parameters(), last, strict=True)
    ]
    assert any(changed)
