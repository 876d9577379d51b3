"""RGUNet: its size, its block, and what goes in and out."""

import pytest

torch = pytest.importorskip("torch")

from breastseg.errors import InputError  # noqa: E402
from breastseg.networks.rgu_net import ResidualGroupBlock, RGUNet  # noqa: E402


def test_the_small_network_has_the_size_that_is_written() -> None:
    network = RGUNet(16, 3)
    assert round(sum(p.numel() for p in network.parameters()) / 1e6, 2) == 0.67
    sides = [m.kernel_size[0] for m in network.modules() if isinstance(m, torch.nn.Conv2d)]
    wide = [m for m in network.modules() if getattr(m, "kernel_size", 0) == (7, 7)]
    assert sides.count(7) == len(wide) == 7  # four blocks down, three up
    assert all(layer.groups == 8 for layer in wide)


def test_any_multiple_of_the_stride_goes_through_and_other_pictures_change_nothing() -> None:
    torch.manual_seed(0)
    network = RGUNet(8, 2).eval()
    x = torch.randn(3, 1, 36, 24)
    with torch.inference_mode():
        found = network(x)
        assert found.shape == (3, 2, 36, 24)
        torch.testing.assert_close(network(x[1:2]), found[1:2], atol=1e-4, rtol=1e-4)


def test_a_block_whose_last_norm_is_silent_gives_its_input() -> None:
    block = ResidualGroupBlock(8, 8)
    torch.nn.init.zeros_(block.norms[2].weight)
    x = torch.rand(2, 8, 12, 12)
    torch.testing.assert_close(block(x), x)


def test_a_width_or_depth_that_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="multiple of 8"):
        RGUNet(12, 3)
    with pytest.raises(InputError, match="a depth of 0"):
        RGUNet(16, 0)
