"""What a run ran on."""

import sys
from importlib.metadata import version

import torch

from breastseg.training.environment import environment


def test_versions_are_those_that_are_installed() -> None:
    found = environment()
    assert found.python == sys.version.split()[0]
    assert found.packages["torch"] == version("torch")
    assert found.threads == torch.get_num_threads()
    assert found.git_commit == "" or len(found.git_commit) == 40
