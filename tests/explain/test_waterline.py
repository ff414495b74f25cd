"""Waterlines and efficiency, against an example worked out by hand."""

import pytest

from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.explain.waterline import Kernel, Peak, efficiency, efficiency_gap, waterline

PEAK = Peak(flop_per_s=100e9, byte_per_s=10e9)  # arithmetic is the limit from 10 operations per byte on
WIDE = Kernel("depthwise", Cost(flop=1e9, byte=1e9))  # 10 ms of arithmetic, 100 ms of memory
DEEP = Kernel("pointwise", Cost(flop=20e9, byte=1e9))  # 200 ms of arithmetic, 100 ms of memory


def test_a_block_takes_the_sum_of_the_longer_times_of_its_kernels():
    bound = waterline((WIDE, DEEP), PEAK)
    assert bound.seconds == pytest.approx((0.1, 0.2))
    assert bound.total_seconds == pytest.approx(0.3)
    assert bound.flop == 21e9
    assert bound.waits_for_memory == (True, False)
    assert bound.largest_efficiency == pytest.approx(21 / 30)


def test_fused_kernels_lose_only_what_lies_between_them():
    fused = Kernel("both", Cost(flop=21e9, byte=1e9))
    assert waterline((fused,), PEAK).total_seconds == pytest.approx(0.21)
    assert waterline((fused,), PEAK).largest_efficiency == pytest.approx(1.0)


def test_efficiency_is_operations_over_peak_times_seconds():
    assert efficiency(21e9, 0.42, PEAK) == pytest.approx(0.5)
    gap = efficiency_gap(21e9, 0.42, PEAK)
    assert gap.ideal_seconds == pytest.approx(0.21)
    assert gap.lost_seconds == pytest.approx(0.21)
    assert gap.efficiency == pytest.approx(0.5)
    assert gap.seconds == pytest.approx(21e9 / (PEAK.flop_per_s * gap.efficiency))


def test_intensity_decides_which_limit_holds():
    assert PEAK.flop_per_byte == 10
    assert WIDE.flop_per_byte < PEAK.flop_per_byte < DEEP.flop_per_byte


def test_what_was_not_counted_is_refused():
    with pytest.raises(ArgumentError, match="seconds"):
        efficiency(1e9, 0.0, PEAK)
    with pytest.raises(ArgumentError, match="byte_per_s above 0"):
        waterline((WIDE,), Peak(1e9, 0.0))
    with pytest.raises(ArgumentError, match="bytes moved"):
        waterline((Kernel("none", Cost(1.0, 0.0)),), PEAK)
