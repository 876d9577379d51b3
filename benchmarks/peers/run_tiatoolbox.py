"""SLIDE BUNDLE OUT.npy: TIAToolbox's SemanticSegmentor over a slide at level 0, patch 512, stride
448; labels are 1 to K."""

import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from network import Unet

# isort: split
import zarr
from tiatoolbox.models.engine.io_config import IOSegmentorConfig
from tiatoolbox.models.engine.semantic_segmentor import SemanticSegmentor
from tiatoolbox.models.models_abc import ModelABC

LEVEL0 = {"units": "baseline", "resolution": 1.0}


class Network(ModelABC):
    """The bundle's network as its own models are."""

    def __init__(self, bundle: Path) -> None:
        super().__init__()
        self.network = Unet(bundle)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return self.network(pictures)

    @staticmethod
    def infer_batch(model: torch.nn.Module, batch_data: torch.Tensor, *, device: str) -> np.ndarray:
        with torch.inference_mode():
            pictures = batch_data.to(device=device, dtype=torch.float32).permute(0, 3, 1, 2)
            return torch.softmax(model(pictures), dim=1).permute(0, 2, 3, 1).cpu().numpy()

    @staticmethod
    def postproc(image: np.ndarray) -> np.ndarray:
        return image.argmax(axis=-1)


def main() -> None:
    slide, bundle, out = map(Path, sys.argv[1:])
    config = IOSegmentorConfig(
        input_resolutions=[LEVEL0],
        output_resolutions=[LEVEL0],
        patch_input_shape=(512, 512),
        patch_output_shape=(512, 512),
        stride_shape=(448, 448),
        save_resolution=LEVEL0,
    )
    engine = SemanticSegmentor(
        model=Network(bundle).eval(), batch_size=4, num_workers=0, verbose=False
    )
    with tempfile.TemporaryDirectory() as folder:
        done = engine.run(
            [slide],
            patch_mode=False,
            ioconfig=config,
            save_dir=Path(folder) / "results",
            output_type="zarr",
            auto_get_mask=False,
        )
        labels = zarr.open(str(done[slide]), mode="r")["predictions"][:]
    np.save(out, labels.astype(np.uint8) + 1)


if __name__ == "__main__":
    main()
