"""Cells that a head on types reads: means and shares by hand."""

import numpy as np
import pytest
import torch
from torch import nn

from breastseg.geometry import STRIDE_PX
from breastseg.networks.build import NetworkConfig, build
from breastseg.networks.type_cells import EMPTY, TypeCells, TypeHead, channels_of, pooled


class Painted(nn.Module):
    """Of a network what cells are made from: logits of three classes, four features a cell."""

    def logits_and_features(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        count, _, height, width = pictures.shape
        logits = torch.zeros(count, 3, height, width)
        logits[:, 1, :, : width // 2] = 50.0
        cells = (height // STRIDE_PX) * (width // STRIDE_PX)
        features = torch.arange(4 * cells, dtype=torch.float32)
        shape = (1, 4, height // STRIDE_PX, width // STRIDE_PX)
        return logits, features.view(shape).expand(count, -1, -1, -1)


def test_a_cell_has_its_features_and_its_shares_of_tumour_and_of_tissue() -> None:
    pictures = torch.full((2, 3, 32, 64), 255, dtype=torch.uint8)
    pictures[0, :, :, 32:] = 60
    pictures[1, :, :8] = 60
    cells = TypeCells(Painted(), tumour=1)(pictures)  # type: ignore[arg-type]
    assert cells.shape == (2, 4 + 2, 1, 2)
    assert cells[0, :4].flatten().tolist() == list(range(8))
    tumour, tissue = cells[:, 4], cells[:, 5]
    assert tumour[0].flatten().tolist() == pytest.approx([1, 1 / 3], abs=1e-5)
    assert tissue.flatten(1).tolist() == [[0, 1], [0.25, 0.25]]


def test_pooled_features_are_means_weighed_by_the_shares() -> None:
    rng = np.random.default_rng(0)
    cells = torch.from_numpy(rng.random((2, 3 + 2, 4, 5)).astype(np.float32))
    found = pooled(cells)
    assert found.shape == (2, 6)
    for number in range(2):
        for place, share in enumerate(cells[number, 3:]):
            for channel in range(3):
                mean = (cells[number, channel] * share).sum() / (share.sum() + EMPTY)
                assert found[number, 3 * place + channel].item() == pytest.approx(mean.item())


def test_where_nothing_is_tumour_its_features_are_0() -> None:
    cells = torch.ones(1, 4, 3, 3)
    cells[:, 2] = 0.0
    assert pooled(cells)[0, :2].tolist() == [0, 0]
    assert pooled(cells)[0, 2:].tolist() == pytest.approx([1, 1], abs=1e-3)


def test_a_head_takes_what_cells_give() -> None:
    network = build(NetworkConfig("unet", "resnet18", 3, (8, 8, 8, 8, 8))).eval()
    channels = channels_of(network)
    assert channels == 512
    head = TypeHead(channels, 4)
    with torch.inference_mode():
        cells = TypeCells(network, 0)(torch.zeros(2, 3, 64, 64, dtype=torch.uint8))
        assert head(cells).shape == (2, 4)
