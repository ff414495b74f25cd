"""The workspace that a plan states is the one that a run takes."""

import json
import re
from dataclasses import replace

import pytest
import torch
from tests.engine import realistic_problems as sizes
from tests.engine.peak_memory import Case, allocated_byte, native_byte
from typer.testing import CliRunner

import circulant
from circulant.algorithms.algorithm import AlgorithmName, Work
from circulant.algorithms.banded_depthwise import BandedDepthwise
from circulant.algorithms.block_fusion import BlockFusion
from circulant.algorithms.direct_gathered import DirectGathered
from circulant.algorithms.direct_local import DirectLocal
from circulant.algorithms.direct_sampled import DirectSampled
from circulant.algorithms.fft import FusedFFTDepthwise, FusedFFTLongConv, compute_itemsize
from circulant.algorithms.frequency_sparse_conv import FusedFFTFrequencySparseConv
from circulant.algorithms.im2win import TiledIm2win
from circulant.algorithms.linear_attention import FusedChunkedAttention
from circulant.algorithms.low_frequencies import FusedCutTransform
from circulant.algorithms.overlap_save import FusedOverlapSaveLongConv, cached_block
from circulant.algorithms.scan import FusedSequential, SelectiveFusedScan
from circulant.algorithms.sliding_pool import SlidingPool
from circulant.algorithms.sliding_window import SlidingWindow
from circulant.algorithms.spectral_filter import FusedSpectralFilter
from circulant.algorithms.substitution import FusedWavefront
from circulant.algorithms.transform import FusedTransform
from circulant.algorithms.winograd import Winograd, as_forward
from circulant.backends.native import (
    core,
    depthwise_conv,
    depthwise_fft,
    fused_block,
    gathered_conv,
    im2win,
    linear_attention,
    local_conv,
    long_conv,
    sampled_conv,
    sliding_conv,
    sliding_pool,
    spectral_filter,
    transform,
    winograd,
)
from circulant.backends.native.scalars import SCALARS
from circulant.backends.table import IMPLEMENTATIONS, Backend
from circulant.backends.torch import monarch_tables
from circulant.cli.main import app
from circulant.core.errors import NoPlanError
from circulant.engine import planner
from circulant.engine.choice import Choice, use
from circulant.engine.example_operands import example_operands
from circulant.engine.execute import execute_gradients
from circulant.problems.frequency_sparse_conv import FrequencySparseConvProblem
from circulant.problems.gathered_conv import GatheredConvProblem
from circulant.problems.inverse_conv import InverseConvProblem
from circulant.problems.recurrence import RecurrenceProblem
from circulant.problems.sampled_conv import SampledConvProblem, SampledResult
from circulant.problems.selective_scan import SelectiveScanProblem
from circulant.problems.trilinear import Slot

ROOM = 1 << 16  # of what is too small to be stated
HUGE_PAGES = 6 << 20  # by which buffers are rounded up, and code and tables of a first call


@pytest.fixture
def threads():
    """Sets the number of threads; the one before comes back."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def rows_on(backend):
    return [row for row in IMPLEMENTATIONS if row.backend is backend]


def solvable(backend, problems):
    """Every row with every problem it takes."""
    pairs = [(row, p) for row in rows_on(backend) for p in problems if type(p) is row.problem]
    return [(row, p) for row, p in pairs if row.algorithm.rejects(p) is None]


def name(value):
    return f"{type(value.algorithm).__name__}" if hasattr(value, "algorithm") else str(value)[:90]


# What a plan does with it.


def test_the_workspace_of_threads_adds_to_what_they_share():
    assert Work(0.0, 0.0, 100.0, 0.0, 7.0).workspace(3) == 121.0
    assert Work(0.0, 0.0, 100.0, 0.0).workspace(3) == 100.0


def test_a_plan_counts_the_threads_of_the_moment(threads):
    problem = sizes.long_conv(4, 16, 65536, 65536)
    forced = Choice(AlgorithmName.FFT, Backend.NATIVE)
    works = []
    for count in (1, 2, 1):
        threads(count)
        plan = planner.plan(problem, forced)
        assert plan.threads == count
        works.append(plan.candidates[0].verdict.workspace(plan.threads))
    assert works[0] == works[2] < works[1] < 2 * works[0]
    one, two = works[:2]
    limited = Choice(AlgorithmName.FFT, Backend.NATIVE, workspace_limit=(one + two) / 2)
    threads(1)
    assert planner.plan(problem, limited).chosen.backend is Backend.NATIVE
    threads(2)
    with pytest.raises(NoPlanError, match=re.escape(f"needs {two:.3g} bytes of workspace, the limit is")):
        planner.plan(problem, limited)


def test_a_plan_prints_the_total_of_all_threads(threads):
    threads(2)
    plan = planner.plan(sizes.long_conv(4, 16, 65536, 65536), Choice(AlgorithmName.FFT, Backend.NATIVE))
    total = plan.candidates[0].verdict.workspace(2)
    assert f"{total / 2**20:7.1f} MiB" in str(plan)


def test_the_command_gives_the_total_of_all_threads(threads):
    threads(2)
    arguments = ["plan", "long_conv", "--input", "4x16x65536", "--weight", "16x65536", "--json"]
    forced = ["--algorithm", "fft", "--backend", "native"]
    answer = json.loads(CliRunner().invoke(app, [*arguments, *forced]).stdout)
    (chosen,) = (c for c in answer["candidates"] if "refused" not in c)
    work = FusedFFTLongConv().work(sizes.long_conv(4, 16, 65536, 65536))
    assert chosen["workspace_byte"] == work.workspace(2) > work.workspace_byte + work.thread_byte


def test_both_gradients_at_once_obey_the_limit_too(monkeypatch, threads):
    threads(1)
    problem = sizes.long_conv(2, 4, 4096, 4096)
    row = next(r for r in rows_on(Backend.NATIVE) if isinstance(r.algorithm, FusedFFTLongConv))
    x, kernel = example_operands(problem)
    each = [row.algorithm.work(problem.for_slot(slot)).workspace(1) for slot in (Slot.INPUT, Slot.KERNEL)]
    calls = []
    whole = core.load().long_conv_gradients
    monkeypatch.setattr(core.load(), "long_conv_gradients", lambda *a: calls.append(1) or whole(*a))
    for limit in (max(each), sum(each)):
        choice = Choice(AlgorithmName.FFT, Backend.NATIVE, workspace_limit=limit)
        execute_gradients(problem, x, kernel, torch.ones_like(x), choice)
    assert len(calls) == 1


def test_nothing_is_planned_where_nothing_fits():
    problem = sizes.long_conv(4, 16, 4096, 4096)
    with pytest.raises(NoPlanError, match="bytes of workspace, the limit is 0"):
        planner.plan(problem, Choice(workspace_limit=0.0))
    with use(workspace_limit=0.0), pytest.raises(NoPlanError, match="bytes of workspace"):
        circulant.functional.long_conv(torch.randn(4, 16, 4096), torch.randn(16, 4096))


# torch: what its allocator hands out.


@pytest.mark.parametrize(("row", "problem"), solvable(Backend.TORCH, sizes.REALISTIC), ids=name)
def test_torch_allocates_what_is_stated(row, problem, threads):
    threads(1)
    stated = row.algorithm.work(problem).workspace(1)
    operands = example_operands(problem)
    for tables in (monarch_tables._negacyclic_steps, monarch_tables._sparse_steps):
        tables.cache_clear()
    with torch.no_grad():
        taken = allocated_byte(lambda: row.run(problem, *operands))
    assert 0.5 * stated - ROOM <= taken <= 1.3 * stated + ROOM


def test_every_implementation_on_torch_is_measured():
    measured = {type(row.algorithm) for row, _ in solvable(Backend.TORCH, sizes.REALISTIC)}
    assert measured == {type(row.algorithm) for row in rows_on(Backend.TORCH)}


# The native core: its own figures for one thread, where it tells them.


def scalar_of(problem):
    return getattr(core.load().Scalar, SCALARS[problem.dtype])


def told(measure, sizes_of):
    return lambda p: getattr(core.load(), measure)(sizes_of(p), scalar_of(p))


def in_arithmetic(problem):
    """Half precision is computed in float32."""
    return replace(problem, dtype=torch.promote_types(problem.dtype, torch.float32))


THREAD_BYTE = {
    BandedDepthwise: lambda p: depthwise_conv.workspace_byte(p, 1),
    FusedFFTDepthwise: lambda p: depthwise_fft.workspace_byte(p, 1),
    FusedFFTLongConv: lambda p: long_conv.workspace_byte(p, 1),
    FusedOverlapSaveLongConv: lambda p: long_conv.workspace_byte(p, 1, block=cached_block(p.kernel)),
    TiledIm2win: told("im2win_workspace", im2win.sizes),
    SlidingWindow: told("sliding_conv_workspace", sliding_conv.sizes),
    Winograd: told("winograd_workspace", lambda p: winograd.sizes(as_forward(p))),
    SlidingPool: told("sliding_pool_workspace", sliding_pool.sizes),
    FusedChunkedAttention: told("linear_attention_workspace", linear_attention.sizes),
    FusedTransform: lambda p: transform.workspace_byte(in_arithmetic(p), 1),
    FusedCutTransform: lambda p: transform.workspace_byte(in_arithmetic(p.whole), 1, p.modes[-1]),
    FusedSpectralFilter: lambda p: spectral_filter.workspace_byte(in_arithmetic(p), 1),
    DirectLocal: lambda p: compute_itemsize(p.dtype.itemsize) * local_conv.scratch_scalars(p),
    DirectSampled: sampled_conv.scratch_byte,
    DirectGathered: gathered_conv.scratch_byte,
    BlockFusion: lambda p: (
        told("fused_block_workspace", fused_block.sizes)(p) - BlockFusion().work(p).workspace_byte
    ),
}
"""By the core; that of fused blocks counts the weights that all threads share, too."""

ONLY_MEASURED = {FusedFFTFrequencySparseConv, FusedWavefront, FusedSequential, SelectiveFusedScan}


def test_every_native_implementation_is_told_or_measured():
    assert {type(row.algorithm) for row in rows_on(Backend.NATIVE)} == set(THREAD_BYTE) | ONLY_MEASURED
    assert {type(case.row.algorithm) for case in LARGE} >= ONLY_MEASURED


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (row, problem)
        for row, problem in solvable(Backend.NATIVE, [*sizes.REALISTIC, *sizes.CUT])
        if type(row.algorithm) in THREAD_BYTE
    ],
    ids=name,
)
def test_each_thread_takes_what_is_stated(row, problem):
    exact = THREAD_BYTE[type(row.algorithm)](problem)
    assert exact <= row.algorithm.work(problem).thread_byte <= 1.25 * exact + ROOM


# The same from outside: by how much the process grows.

SINGLE = torch.float32
LARGE_IMAGE = sizes.depthwise(1, (1024, 1024), 31, 15, batch=1)
SPARSE_SIZES = (1 << 19, 1 << 19, 1 << 20, 1 << 18)
MANY_CHANNELS = sizes.convolution((512, 512), (14, 14), 3, 1, batch=1)
LARGE = [
    Case("fft on native", sizes.long_conv(1, 1, 1 << 20, 1 << 20)),
    Case("fft on native", sizes.long_conv(1, 2, 1 << 20, 1 << 20), threads=2),
    Case("fft on native", sizes.long_conv(1, 1, 1 << 20, 1 << 20).for_slot(Slot.KERNEL)),
    Case("fft on native", LARGE_IMAGE),
    Case("fft on native", LARGE_IMAGE.for_slot(Slot.KERNEL)),
    Case("fft on native", FrequencySparseConvProblem(SINGLE, Slot.OUTPUT, 1, 1, *SPARSE_SIZES)),
    Case("winograd on native", MANY_CHANNELS),
    Case("winograd on native", MANY_CHANNELS.for_slot(Slot.INPUT)),
    Case("im2win on native", sizes.convolution((1024, 1024), (7, 7), 3, 1, batch=1)),
    Case(
        "direct on native",
        SampledConvProblem(
            SINGLE, 1, sizes.depthwise(64, (256, 256), 1, 0, batch=1), SampledResult.GRADIENTS
        ),
    ),
    Case("direct on native", GatheredConvProblem(SINGLE, Slot.OUTPUT, 1, 256, 16, 50000, 50000, 3, 1)),
    Case("wavefront on native", InverseConvProblem(SINGLE, 1, 64, (6000, 8), (3, 3), False)),
    Case("sequential on native", RecurrenceProblem(SINGLE, 1, 64, 65536, True, False, False, False)),
    Case("scan on native", SelectiveScanProblem(SINGLE, 1, 32, 1, 64, 65536, True), threads=2),
    Case("scan on native", SelectiveScanProblem(SINGLE, 64, 512, 1, 256, 2, True)),
]


def test_the_process_grows_by_what_is_stated():
    for case, grown in zip(LARGE, native_byte(LARGE), strict=True):
        stated = case.row.algorithm.work(case.problem).workspace(case.threads)
        figures = f"{case}: stated {stated / 2**20:.1f} MiB, grown by {grown / 2**20:.1f} MiB"
        assert grown <= 1.05 * stated + HUGE_PAGES, figures
        assert grown >= 0.75 * stated - HUGE_PAGES, figures
