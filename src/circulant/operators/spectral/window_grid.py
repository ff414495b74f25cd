"""Windows that tile a picture, moved by half of their size or not."""

from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.core.sizes import Shape, product


@final
class WindowGrid:
    """Cuts, joins and masks for windows of that shape. A moved window wraps around the padded picture."""

    def __init__(self, window: Shape, shifted: bool) -> None:
        self.window = window
        self.shift = tuple(size // 2 if shifted else 0 for size in window)

    @property
    def tokens(self) -> int:
        """Positions of one window."""
        return product(self.window)

    @property
    def offsets(self) -> int:
        """Different offsets between two positions of one window."""
        return product(tuple(2 * size - 1 for size in self.window))

    def count(self, sizes: Shape) -> int:
        """Windows over a picture of those sizes."""
        return product(tuple(-(-n // size) for n, size in zip(sizes, self.window)))

    def cut(self, x: Tensor) -> Tensor:
        """x (..., D, H, W) -> (..., windows, positions, D), zeros laid after the ends of H and W."""
        (h, w), (H, W) = self.window, x.shape[-2:]
        padded = F.pad(x, (0, -W % w, 0, -H % h)).roll((-self.shift[0], -self.shift[1]), (-2, -1))
        tiles = padded.unflatten(-1, (-1, w)).unflatten(-3, (-1, h))  # (..., D, rows, h, columns, w)
        return tiles.transpose(-3, -2).flatten(-2).flatten(-3, -2).movedim(-3, -1)

    def joined(self, tiles: Tensor, sizes: Shape) -> Tensor:
        """The inverse: (..., windows, positions, D) -> (..., D, *sizes)."""
        (h, w), (H, W) = self.window, sizes
        grid = tiles.movedim(-1, -3).unflatten(-1, (h, w)).unflatten(-3, (-1, -(-W // w)))
        padded = grid.transpose(-3, -2).flatten(-2).flatten(-3, -2)
        return padded.roll(self.shift, (-2, -1))[..., :H, :W]

    def forbidden(self, sizes: Shape, device: torch.device) -> Tensor:
        """Whether a query must not see a key, (windows, queries, keys).

        Those that only the wrapping brought together, and padded keys; each query may see itself.
        """
        axes = []
        for n, size, shift in zip(sizes, self.window, self.shift):
            padded = -(-n // size) * size
            place = (torch.arange(padded, device=device) + shift) % padded
            axes.append(torch.where(place < n, (place < shift).long(), 2).reshape(-1, size))
        rows, columns = axes
        label = 3 * rows[:, None, :, None] + columns[None, :, None, :]
        is_padded = (rows == 2)[:, None, :, None] | (columns == 2)[None, :, None, :]
        label, is_padded = (t.expand(label.shape).flatten(0, 1).flatten(1) for t in (label, is_padded))
        own = torch.eye(self.tokens, dtype=torch.bool, device=device)
        return ((label[:, :, None] != label[:, None]) | is_padded[:, None]) & ~own

    def spread(self, bias: Tensor) -> Tensor:
        """A value for each offset (heads, offsets) -> for each query and key (heads, queries, keys)."""
        rows, columns = (torch.arange(size, device=bias.device) for size in self.window)
        down = rows[:, None] - rows + self.window[0] - 1
        right = columns[:, None] - columns + self.window[1] - 1
        index = down[:, None, :, None] * (2 * self.window[1] - 1) + right[None, :, None, :]
        return bias[:, index.reshape(self.tokens, self.tokens)]
