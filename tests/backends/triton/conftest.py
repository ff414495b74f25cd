"""New memory holds NaN here, so that an element which no kernel writes shows."""

import pytest
import torch


@pytest.fixture(autouse=True)
def _nan_in_new_memory():
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = True
    assert torch.empty(3).isnan().all()
    yield
    torch.use_deterministic_algorithms(False)
