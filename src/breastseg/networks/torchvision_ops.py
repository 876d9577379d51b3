"""Let `import torchvision` work beside a CPU build of PyTorch. Import this before timm or
segmentation-models-pytorch.

torchvision's package for Linux is built for CUDA. Beside a CPU PyTorch its C++ operators do not
load, and importing it fails with "operator torchvision::nms does not exist". None of its operators
is used here; declaring these two first makes the import work. Where the real ones load, declaring
them changes nothing. The library object must be kept, or the declarations are taken back.
"""

import torch

_NMS = "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
LIBRARY = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
LIBRARY.define(_NMS)  # type: ignore[no-untyped-call]
LIBRARY.define(f"q{_NMS}")  # type: ignore[no-untyped-call]
