"""How many threads PyTorch computes on, for a while: its number is the whole process's."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def torch_threads(number: int) -> Iterator[None]:
    """Compute on a number of threads, and give the process its own number back: a training run
    after this must find it, or its sums are added in another order and it ends otherwise."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
