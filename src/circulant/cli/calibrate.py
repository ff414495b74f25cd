"""`circulant calibrate`: what algorithms cost on this machine, for its plans."""

from pathlib import Path
from typing import Annotated, Any

import typer

from circulant.cli.output import JsonOption, columns, print_json
from circulant.cli.progress import shown
from circulant.engine.calibration.calibrate import measurements, problems, record_of
from circulant.engine.machine import add_record, own_machines_path
from circulant.engine.wisdom import machine_key

Out = Annotated[
    Path | None, typer.Option(help="Write the record of CPUs into this file, such as the package's own.")
]


def calibrate(out: Out = None, as_json: JsonOption = False) -> None:
    """Time every implementation on some hundred problems, so that predictions fit this machine.

    Takes about five minutes on two cores; others should leave the machine alone. It is for the CPU and
    for the current number of threads; the record is kept beside the times that `plan --measure` remembers.

    Example: circulant calibrate
    """
    record = record_of(list(shown(measurements(), len(problems()))))
    path, name = (own_machines_path(), machine_key("cpu")) if out is None else (out, "cpu")
    add_record(path, name, record)
    if as_json:
        print_json(record)
    else:
        typer.echo(columns(_lines(record, path)))


def _lines(record: dict[str, Any], path: Path) -> list[tuple[str, str]]:
    launch = record["launch_seconds"]["any"]
    return [
        ("machine", record["device"]),
        ("arithmetic", f"{record['flop_per_s'] / 1e9:.0f} GFLOP/s in products of matrices"),
        *(
            ("memory", f"{rate / 1e9:.0f} GB/s {f'up to {most / 2**20:g} MiB' if most else 'beyond'}")
            for most, rate in record["byte_per_s"]
        ),
        ("call", f"{launch * 1e6:.0f} µs to compute next to nothing"),
        ("costs", f"of {len(record['costs'])} implementations and regimes"),
        ("written to", str(path)),
    ]
