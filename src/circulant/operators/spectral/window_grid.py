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

    def counts(self, sizes: Shape) -> Shape:
        """Windows along each axis of a picture of those sizes."""
        return tuple((n + size - 1) // size for n, size in zip(sizes, self.window))

    def count(self, sizes: Shape) -> int:
        """Windows over a picture of those sizes."""
        return product(self.counts(sizes))

    def cut(self, x: Tensor) -> Tensor:
        """x (B, M, A, D, H, W) -> (M, B, windows, A, positions, D), zeros laid after the ends of H and W."""
        (h, w), (H, W) = self.window, x.shape[-2:]
        # sizes are written as products of counts: of remainders, symbolic ones grow without bound
        rows, columns = self.counts((H, W))
        if torch.compiler.is_compiling() or (rows * h, columns * w) != (H, W):
            x = F.pad(x, (0, columns * w - W, 0, rows * h - H))
        if any(self.shift):
            x = x.roll((-self.shift[0], -self.shift[1]), (-2, -1))
        B, M, A, D = x.shape[:4]
        tiles = x.reshape(B, M, A, D, rows, h, columns, w).permute(1, 0, 4, 6, 2, 5, 7, 3)
        return tiles.reshape(M, B, rows * columns, A, h * w, D)

    def joined(self, tiles: Tensor, sizes: Shape) -> Tensor:
        """The inverse: (B, windows, A, positions, D) -> (B, A, D, *sizes)."""
        (h, w), (H, W) = self.window, sizes
        rows, columns = self.counts(sizes)
        B, _, A, _, D = tiles.shape
        grid = tiles.reshape(B, rows, columns, A, h, w, D).permute(0, 3, 6, 1, 4, 2, 5)
        x = grid.reshape(B, A, D, rows * h, columns * w)
        if any(self.shift):
            x = x.roll(self.shift, (-2, -1))
        return x[..., :H, :W]

    def masks(self, sizes: Shape) -> bool:
        """Whether `forbidden` may hold anything; compilers, which ask for no sizes, get it always."""
        padded = tuple(count * size for count, size in zip(self.counts(sizes), self.window))
        return torch.compiler.is_compiling() or any(self.shift) or padded != tuple(sizes)

    def forbidden(self, sizes: Shape, device: torch.device) -> Tensor:
        """Whether a query must not see a key, (windows, queries, keys).

        Those that only the wrapping brought together, and padded keys; each query may see itself.
        """
        axes = []
        for n, size, shift in zip(sizes, self.window, self.shift):
            padded = (n + size - 1) // size * size
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
