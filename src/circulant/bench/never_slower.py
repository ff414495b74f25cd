"""Times one sampled convolution: ours against torch's own call in its best layout, in pairs."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from math import nan
from statistics import median
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

import circulant
from circulant import functional as CF
from circulant.bench.calls import torch_code
from circulant.bench.case import Case, make_case
from circulant.bench.contention import cores_of_others, is_contended, snapshot
from circulant.bench.contestant import Call, Layout
from circulant.bench.device import isa_in_use
from circulant.bench.operation import normal
from circulant.bench.sampled import SampledProblem, SampledRow
from circulant.bench.settings import Settings
from circulant.bench.verdict import FAILURES, Verdict, failure_text, judge
from circulant.bench.way import way_of
from circulant.bench.workload import Passes
from circulant.compare.machine import this_machine
from circulant.measuring.order_statistics import lower_bound, quantile
from circulant.measuring.rounds import interleaved

PAIRS = 50
PILOT_ROUNDS = 5  # in which torch's best layout is found
TORCH: Mapping[int, Any] = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
OURS: Mapping[int, Any] = {1: CF.conv1d, 2: CF.conv2d, 3: CF.conv3d}


def measure_sampled(
    number: int, problem: SampledProblem, settings: Settings, pairs: int = PAIRS
) -> SampledRow:
    """At least that many pairs, and more while the budget lasts. No gradients are asked for."""
    case = _case(problem, settings.threads)
    layouts = [Layout.CONTIGUOUS] if problem.ndim == 1 else list(Layout)
    theirs = {layout: _call(TORCH, problem, case, layout) for layout in layouts}
    own = {layout: _call(OURS, problem, case, layout) for layout in layouts}
    verdict = _judge(own, case)
    layout = _best(theirs)
    calls = {"torch": theirs[layout], "ours": own[layout]}
    if layout is not Layout.CONTIGUOUS:
        calls["contiguous"] = own[Layout.CONTIGUOUS]
    way = "" if verdict.fault else way_of(own[layout])
    before = snapshot()
    times = (
        dict.fromkeys(calls, (nan,))
        if verdict.fault
        else interleaved(calls, settings.budget, pairs, drops_slow=False, settles=False)
    )
    others = cores_of_others(before, snapshot())
    return _row(number, problem, settings, layout, way, times, verdict, others)


def _case(problem: SampledProblem, threads: int) -> Case:
    def exact(x: Tensor, weight: Tensor) -> Tensor:
        return TORCH[problem.ndim](x, weight, **_settings(problem))

    operands = normal(problem.input_shape, problem.weight_shape)
    return make_case(problem.input_shape, Passes.FORWARD, threads, operands, exact)


def _settings(problem: SampledProblem) -> dict[str, int]:
    return {
        "stride": problem.stride,
        "padding": problem.padding,
        "dilation": problem.dilation,
        "groups": problem.groups,
    }


def _call(functions: Mapping[int, Any], problem: SampledProblem, case: Case, layout: Layout) -> Call:
    """Positional arguments, as a layer's own forward pass has them: keywords would cost ours more."""
    function, settings = functions[problem.ndim], tuple(_settings(problem).values())
    return torch_code(lambda _: lambda x, weight: function(x, weight, None, *settings), layout)(case)


def _judge(own: Mapping[Layout, Call], case: Case) -> Verdict:
    """The worst over the layouts."""
    try:
        verdicts = [judge(call(), case.expected) for call in own.values()]
    except FAILURES as error:
        return Verdict(nan, failure_text(error))
    return max(verdicts, key=lambda verdict: (bool(verdict.fault), verdict.error))


def _best(theirs: Mapping[Layout, Call]) -> Layout:
    if len(theirs) == 1:
        return next(iter(theirs))
    by_name = {layout.value: call for layout, call in theirs.items()}
    pilot = interleaved(by_name, 0.0, PILOT_ROUNDS, drops_slow=False, settles=False)
    return min(theirs, key=lambda layout: median(pilot[layout.value]))


def _row(
    number: int,
    problem: SampledProblem,
    settings: Settings,
    layout: Layout,
    way: str,
    times: Mapping[str, Sequence[float]],
    verdict: Verdict,
    others: float,
) -> SampledRow:
    base, same = times["torch"], times["ours"]
    contiguous = times.get("contiguous", same)
    spread = (quantile(base, 0.75) - quantile(base, 0.25)) / median(base)
    ratios, loose = _ratios(same, base), _ratios(contiguous, base)
    return SampledRow(
        number, _text(problem), settings.malloc, settings.threads, isa_in_use(), layout, way,
        median(base), median(same), 0 if verdict.fault else len(base), median(ratios), lower_bound(ratios),
        median(_differences(same, base)), median(loose), lower_bound(loose),
        median(_differences(contiguous, base)), verdict.error, verdict.fault, others,
        is_contended(others, spread), circulant.__version__, torch.__version__,
        this_machine(settings.threads).processor, datetime.now(UTC).date().isoformat(),
    )  # fmt: skip


def _ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    return [own / base for own, base in zip(ours, theirs)]


def _differences(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    return [own - base for own, base in zip(ours, theirs)]


def _text(problem: SampledProblem) -> str:
    sizes = f"{problem.batch}x{problem.in_channels}x{problem.size}^{problem.ndim}"
    return (
        f"{problem.kind} {problem.ndim}-D, {sizes} to {problem.out_channels}, k {problem.kernel}, "
        f"stride {problem.stride}, dilation {problem.dilation}, groups {problem.groups}"
    )
