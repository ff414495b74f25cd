"""Attention in chunks beside torch's own attention with the chunks in its batch."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.operators.sequence.chunked_attention1d import ChunkedAttention1d


def _chunks_in_the_batch(module: ChunkedAttention1d, x: Tensor) -> Tensor:
    """For lengths that are whole chunks, as both sizes are."""
    chunk, tokens = module.chunk, x.transpose(1, 2).unflatten(1, (-1, module.chunk))
    z, v = F.silu(module.shared(tokens)), F.silu(module.value(tokens))
    q, k = z * module.scale[0] + module.shift[0], z * module.scale[1] + module.shift[1]
    place = torch.arange(chunk, device=x.device)
    lag = place[:, None] - place
    mask = module.bias[chunk - 1 - lag].masked_fill(lag < 0, float("-inf"))
    y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    return module.output(y.flatten(1, 2)).transpose(1, 2)


ENTRY = Throughput(
    make=lambda shape: ChunkedAttention1d(shape[1], 64),
    shapes=((4, 64, 256), (4, 128, 2048)),
    obvious={"scaled_dot_product_attention": _chunks_in_the_batch},
    lowered=False,
)
