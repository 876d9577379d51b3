"""One thread for a while, and the process's own number after it."""

import pytest
import torch

from breastseg.networks.threads import torch_threads


def test_there_is_one_thread_inside_and_the_old_number_after() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with torch_threads(1):
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
        with pytest.raises(KeyError), torch_threads(1):
            raise KeyError
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
