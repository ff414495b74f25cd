r"""ConvS5: pictures drive damped oscillations at every position, and a convolution reads them.

    h_t = exp(dt a) h_{t-1} + (exp(dt a) - 1) / a (B * x_t),   v_t = 2 Re(C * h_t),   y_t = readout(v_t, x_t)

a and dt (S / 2) are scalars for each complex state, a those of HiPPO with the real part kept below -0.0001;
B (S / 2, C, taps, taps) and C (C, S / 2, taps, taps) are complex kernels with zeros around the picture.
readout is a residual block of group norms, GELU and convolutions, or, instead, norm and GELU of v + D * x.
Shapes: x (B, C, T, H, W) -> y (B, C, T, H, W), time first. Of `states` states one of each conjugate pair is
kept; `blocks` systems of HiPPO lie next to each other. B and C start as He's real kernels in the basis of the
eigenvectors. groups are those of the norms, 32 where the channels allow. Residual, dropout and norm around it
belong to the network.
"""

from typing import final

import torch
from torch import Tensor

from circulant.core.card import BadInput, Card, Case, Paper
from circulant.core.cost import Cost
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.operators.sequence.conv_s5_system import ConvS5System
from circulant.operators.sequence.frame_readout import FrameBlock, FrameReadout

EXPORTS = (FrameReadout,)


def reference(x: Tensor, state: dict[str, Tensor], direct: bool = False) -> Tensor:
    a = torch.complex(state["system.poles"][:, 0].clamp(max=-1e-4), state["system.poles"][:, 1])
    B, C = (torch.view_as_complex(state[f"system.{name}_kernel"]) for name in ("input", "output"))
    factor = torch.exp(state["system.log_step"].exp() * a)
    gain = ((factor - 1) / a)[:, None, None]
    h, frames = torch.zeros(len(x), len(a), *x.shape[3:], dtype=a.dtype), []
    for t in range(x.shape[2]):
        h = factor[:, None, None] * h + gain * _correlated(B, x[:, :, t].to(a.dtype))
        v = 2 * _correlated(C, h).real
        if direct:
            v = v + _convolution(0, x[:, :, t], state)
            frames.append(_gelu(_normed(0, v, state)))
            continue
        inside = v
        for index in range(2):
            inside = _convolution(index, _gelu(_normed(index, inside, state)), state)
        frames.append(_gelu(v + inside))
    return torch.stack(frames, 2)


def _correlated(kernel: Tensor, frames: Tensor) -> Tensor:
    taps, (_, _, H, W) = kernel.shape[-1], frames.shape
    reach = taps // 2
    padded = torch.zeros(*frames.shape[:2], H + taps, W + taps, dtype=frames.dtype)
    padded[:, :, reach : reach + H, reach : reach + W] = frames
    parts = [
        torch.einsum("oi,bihw->bohw", kernel[:, :, p, q], padded[:, :, p : p + H, q : q + W])
        for p in range(taps)
        for q in range(taps)
    ]
    return torch.stack(parts).sum(0)


def _convolution(index: int, frames: Tensor, state: dict[str, Tensor]) -> Tensor:
    bias = state[f"readout.convs.{index}.bias"][:, None, None]
    return _correlated(state[f"readout.convs.{index}.weight"], frames) + bias


def _normed(index: int, frames: Tensor, state: dict[str, Tensor]) -> Tensor:
    """All channels in one group."""
    centred = frames - frames.mean((1, 2, 3), keepdim=True)
    scaled = centred / (centred.square().mean((1, 2, 3), keepdim=True) + 1e-5).sqrt()
    weight, bias = (state[f"readout.norms.{index}.{name}"][:, None, None] for name in ("weight", "bias"))
    return scaled * weight + bias


def _gelu(values: Tensor) -> Tensor:
    return values * (1 + torch.erf(values / 2**0.5)) / 2


@final
class ConvS5(Operator):
    ndims = (3,)

    def __init__(
        self,
        channels: int,
        states: int,
        taps: int = 3,
        *,
        blocks: int = 1,
        readout: FrameReadout = FrameReadout.RESIDUAL,
        groups: int | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.channels = channels
        self.system = ConvS5System(channels, states, taps, blocks, device=device, dtype=dtype)
        self.readout = FrameBlock(channels, taps, readout, groups, device=device, dtype=dtype)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        return self._read(self.system(x)[0], x)

    def _read(self, v: Tensor, x: Tensor) -> Tensor:
        frames = (part.transpose(1, 2).flatten(0, 1) for part in (v, x))
        return self.readout(*frames).unflatten(0, (x.shape[0], x.shape[2])).transpose(1, 2)

    def initial_state(
        self,
        batch: int,
        spatial: Shape,
        *,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> Tensor:
        """(B, H, W, S / 2, 2), in float32 at least."""
        return self.system.initial_state(batch, spatial, device=device, dtype=dtype)

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Frames x (B, C, n, H, W) after state -> y (B, C, n, H, W), new state."""
        v, state = self.system(x, state)
        return self._read(v, x), state

    def cost(self, shape: Shape) -> Cost:
        B, C, T, H, W = shape
        return self.system.cost(shape) + self.readout.cost((B * T, C, H, W))


def _mixer(channels: int, spatial: Shape) -> ConvS5:
    return ConvS5(channels, 2 * channels)


CARD = Card(
    operators=(ConvS5,),
    reference=reference,
    papers=(
        Paper(
            "Smith, De Mello, Kautz, Linderman and Byeon",
            2023,
            "Convolutional State Space Models for Long-Range Spatiotemporal Modeling",
            "https://arxiv.org/abs/2310.19694",
        ),
    ),
    laws=frozenset(),
    cases=(
        Case((2, 2, 3, 2, 3), lambda: ConvS5(2, 4, groups=1)),
        Case(
            (1, 2, 4, 3, 2),
            lambda: ConvS5(2, 4, 1, blocks=2, readout=FrameReadout.DIRECT, groups=1),
            {"direct": True},
        ),
    ),
    refuses=(
        BadInput((2, 4, 3, 3, 3), lambda: ConvS5(3, 4), says="C = 3"),
        BadInput((2, 3, 3, 3), lambda: ConvS5(3, 4), says="(B, C, D, H, W)"),
    ),
    mixer=_mixer,
)
