import torch

from breastseg.training.augment import Augment, HedJitter


def picture_and_labels(count: int = 4, side: int = 64) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures whose colour is a function of the label under each pixel: 40 times the label, plus 20."""
    labels = torch.randint(1, 5, (count, side // 16, side // 16), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
    labels = labels.repeat_interleave(16, 1).repeat_interleave(16, 2)
    return (labels * 40 + 20)[:, None].repeat(1, 3, 1, 1), labels


def test_labels_move_with_their_pixels() -> None:
    """Flips and right angles mix nothing: every pixel still has the colour of its label."""
    torch.manual_seed(0)
    pictures, labels = picture_and_labels()
    moved, moved_labels = Augment("flips")(pictures, labels)
    assert torch.allclose(moved[:, 0], moved_labels * 40.0 + 20, atol=0.01)
    assert not torch.equal(moved_labels, labels)


def test_scaled_labels_stay_labels_and_stay_under_their_pixels() -> None:
    torch.manual_seed(0)
    augment = Augment("stain")
    augment.colors = torch.nn.Sequential()
    pictures, labels = picture_and_labels(16)
    moved, moved_labels = augment(pictures, labels)
    assert moved_labels.dtype == torch.uint8
    assert set(moved_labels.unique().tolist()) <= {1, 2, 3, 4}
    agree = ((moved[:, 0] - (moved_labels * 40.0 + 20)).abs() < 1).float().mean()
    assert agree > 0.8  # all but the blended borders of the 16-px squares


def test_none_changes_nothing() -> None:
    pictures, labels = picture_and_labels()
    same, same_labels = Augment("none")(pictures, labels)
    assert torch.equal(same, pictures.float())
    assert torch.equal(same_labels, labels)


def test_hed_jitter_of_nothing_is_nothing() -> None:
    pictures = torch.rand(2, 3, 8, 8).clamp(0.05, 1)
    assert torch.allclose(HedJitter(0.0, 0.0)(pictures), pictures, atol=1e-4)


def test_hed_jitter_survives_white_and_black() -> None:
    """Stain code that takes the logarithm of 0 gives NaN on black pen, and other tools crash on white glass."""
    torch.manual_seed(0)
    for value in (0.0, 1.0):
        changed = HedJitter()(torch.full((2, 3, 4, 4), value))
        assert torch.isfinite(changed).all()
        assert changed.min() >= 0
        assert changed.max() <= 1


def test_hed_jitter_differs_between_pictures() -> None:
    torch.manual_seed(0)
    changed = HedJitter()(torch.full((2, 3, 4, 4), 0.5))
    assert not torch.allclose(changed[0], changed[1])


def test_same_seed_same_augmentation() -> None:
    pictures, labels = picture_and_labels()
    results = []
    for _ in range(2):
        torch.manual_seed(5)
        results.append(Augment("stain")(pictures, labels))
    assert torch.equal(results[0][0], results[1][0])
    assert torch.equal(results[0][1], results[1][1])
