"""What a run ran on, saved beside it."""

import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import torch

from breastseg.bundles.training import Environment

_PACKAGES = (
    "breastseg",
    "torch",
    "lightning",
    "segmentation-models-pytorch",
    "timm",
    "kornia",
    "numpy",
    "onnxruntime",
)


def environment() -> Environment:
    """Return versions, machine and the git commit of the working folder (empty outside a
    repository)."""
    return Environment(
        python=sys.version.split()[0],
        platform=platform.platform(),
        machine=platform.machine(),
        threads=torch.get_num_threads(),
        cuda=torch.cuda.get_device_name() if torch.cuda.is_available() else "",
        packages={name: version(name) for name in _PACKAGES},
        git_commit=_git_commit(),
    )


def _git_commit() -> str:
    try:
        # Where the code lies: a person's own folder is a repository of something else.
        answer = subprocess.run(
            ["git", "rev-parse", "--verify", "--quiet", "HEAD"],
            capture_output=True,
            text=True,
            cwd=Path(__file__).parent,
            check=False,
        )
    except FileNotFoundError:
        return ""  # git is not installed
    return answer.stdout.strip()
