"""Trunks: features of the right size, and weights from a package, a file, or none."""

import breastseg.networks.torchvision_ops  # noqa: F401

# isort: split

import pytest
import torch

from breastseg.errors import InputError
from breastseg.networks.trunks import NETS, build_trunk

GREY = torch.rand(2, 64, 96, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("net", NETS)
def test_features_are_mean_and_maximum_of_the_last_map(net: str) -> None:
    trunk, same, other = (build_trunk(net, seed) for seed in (0, 0, 1))
    with torch.inference_mode():
        features = trunk(GREY)
        last = trunk.last(trunk.maps(GREY))
        assert torch.equal(features, same(GREY))
        assert not torch.allclose(features, other(GREY))
    assert features.shape == (2, 2 * trunk.channels)
    assert torch.allclose(features[:, : trunk.channels], last.mean(dim=(2, 3)))
    assert torch.allclose(features[:, trunk.channels :], last.amax(dim=(2, 3)))
    with pytest.raises(InputError, match="--net 'vgg19'"):
        build_trunk("vgg19", 0)
