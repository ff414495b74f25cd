"""What other people's packages compute. They come with the extra `oracles`: `make test-oracles`."""

import warnings

import pytest


@pytest.fixture(autouse=True)
def _quiet():
    """They warn at import that there is no GPU."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
