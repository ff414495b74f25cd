"""How a run is made: the setting of malloc, threads, time, instruction set."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

ISA_VARIABLE = "CIRCULANT_ISA"  # read by the native core
# glibc keeps what it got, instead of giving large blocks back and faulting them in anew for each call
TUNED_MALLOC = {
    "MALLOC_MMAP_THRESHOLD_": str(16 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(16 << 30),
    "MALLOC_TOP_PAD_": str(256 << 20),
}
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class Malloc(Enum):
    """DEFAULT: as users have it. TUNED: as those who read docs/environment.md have it."""

    DEFAULT = "default"
    TUNED = "tuned"


@dataclass(frozen=True, slots=True)
class Settings:
    """budget in seconds for each shape; without: texts in names of contestants to leave out.

    isa: the highest instruction set that our core may use; empty: as without us.
    """

    malloc: Malloc
    threads: int
    budget: float
    without: tuple[str, ...] = ()
    isa: str = ""

    def environment(self, outer: Mapping[str, str]) -> dict[str, str]:
        """The variables of the process that measures; malloc reads its own when a process begins."""
        ours = {name: value for name, value in outer.items() if name not in TUNED_MALLOC}
        ours.update(dict.fromkeys(THREAD_VARIABLES, str(self.threads)))
        if self.malloc is Malloc.TUNED:
            ours.update(TUNED_MALLOC)
        if self.isa:
            ours[ISA_VARIABLE] = self.isa
        return ours


def malloc_of(environment: Mapping[str, str]) -> Malloc | None:
    """The setting that these variables make; None for one of the user's own."""
    found = {name: environment[name] for name in TUNED_MALLOC if name in environment}
    if not found:
        return Malloc.DEFAULT
    return Malloc.TUNED if found == TUNED_MALLOC else None
