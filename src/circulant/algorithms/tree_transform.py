"""Sizes of the native core's transforms: a tree of radices over leaves of one vector each.

Vectors are taken as the widest there are; with narrower ones the core may take a little less.
"""

from circulant.core.sizes import smooth_length

VECTOR_BYTE = 64
GROUP = 4  # leaves that are finished together
LEAST_LEAVES = 32  # of a transform whose leaves come in whole groups


def whole_vectors(samples: int, itemsize: int) -> int:
    lanes = VECTOR_BYTE // itemsize
    return -(-samples // lanes) * lanes


def coefficients(samples: int, itemsize: int) -> int:
    """Complex ones of the transform that holds so many real samples, two in each."""
    lanes, needed = VECTOR_BYTE // itemsize, -(-samples // 2)
    unit = GROUP * lanes if needed > LEAST_LEAVES * lanes else lanes
    return unit * smooth_length(-(-needed // unit))


def buffer_byte(samples: int, itemsize: int) -> float:
    """One buffer of coefficients, whole groups of leaves."""
    step = GROUP * VECTOR_BYTE // itemsize
    return 2.0 * itemsize * (-(-coefficients(samples, itemsize) // step) * step)


def roots_byte(samples: int, itemsize: int) -> float:
    """Tables that stay with the plan of a transform: about three numbers for each coefficient."""
    points, lanes = coefficients(samples, itemsize), VECTOR_BYTE // itemsize
    of_leaves = 3.0 if itemsize == 4 else 2.5
    return itemsize * points * (of_leaves + 2 / lanes)
