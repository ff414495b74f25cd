"""What other people's packages compute. They come with the extra `oracles`: `make test-oracles`."""

import warnings

import pytest
import torch


@pytest.fixture(autouse=True)
def _quiet():
    """They warn at import that there is no GPU."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.fixture(autouse=True, scope="session")
def _torchvision_imports():
    """Built for GPUs it does not import beside a torch without them, for want of two operators.

    timm and transformers import it, and call neither.
    """
    try:
        import torchvision  # noqa: F401
    except ImportError:
        return
    except RuntimeError:
        for name in ("nms", "qnms"):
            torch.library.define(
                f"torchvision::{name}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
            )
