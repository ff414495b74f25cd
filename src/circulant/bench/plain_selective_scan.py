"""A selective state space as it is written without a kernel for it: all factors, then step after step."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.operators.sequence.selective_state_space import SelectiveStateSpace


def plain_selective_scan(ssm: SelectiveStateSpace, x: Tensor) -> Tensor:
    """y (B, P, D, L) of x (B, P, D, L) for P paths."""
    made = torch.einsum("bpdl,pcd->bpcl", x, ssm.project)
    low, B, C = made.split([ssm.rank, ssm.states, ssm.states], dim=2)
    step = F.softplus(torch.einsum("bprl,pdr->bpdl", low, ssm.step_weight) + ssm.step_bias[:, :, None])
    factor = torch.exp(-step[..., None] * ssm.log_decay.exp()[:, :, None])  # (B, P, D, L, N)
    driven = (step * x)[..., None] * B.transpose(2, 3)[:, :, None]
    h = torch.zeros_like(driven[:, :, :, 0])
    outputs = []
    for decay, push, read in zip(factor.unbind(3), driven.unbind(3), C.unbind(3), strict=True):
        h = decay * h + push
        outputs.append((h @ read[..., None])[..., 0])
    return torch.stack(outputs, -1) + ssm.skip[:, :, None] * x
