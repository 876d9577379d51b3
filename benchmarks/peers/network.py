"""The network of a bundle as a plain torch module, for environments without breastseg: uint8 (N, H,
W, 3) -> logits (N, K, H, W)."""

import json
from pathlib import Path

import torch

# torchvision's wheel for Linux is built for CUDA; beside a CPU PyTorch its operators must be
# declared before it is imported.
LIBRARY = torch.library.Library("torchvision", "FRAGMENT")
LIBRARY.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
LIBRARY.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

import segmentation_models_pytorch as smp  # noqa: E402
from safetensors.torch import load_file  # noqa: E402


class Unet(torch.nn.Module):
    """U-Net of segmentation-models-pytorch with its scaling of colours."""

    def __init__(self, bundle: Path) -> None:
        super().__init__()
        network = json.loads((bundle / "card.json").read_text())["network"]
        if network["arch"] != "unet" or network["output_stride"] != 1:
            raise SystemExit(f"{bundle}: wanted a plain U-Net, for the peers to run the same")
        self.classes = network["classes"]
        self.body = smp.Unet(
            network["encoder"],
            encoder_weights=None,
            classes=self.classes,
            decoder_channels=tuple(network["decoder_channels"]),
        )
        self.load_state_dict(load_file(bundle / "model.safetensors"))
        self.register_buffer(
            "mean", torch.tensor(network["mean"]).view(1, 3, 1, 1) * 255, persistent=False
        )
        self.register_buffer(
            "std", torch.tensor(network["std"]).view(1, 3, 1, 1) * 255, persistent=False
        )
        self.eval()

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Map (N, 3, H, W), values 0 to 255, to logits (N, K, H, W)."""
        return self.body((pictures - self.mean) / self.std)
