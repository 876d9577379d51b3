"""Losses: by hand, and label 0 changes nothing."""

import math

import numpy as np
import pytest
import torch

from breastseg.errors import InputError
from breastseg.networks.losses import LOSSES, SumLoss, balanced_cross_entropy, log_prior


@pytest.mark.parametrize("name", [*LOSSES, "ce+dice", "focal+tversky"])
def test_losses_leave_label_0_out(name: str) -> None:
    """Neither the value nor any gradient may depend on what the network says where nothing is
    annotated."""
    torch.manual_seed(0)
    logits = torch.randn(2, 4, 8, 8, requires_grad=True)
    labels = torch.randint(0, 5, (2, 8, 8), dtype=torch.uint8)
    hidden = labels == 0
    loss = SumLoss(name)(logits, labels)
    loss.backward()
    assert logits.grad is not None
    assert torch.equal(logits.grad.permute(0, 2, 3, 1)[hidden], torch.zeros(int(hidden.sum()), 4))
    changed = logits.detach().clone()
    changed.permute(0, 2, 3, 1)[hidden] = 50 * torch.randn(int(hidden.sum()), 4)
    assert SumLoss(name)(changed, labels).item() == pytest.approx(loss.item(), rel=1e-6)


@pytest.mark.parametrize("name", LOSSES)
def test_losses_prefer_the_truth(name: str) -> None:
    labels = torch.randint(
        1, 5, (1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )
    right = 8.0 * torch.nn.functional.one_hot(labels.long() - 1, 4).permute(0, 3, 1, 2)
    assert SumLoss(name)(right, labels) < 0.1 * SumLoss(name)(-right, labels)


def test_nothing_annotated_is_no_loss() -> None:
    logits = torch.randn(1, 3, 4, 4, requires_grad=True)
    loss = SumLoss("ce+dice")(logits, torch.zeros(1, 4, 4, dtype=torch.uint8))
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert not logits.grad.any()


def test_unknown_loss_lists_the_names() -> None:
    with pytest.raises(
        InputError,
        match=r"loss 'hinge': .*ce, balanced, dice, focal, tversky",
    ):
        SumLoss("ce+hinge")


def test_logits_are_adjusted_by_the_logarithm_of_the_shares() -> None:
    """Of 90 and 10 pixels a network that says nothing has the loss of one that says 0.9 and 0.1; a
    class that never occurs stays."""
    prior = log_prior(np.array([90, 10, 0]))
    assert prior.tolist() == pytest.approx([math.log(0.9), math.log(0.1), 0.0])
    torch.manual_seed(0)
    labels = torch.tensor([[[1, 2, 0, 1]]], dtype=torch.uint8)
    logits = torch.randn(1, 3, 1, 4, requires_grad=True)
    shift = torch.tensor([-0.1, -2.3, 0.0])
    loss = SumLoss("ce", shift)(logits, labels)
    moved = torch.log_softmax(logits.detach() + shift.view(1, 3, 1, 1), dim=1)
    assert loss.item() == pytest.approx(
        -float(moved[0, 0, 0, 0] + moved[0, 1, 0, 1] + moved[0, 0, 0, 3]) / 3, rel=1e-5
    )
    loss.backward()
    assert logits.grad is not None
    assert not logits.grad[..., 2].any()
    assert SumLoss("ce+dice", shift)(logits, labels).item() == pytest.approx(
        loss.item() + SumLoss("dice")(logits, labels).item()
    )
    assert not SumLoss("ce", shift).state_dict(), (
        "a checkpoint of a run without it is one of a run with it"
    )
    with pytest.raises(InputError, match=r"logit adjustment with loss 'dice': it is part of ce"):
        SumLoss("dice", shift)


def test_what_overcomes_the_prior_in_training_answers_without_it() -> None:
    """Nine of ten pixels are class 1, the image tells nothing: the adjusted network says half and
    half, the other 9 to 1."""
    labels = torch.tensor([1] * 9 + [2], dtype=torch.uint8).view(1, 1, 10)
    for shift, share in ((torch.tensor([math.log(0.9), math.log(0.1)]), 0.5), (None, 0.9)):
        said = torch.zeros(2, requires_grad=True)
        optimizer = torch.optim.SGD([said], lr=2.0)
        for _ in range(300):
            optimizer.zero_grad()
            SumLoss("ce", shift)(said.view(1, 2, 1, 1).expand(1, 2, 1, 10), labels).backward()
            optimizer.step()
        assert torch.softmax(said.detach(), 0)[0].item() == pytest.approx(share, abs=0.01)


def test_the_balanced_loss_of_areas_is_that_of_dots() -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(2, 4, 8, 8), torch.randint(0, 5, (2, 8, 8), dtype=torch.uint8)
    together = balanced_cross_entropy(logits, labels) + SumLoss("dice")(logits, labels)
    assert SumLoss("balanced+dice")(logits, labels).item() == pytest.approx(
        together.item(), rel=1e-6
    )


def test_balanced_cross_entropy_by_hand() -> None:
    """Four pixels: two of class a (probabilities 1/2 and 1/4), one of class b (1/8), one not
    annotated."""
    shares = torch.tensor(
        [[0.5, 0.25, 0.25], [0.25, 0.5, 0.25], [0.5, 0.125, 0.375], [1e-6, 1e-6, 1.0]]
    )
    logits = shares.log().T.reshape(1, 3, 2, 2)
    labels = torch.tensor([[[1, 1], [2, 0]]], dtype=torch.uint8)
    by_hand = ((math.log(2) + math.log(4)) / 2 + math.log(8)) / 2
    assert balanced_cross_entropy(logits, labels).item() == pytest.approx(by_hand, rel=1e-5)
    assert SumLoss("ce")(logits, labels).item() == pytest.approx(
        (math.log(2) + math.log(4) + math.log(8)) / 3, rel=1e-5
    )


def test_balanced_cross_entropy_weighs_classes_alike() -> None:
    """Nine dots of one class and one of another pull with the same force: their gradients sum up to
    the same."""
    logits = torch.zeros(1, 2, 1, 10, requires_grad=True)
    labels = torch.tensor([[[1] * 9 + [2]]], dtype=torch.uint8)
    balanced_cross_entropy(logits, labels).backward()
    assert logits.grad is not None
    assert logits.grad[0, 0, 0, :9].sum().item() == pytest.approx(logits.grad[0, 1, 0, 9].item())


def test_balanced_cross_entropy_leaves_label_0_out() -> None:
    torch.manual_seed(0)
    logits = torch.randn(2, 4, 8, 8, requires_grad=True)
    labels = torch.randint(0, 5, (2, 8, 8), dtype=torch.uint8)
    hidden = labels == 0
    balanced_cross_entropy(logits, labels).backward()
    assert logits.grad is not None
    gradients = logits.grad.permute(0, 2, 3, 1)
    assert not gradients[hidden].any()
    assert gradients[~hidden].any(dim=1).all()


@pytest.mark.parametrize("count", [0, 2])
def test_balanced_cross_entropy_of_nothing_is_nothing(count: int) -> None:
    logits = torch.randn(count, 3, 4, 4, requires_grad=True)
    loss = balanced_cross_entropy(logits, torch.zeros(count, 4, 4, dtype=torch.uint8))
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert not logits.grad.any()
