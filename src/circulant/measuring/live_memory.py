"""Peak of live allocations, from the allocator's own events."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import accumulate

from torch.profiler import ProfilerActivity, profile


def peak_byte(work: Callable[[], object]) -> int:
    """Most bytes alive at once among those allocated while work runs. Memory held before does not count."""
    with _quiet_stderr(), profile(activities=[ProfilerActivity.CPU], profile_memory=True) as recorded:
        result = work()
    kineto = recorded.profiler
    assert kineto is not None and kineto.kineto_results is not None
    events = [event for event in kineto.kineto_results.events() if event.name() == "[memory]"]
    events.sort(key=lambda event: int(event.start_ns()))
    del result  # kept until here, so that its release is not among the events
    return max(accumulate((int(event.nbytes()) for event in events), initial=0))


@contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Some builds of torch announce each start of the profiler on file descriptor 2."""
    sys.stderr.flush()
    kept = os.dup(2)
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(sink)
