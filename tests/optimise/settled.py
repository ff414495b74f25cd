"""Networks as after some training."""

import torch
from torch import nn

IDLE = 1e-2  # below it weights hide what they multiply, as scales of branches do that start near zero


@torch.no_grad()
def settled(model: nn.Module) -> nn.Module:
    """In evaluation, with statistics of batch norms, and no weight left where it makes a branch idle."""
    for parameter in model.parameters():
        if parameter.numel() and parameter.abs().max() < IDLE:
            nn.init.normal_(parameter, 0, 0.5)
    for part in model.modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm) and part.running_var is not None:
            part.running_mean.normal_(0, 0.3)
            part.running_var.uniform_(0.5, 2)
            if part.affine:
                nn.init.normal_(part.weight, 1, 0.2)
                nn.init.normal_(part.bias, 0, 0.2)
    return model.eval()
