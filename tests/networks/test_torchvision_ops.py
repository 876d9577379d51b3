"""torchvision is importable beside a CPU build of PyTorch."""

from breastseg.networks import torchvision_ops


def test_torchvision_is_imported_after_it() -> None:
    import torchvision

    assert torchvision.models.get_model("alexnet", weights=None, num_classes=2)


def test_the_declarations_are_held() -> None:
    """Dropped, they would be taken back, and a later import would fail."""
    import torch

    assert torchvision_ops.LIBRARY.ns == "torchvision"
    assert torch.ops.torchvision.nms is not None
    assert torch.ops.torchvision.qnms is not None
