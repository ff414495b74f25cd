"""Maps and small images as PNG inside the page, written without an imaging library."""

from base64 import b64encode
from struct import pack
from zlib import compress, crc32

import numpy as np
from numpy.typing import NDArray

# One hue from paper to navy; lightness falls evenly, so that order survives print and colour blindness.
STOPS = np.array(
    [
        [255, 255, 255],
        [214, 230, 244],
        [159, 202, 230],
        [85, 158, 208],
        [30, 108, 177],
        [8, 58, 117],
        [6, 24, 62],
    ]
)
ABOVE, BELOW = np.array([168, 32, 32]), np.array([10, 92, 158])  # of signed values; zero is paper


def data_uri(media_type: str, content: bytes) -> str:
    return f"data:{media_type};base64,{b64encode(content).decode('ascii')}"


def colours(shares: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Values 0 (paper) to 1 (navy) as (H, W, 3)."""
    place = np.clip(shares, 0, 1) * (len(STOPS) - 1)
    channels = [np.interp(place, np.arange(len(STOPS)), STOPS[:, channel]) for channel in range(3)]
    levels: NDArray[np.uint8] = np.rint(np.stack(channels, axis=-1)).astype(np.uint8)
    return levels


def signed_colours(shares: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Values -1 (blue) over 0 (paper) to 1 (red) as (H, W, 3)."""
    amount = np.clip(np.abs(shares), 0, 1)[..., None]
    ends = np.where(shares[..., None] > 0, ABOVE, BELOW)
    levels: NDArray[np.uint8] = np.rint(255 + (ends - 255) * amount).astype(np.uint8)
    return levels


def _chunk(kind: bytes, content: bytes) -> bytes:
    return pack(">I", len(content)) + kind + content + pack(">I", crc32(kind + content))


def png(pixels: NDArray[np.uint8]) -> bytes:
    """8-bit grey (H, W) or colour (H, W, 3)."""
    height, width = pixels.shape[:2]
    kind = 0 if pixels.ndim == 2 else 2
    rows = np.ascontiguousarray(pixels).reshape(height, -1)
    unfiltered = np.hstack([np.zeros((height, 1), np.uint8), rows])
    header = pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    parts = (
        _chunk(b"IHDR", header),
        _chunk(b"IDAT", compress(unfiltered.tobytes(), 9)),
        _chunk(b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def map_uri(shares: NDArray[np.float64]) -> str:
    """A map of values 0..1 in the report's one hue."""
    return data_uri("image/png", png(colours(shares)))


def photo_uri(pixels: NDArray[np.float32]) -> str:
    """An image with values 0..1, (H, W) or (H, W, 3)."""
    return data_uri("image/png", png(np.rint(np.clip(np.nan_to_num(pixels), 0, 1) * 255).astype(np.uint8)))


def ramp_uri() -> str:
    """The hue from paper to navy, for a legend."""
    return map_uri(np.linspace(0, 1, 96)[None, :])


def signed_uri(shares: NDArray[np.float64]) -> str:
    """A map of values -1..1 in the report's two hues."""
    return data_uri("image/png", png(signed_colours(shares)))


def signed_ramp_uri() -> str:
    """The hues from blue over paper to red, for a legend."""
    return signed_uri(np.linspace(-1, 1, 96)[None, :])
