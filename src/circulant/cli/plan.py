"""`circulant plan`: what the engine would do with tensors of given shapes, and why."""

from typing import Annotated, Any

import typer

from circulant.algorithms.algorithm import Rejected
from circulant.cli import parse
from circulant.cli.output import JsonOption, print_json
from circulant.engine.plan import Candidate, Plan
from circulant.functional import plan as make_plan

Operation = Annotated[str, typer.Argument(help="conv1d, conv_transpose1d (also 2d, 3d) or long_conv.")]
Input = Annotated[str, typer.Option("--input", help="Shape of the input.", metavar="BxCxHxW")]
Weight = Annotated[str, typer.Option("--weight", help="Shape of the weight or kernel.", metavar="OxIxKxK")]
Steps = Annotated[str, typer.Option(help="One number, or one for each axis: 2x1.")]
Padding = Annotated[str, typer.Option(help="Numbers, or valid, same, causal.")]
Boundary = Annotated[
    str | None, typer.Option(help="zeros, circular, reflect, replicate; long_conv: causal, circular, same.")
]
Dtype = Annotated[str, typer.Option(help="float16, bfloat16, float32 or float64.")]
Algorithm = Annotated[str | None, typer.Option(help="Insist on an algorithm, such as fft.")]
Backend = Annotated[str | None, typer.Option(help="Insist on a backend: torch, native or triton.")]
Workspace = Annotated[float | None, typer.Option(help="Most extra memory, in bytes.")]
Measure = Annotated[bool, typer.Option("--measure", help="Time the best few here, and remember the times.")]
Tolerance = Annotated[float | None, typer.Option(help="Largest expected relative L2 error.")]


def plan(
    operation: Operation,
    input: Input,
    weight: Weight,
    stride: Steps = "1",
    padding: Padding = "0",
    output_padding: Steps = "0",
    dilation: Steps = "1",
    groups: Annotated[int, typer.Option(help="Channel groups.")] = 1,
    boundary: Boundary = None,
    dtype: Dtype = "float32",
    algorithm: Algorithm = None,
    backend: Backend = None,
    workspace_limit: Workspace = None,
    tolerance: Tolerance = None,
    measure: Measure = False,
    as_json: JsonOption = False,
) -> None:
    """Show how a convolution would run: every algorithm with its prediction or its refusal.

    Example: circulant plan conv2d --input 32x384x56x56 --weight 384x1x31x31 --padding 15 --groups 384
    """
    made = make_plan(
        operation,
        input=parse.shape(input, "--input"),
        weight=parse.shape(weight, "--weight"),
        stride=parse.sizes(stride, "--stride"),
        padding=parse.padding(padding),
        output_padding=parse.sizes(output_padding, "--output-padding"),
        dilation=parse.sizes(dilation, "--dilation"),
        groups=groups,
        boundary=boundary,
        dtype=parse.dtype(dtype),
        algorithm=algorithm,
        backend=backend,
        workspace_limit=workspace_limit,
        tolerance=tolerance,
        measure=measure,
    )
    if as_json:
        print_json(_plan_fields(made))
    else:
        typer.echo(str(made))


def _plan_fields(made: Plan) -> dict[str, Any]:
    return {
        "problem": str(made.problem),
        "chosen": str(made.chosen),
        "candidates": [_candidate_fields(made, candidate) for candidate in made.candidates],
    }


def _candidate_fields(made: Plan, candidate: Candidate) -> dict[str, Any]:
    row = candidate.implementation
    named = {"algorithm": row.algorithm.name.value, "backend": row.backend.value}
    work = candidate.verdict
    if isinstance(work, Rejected):
        return {**named, "refused": work.reason}
    return {
        **named,
        "seconds": candidate.seconds,
        "is_measured": candidate.is_measured,
        "flop": work.flop,
        "byte": work.byte,
        "workspace_byte": work.workspace(made.threads),
        "relative_error": work.error(made.problem.dtype),
    }
