"""What tells the results of one machine from those of another."""

import re

from circulant.compare.machine import this_machine
from circulant.core.errors import UnknownNameError
from circulant.engine.native import InstructionSet, instruction_set, is_available


def device_name(threads: int) -> str:
    """Processor and cores, as a part of a file's name: amd-epyc-9b45-2-cores."""
    machine = this_machine(threads)
    words = f"{machine.processor} {machine.cores} cores".lower()
    return re.sub(r"[^a-z0-9]+", "-", words).strip("-")


def isa_in_use(wanted: str = "") -> str:
    """The instruction set of our core when no more than `wanted` is allowed; none where there is no core."""
    levels = [level.value for level in InstructionSet]
    if wanted and wanted not in levels:
        raise UnknownNameError("instruction set", wanted, levels)
    if not is_available():
        return "none"
    highest = instruction_set().value
    return min(highest, wanted or highest, key=levels.index)
