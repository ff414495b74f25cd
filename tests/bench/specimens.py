"""Small shapes of every operation, and rows made by hand."""

from circulant.bench.contestant import Layout, Role
from circulant.bench.row import Row, Status
from circulant.bench.settings import Malloc, Settings
from circulant.bench.workload import Goal, Group, Passes

TINY = {
    "long_conv": (2, 3, 37),
    "gated_long_conv": (2, 3, 24),
    "partial_long_conv": (2, 3, 40, 7),
    "long_conv_decode": (2, 3, 41),
    "depthwise_conv2d": (2, 3, 9, 5),
    "depthwise_conv1d": (2, 3, 20, 4),
    "involution2d": (2, 4, 6, 3, 2),
    "deformable_conv2d": (1, 4, 5, 3, 2),
    "dynamic_conv2d": (2, 3, 7, 3),
    "local_and_sampled": (1, 4, 5, 3, 2),
    "conv2d": (2, 3, 4, 11, 3, 2),
    "pool2d": (2, 3, 9, 3, 2),
    "average_pool2d": (2, 3, 8, 5, 1),
    "fused_block": (2, 4, 5, 2, 3),
    "recurrence": (2, 3, 19),
    "fixed_recurrence": (2, 3, 19),
    "selective_scan": (2, 3, 2, 11),
    "inverse_conv2d": (2, 3, 5, 3),
    "frequency_sparse_conv": (2, 3, 16, 6),
}
NO_GOAL = Goal()
QUICK = Settings(Malloc.DEFAULT, 1, 0.1)


def group(name="a group", shapes=((1, 2, 8),), goal=NO_GOAL, operation="long_conv"):
    return Group(name, operation, ("batch", "channels", "length"), shapes, Passes.FORWARD, goal)


def row(contestant="circulant", role=Role.OURS, seconds=1.0, **changes):
    fields = {
        "group": "a group", "operation": "long_conv", "passes": Passes.FORWARD, "shape": "1x2x8",
        "contestant": contestant, "role": role, "status": Status.MEASURED, "note": "",
        "malloc": Malloc.DEFAULT, "threads": 2, "isa": "avx512", "dtype": "float32",
        "layout": Layout.CONTIGUOUS, "seconds": seconds, "quartile_low": seconds, "quartile_high": seconds,
        "rounds": 9, "ratio": seconds, "ratio_low": seconds, "ratio_high": seconds, "error": 1e-7,
        "peak_byte": 1000.0, "others": 0.0, "load": 0.5, "contended": False,
        "package": "torch", "package_version": "2.13.0", "circulant": "0.1.0", "torch": "2.13.0",
        "processor": "A processor, of course", "date": "2026-11-21",
    }  # fmt: skip
    return Row(**(fields | changes))
