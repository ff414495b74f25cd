"""A linear map of the channels at every sample of a sequence."""

import torch
from torch import Tensor


def pointwise(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """x (B, C, L), weight (O, C), bias (O) -> (B, O, L), as one product that adds the bias.

    torch's convolution of one tap lays x and its result out anew.
    """
    return torch.baddbmm(bias[:, None], weight.expand(x.shape[0], -1, -1), x)
