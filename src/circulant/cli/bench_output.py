"""What `circulant bench` prints, for people and for programs; a wrong result of ours fails the command."""

from collections.abc import Sequence
from math import isnan
from pathlib import Path
from typing import Any

import typer

from circulant.bench.run import can_run
from circulant.bench.sampled import SampledRow
from circulant.bench.sampled_summary import SampledSummary
from circulant.bench.summary import Finding, GroupSummary, Race
from circulant.bench.workload import Group
from circulant.cli.commands import ExitCode
from circulant.cli.output import columns, print_json

NOT_YET = "its operation cannot be timed yet"


def tell_groups(found: Sequence[Group], as_json: bool) -> None:
    if as_json:
        print_json([_group_fields(group) for group in found])
        return
    lines = [("group", "operation", "shapes")]
    lines += [(one.name, one.operation if can_run(one) else f"{one.operation} (not yet)",
               str(len(one.shapes))) for one in found]  # fmt: skip
    typer.echo(columns(lines))


def tell_summaries(summaries: Sequence[GroupSummary], path: Path, as_json: bool) -> None:
    if as_json:
        print_json({"results": str(path), "groups": [_fields(one) for one in summaries]})
    else:
        typer.echo("\n".join(line for one in summaries for line in _lines(one)))
        typer.echo(f"Results: {path.resolve()}")
    if any(summary.faults for summary in summaries):
        raise typer.Exit(ExitCode.FAILED)


def tell_sampled(summaries: Sequence[SampledSummary], path: Path, as_json: bool) -> None:
    if as_json:
        print_json({"results": str(path), "runs": [_sampled_fields(one) for one in summaries]})
    else:
        typer.echo("\n".join(line for one in summaries for line in one.lines()))
        typer.echo(f"Results: {path.resolve()}")
    if any(summary.wrong for summary in summaries):
        raise typer.Exit(ExitCode.FAILED)


def _lines(summary: GroupSummary) -> list[str]:
    said = [summary.group.name]
    if not can_run(summary.group):
        return [*said, f"  {NOT_YET}"]
    said += [f"  {finding}" for finding in summary.findings]
    said += [f"  circulant by {way}" for way in summary.ways]
    said += [f"  WRONG OR MISSING: {fault}" for fault in summary.faults]
    said += [f"  not timed: {note}" for note in summary.not_timed]
    if summary.is_contended:
        said.append("  others used this machine meanwhile, or times were widely spread: measure again")
    return said


def _group_fields(group: Group) -> dict[str, Any]:
    return {
        "name": group.name,
        "operation": group.operation,
        "can_run": can_run(group),
        "passes": group.passes.value,
        "columns": list(group.columns),
        "shapes": [list(shape) for shape in group.shapes],
    }


def _fields(summary: GroupSummary) -> dict[str, Any]:
    return {
        "name": summary.group.name,
        "findings": [_finding_fields(finding) for finding in summary.findings],
        "ways": list(summary.ways),
        "wrong_or_missing": list(summary.faults),
        "not_timed": list(summary.not_timed),
        "contended": summary.is_contended,
    }


def _finding_fields(finding: Finding) -> dict[str, Any]:
    return {
        "against": finding.against,
        "malloc": finding.malloc.value,
        "times_faster": None if isnan(finding.factor) else finding.factor,
        "goal": finding.goal,
        "outcome": finding.outcome.value,
        "shapes": [_race_fields(race) for race in finding.races],
    }


def _race_fields(race: Race) -> dict[str, Any]:
    return {
        "shape": race.shape,
        "seconds": race.ours,
        "rival": race.rival_name,
        "rival_seconds": race.rival,
        "times_faster": race.times_faster,
    }


def _sampled_fields(summary: SampledSummary) -> dict[str, Any]:
    return {
        "problems": summary.problems,
        "measured": len(summary.rows),
        "wrong": [row.problem for row in summary.wrong],
        "violations": [_row_fields(row) for row in summary.violations],
        "contiguous_violations": [_row_fields(row) for row in summary.contiguous_violations],
        "worst": summary.worst and _row_fields(summary.worst),
        "worst_overhead": summary.worst_overhead and _row_fields(summary.worst_overhead),
    }


def _row_fields(row: SampledRow) -> dict[str, Any]:
    numbers = {
        "torch_seconds": row.torch_seconds,
        "seconds": row.seconds,
        "ratio": row.ratio,
        "ratio_low": row.ratio_low,
        "overhead": row.overhead,
        "contiguous_ratio": row.contiguous_ratio,
    }
    known = {name: None if isnan(value) else value for name, value in numbers.items()}
    texts = {"problem": row.problem, "layout": row.layout.value, "way": row.way, "fault": row.fault}
    return {"number": row.number, **texts, **known}
