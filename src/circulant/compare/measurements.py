"""What profiling hands over: profiles and the machine they hold for."""

from dataclasses import dataclass
from typing import final

from circulant.compare.records import Machine, Profile


@final
@dataclass(frozen=True, slots=True)
class Measurements:
    """Profiles of one session, in which the operators took turns."""

    profiles: tuple[Profile, ...]
    machine: Machine
