"""SLIDE BUNDLE OUT.npy: MONAI's sliding window over a slide at level 0, window 512, overlap 1/8;
labels are 1 to K."""

import sys
from pathlib import Path

import numpy as np
import torch
from network import Unet

# isort: split
from monai.data import WSIReader
from monai.inferers import sliding_window_inference


def main() -> None:
    slide, bundle, out = map(Path, sys.argv[1:])
    network = Unet(bundle)
    reader = WSIReader(backend="tifffile", level=0)
    pixels, _ = reader.get_data(reader.read(slide))
    with torch.inference_mode():
        pictures = torch.from_numpy(pixels).to(torch.float32)[None]
        logits = sliding_window_inference(
            pictures, (512, 512), sw_batch_size=1, predictor=network, overlap=1 / 8
        )
        labels = logits[0].argmax(dim=0).to(torch.uint8) + 1
    np.save(out, labels.numpy())


if __name__ == "__main__":
    main()
