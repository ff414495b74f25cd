"""Memory of results. Fresh pages can cost as much as the convolution that fills them.

Large results lie in blocks of huge pages, which the core keeps when their tensors die and hands out
again: up to a sixteenth of the machine's memory, at most 1 GiB. torch sees ordinary tensors, whose
storage cannot be resized.
"""

import torch
from torch import Tensor
from torch.utils.dlpack import from_dlpack

from circulant.backends.native import core
from circulant.backends.native.scalars import SCALARS
from circulant.core.sizes import Shape, product

LEAST_BYTE = 1 << 18  # below, a block costs more than its pages


def empty(shape: Shape, dtype: torch.dtype) -> Tensor:
    """As torch.empty on the CPU, for a dtype of the core's."""
    # where algorithms must be deterministic, torch fills what is not initialised
    if product(shape) * dtype.itemsize < LEAST_BYTE or torch.are_deterministic_algorithms_enabled():
        return torch.empty(shape, dtype=dtype)
    module = core.load()
    return from_dlpack(module.new_result(shape, getattr(module.Scalar, SCALARS[dtype])))


def kept_byte() -> int:
    """Of blocks that no tensor uses."""
    return int(core.load().kept_result_bytes())


def release_memory() -> None:
    """Give the blocks that no tensor uses back to the system."""
    core.load().clear_results()
