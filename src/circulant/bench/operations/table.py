"""Every operation that can be timed, by its name in workloads.toml. A new one is a file and a row here."""

from collections.abc import Callable, Mapping

from circulant.bench.models.contest import contest as network_contest
from circulant.bench.models.networks import NETWORKS
from circulant.bench.operation import Operation
from circulant.bench.operations.conv2d import CONV2D
from circulant.bench.operations.depthwise_conv import DEPTHWISE_CONV1D, DEPTHWISE_CONV2D
from circulant.bench.operations.frequency_sparse_conv import FREQUENCY_SPARSE_CONV
from circulant.bench.operations.fused_block import FUSED_BLOCK
from circulant.bench.operations.inverse_conv import INVERSE_CONV2D
from circulant.bench.operations.local_conv import DYNAMIC_CONV2D, INVOLUTION2D
from circulant.bench.operations.long_conv import GATED_LONG_CONV, LONG_CONV, PARTIAL_LONG_CONV
from circulant.bench.operations.long_conv_decode import LONG_CONV_DECODE
from circulant.bench.operations.pooling import AVERAGE_POOL2D, MAX_POOL2D
from circulant.bench.operations.recurrence import FIXED_RECURRENCE, RECURRENCE
from circulant.bench.operations.sampled_conv import DEFORMABLE_CONV2D
from circulant.bench.operations.selective_scan import SELECTIVE_SCAN
from circulant.bench.throughput.contest import contest
from circulant.bench.throughput.entries import entries
from circulant.bench.throughput.lengths import length_entries
from circulant.core.sizes import Shape

DEFORMABLE_KERNEL = 3  # in a group of both, shapes of this kernel are deformable, wider ones involutions


def _always(operation: Operation) -> Callable[[Shape], Operation]:
    return lambda shape: operation


def _local_or_sampled(shape: Shape) -> Operation:
    return DEFORMABLE_CONV2D if shape[3] <= DEFORMABLE_KERNEL else INVOLUTION2D


OPERATIONS: Mapping[str, Callable[[Shape], Operation]] = {
    "long_conv": _always(LONG_CONV),
    "gated_long_conv": _always(GATED_LONG_CONV),
    "partial_long_conv": _always(PARTIAL_LONG_CONV),
    "long_conv_decode": _always(LONG_CONV_DECODE),
    "depthwise_conv2d": _always(DEPTHWISE_CONV2D),
    "depthwise_conv1d": _always(DEPTHWISE_CONV1D),
    "involution2d": _always(INVOLUTION2D),
    "deformable_conv2d": _always(DEFORMABLE_CONV2D),
    "dynamic_conv2d": _always(DYNAMIC_CONV2D),
    "local_and_sampled": _local_or_sampled,
    "conv2d": _always(CONV2D),
    "pool2d": _always(MAX_POOL2D),
    "average_pool2d": _always(AVERAGE_POOL2D),
    "fused_block": _always(FUSED_BLOCK),
    "recurrence": _always(RECURRENCE),
    "fixed_recurrence": _always(FIXED_RECURRENCE),
    "selective_scan": _always(SELECTIVE_SCAN),
    "inverse_conv2d": _always(INVERSE_CONV2D),
    "frequency_sparse_conv": _always(FREQUENCY_SPARSE_CONV),
}


def find_operation(name: str) -> Callable[[Shape], Operation] | None:
    """By its name here, by that of a network, or of an operator with an entry; None for neither."""
    if name in OPERATIONS:
        return OPERATIONS[name]
    if name in NETWORKS:
        return _always(network_contest(NETWORKS[name]))
    entry = entries().get(name) or length_entries().get(name)
    return None if entry is None else _always(contest(entry))
