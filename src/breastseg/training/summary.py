"""The network layer by layer, as the report printed it."""

import torch
import torchinfo

from breastseg.networks.build import Network


def layer_summary(network: Network, batch: int, crop_px: int) -> str:
    """Return layers, parameters (all, trainable, not) and mult-adds of one forward pass of a batch.

    The pass is run on one crop and its mult-adds multiplied: a batch of 64 would need 8 GB for the
    same count.
    """
    # torchinfo restores the mode of the whole network, which puts a frozen encoder into training.
    training = {name: module.training for name, module in network.named_modules()}
    info = torchinfo.summary(
        network,
        input_data=torch.zeros(1, 3, crop_px, crop_px, dtype=torch.uint8),
        verbose=0,
        depth=4,
        col_names=("output_size", "num_params", "mult_adds", "trainable"),
    )
    for name, module in network.named_modules():
        module.training = training[name]
    return (
        f"{info}\nMult-adds of a batch of {batch} x 3 x {crop_px} x {crop_px}:"
        f" {batch * info.total_mult_adds / 1e9:.2f} G"
    )
