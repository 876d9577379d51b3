import numpy as np
import pytest
import torch

from breastseg.training.augment import Augment, BorrowStain, HedJitter, optical_density
from conftest import CROPS, crop


def picture_and_labels(count: int = 4, side: int = 64) -> tuple[torch.Tensor, torch.Tensor]:
    """Images whose colour is a function of the label under each pixel: 40 times the label, plus
    20."""
    labels = torch.randint(
        1,
        5,
        (count, side // 16, side // 16),
        generator=torch.Generator().manual_seed(1),
        dtype=torch.uint8,
    )
    labels = labels.repeat_interleave(16, 1).repeat_interleave(16, 2)
    return (labels * 40 + 20)[:, None].repeat(1, 3, 1, 1), labels


def test_labels_move_with_their_pixels() -> None:
    """Flips and right angles mix nothing: every pixel still has the colour of its label."""
    torch.manual_seed(0)
    pictures, labels = picture_and_labels()
    moved, moved_labels = Augment("flips").move(pictures, labels)
    assert torch.allclose(moved[:, 0], moved_labels * 40.0 + 20, atol=0.01)
    assert not torch.equal(moved_labels, labels)


@pytest.mark.parametrize("level", ["stain", "strong"])
def test_scaled_labels_stay_labels_and_stay_under_their_pixels(level: str) -> None:
    torch.manual_seed(0)
    pictures, labels = picture_and_labels(16)
    moved, moved_labels = Augment(level).move(pictures, labels)
    assert moved_labels.dtype == torch.uint8
    assert set(moved_labels.unique().tolist()) <= {1, 2, 3, 4}
    agree = ((moved[:, 0] - (moved_labels * 40.0 + 20)).abs() < 1).float().mean()
    assert agree > 0.8  # all but the blended borders of the 16-px squares


def test_none_changes_nothing() -> None:
    pictures, labels = picture_and_labels()
    augment = Augment("none")
    same, same_labels = augment.move(pictures, labels)
    assert torch.equal(augment.recolor(same), pictures.float())
    assert torch.equal(same_labels, labels)


def test_hed_jitter_of_nothing_is_nothing() -> None:
    pictures = torch.rand(2, 3, 8, 8).clamp(0.05, 1)
    assert torch.allclose(HedJitter(0.0, 0.0)(pictures), pictures, atol=1e-4)


def test_hed_jitter_survives_white_and_black() -> None:
    """Stain code that takes the logarithm of 0 gives NaN on black pen, and other tools crash on
    white glass."""
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


@pytest.mark.parametrize("level", ["flips", "stain", "strong"])
def test_same_seed_same_augmentation(level: str) -> None:
    pictures, labels = picture_and_labels()
    results = []
    for seed in (5, 5, 6):
        torch.manual_seed(seed)
        augment = Augment(level)
        moved, moved_labels = augment.move(pictures, labels)
        results.append((augment.recolor(moved), moved_labels))
    assert torch.equal(results[0][0], results[1][0])
    assert torch.equal(results[0][1], results[1][1])
    assert not torch.equal(results[0][0], results[2][0])


@pytest.mark.parametrize("level", ["stain", "strong"])
def test_colours_change_colours_alone(level: str) -> None:
    """Tissue stays where it is, so that labels need not move: what was the darkest is still darker
    than the palest."""
    torch.manual_seed(0)
    pictures = tissue()
    changed = Augment(level).recolor(pictures * 255)
    assert changed.shape == pictures.shape
    assert 0 <= changed.min() < changed.max() <= 255
    assert not torch.allclose(changed, pictures * 255, atol=1)
    for before, after in zip(pictures.mean(1), changed.mean(1), strict=True):
        assert float(torch.corrcoef(torch.stack([before.flatten(), after.flatten()]))[0, 1]) > 0.7


def tissue() -> torch.Tensor:
    """Return the real crops as float images, 0 to 1."""
    return (
        torch.from_numpy(np.stack([crop(i) for i in range(len(CROPS))])).permute(0, 3, 1, 2).float()
        / 255
    )


def shades(pictures: torch.Tensor) -> torch.Tensor:
    """Return the mean optical density of each channel over tissue."""
    density = optical_density(pictures)
    mask = (density.mean(1, keepdim=True) > 0.15).float()
    return (density * mask).sum((2, 3)) / mask.sum((2, 3))


def test_borrowed_stain_leaves_white_white() -> None:
    pictures = tissue()
    pictures[:, :, 50:90, 50:90] = 1.0
    torch.manual_seed(1)
    borrowed = BorrowStain(1.0)(pictures)
    assert (borrowed[:, :, 50:90, 50:90] == 1.0).all()
    assert not torch.allclose(borrowed, pictures, atol=0.01)


def test_borrowed_stain_lies_between_the_own_and_anothers() -> None:
    """Of images of even colours the law is exact: each channel's density goes part of the way, in
    ratio, to one lender's."""
    pictures = torch.tensor([[0.8, 0.5, 0.7], [0.6, 0.3, 0.5], [0.7, 0.6, 0.3]])[
        :, :, None, None
    ].repeat(1, 1, 8, 8)
    own = shades(pictures).log()
    moved = 0
    for seed in range(10):
        torch.manual_seed(seed)
        new = shades(BorrowStain(1.0, (0.01, 100.0))(pictures)).log()
        for number in range(3):
            parts = [
                float((new[number] - own[number]) @ way / (way @ way))
                for k in range(3)
                if (way := own[k] - own[number]).abs().sum()
            ]
            ways = [own[k] - own[number] for k in range(3) if k != number]
            fits = [
                torch.allclose(new[number], own[number] + part * way, atol=1e-3)
                for part, way in zip(parts, ways, strict=True)
            ]
            assert any(
                fit and -1e-3 <= part <= 1.001 for fit, part in zip(fits, parts, strict=True)
            )
            moved += not torch.allclose(new[number], own[number], atol=1e-3)
    assert moved > 5


def test_borrowed_stain_keeps_to_its_limits() -> None:
    pictures = torch.cat([torch.full((1, 3, 8, 8), 0.8), torch.full((1, 3, 8, 8), 0.05)])
    for seed in range(10):
        torch.manual_seed(seed)
        ratio = shades(BorrowStain(1.0, (0.5, 2.0))(pictures)) / shades(pictures)
        assert ratio.min() >= 0.5 - 1e-4
        assert ratio.max() <= 2.0 + 1e-4


def test_no_share_borrows_nothing() -> None:
    assert torch.allclose(BorrowStain(0.0)(tissue()), tissue().clamp_min(1 / 255), atol=1e-5)


def test_borrowed_stain_follows_the_seed() -> None:
    results = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        results.append(BorrowStain()(tissue()))
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_borrowing_from_and_for_what_has_no_stain(value: float) -> None:
    """Glass has no density to lend, and black pen too much of it."""
    pictures = tissue()
    pictures[0] = value
    for seed in range(5):
        torch.manual_seed(seed)
        borrowed = BorrowStain(1.0)(pictures)
        assert torch.isfinite(borrowed).all()
        assert borrowed.min() >= 0
        assert borrowed.max() <= 1
        if value == 1.0:
            assert torch.equal(borrowed[0], pictures[0])
            assert borrowed[1:].mean() < 0.95
