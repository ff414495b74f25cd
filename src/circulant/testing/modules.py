"""Module manners: copies, state dicts, factory arguments, a readable repr."""

import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from inspect import Parameter, signature
from io import BytesIO
from typing import Any
from unittest.mock import patch

import torch

from circulant.core.card import Card, Case
from circulant.core.operator import Operator
from circulant.core.tolerances import assert_close
from circulant.testing.specimen import build, specimen


def check_copies(card: Card, case: Case) -> None:
    """deepcopy and pickle give modules that agree with the original and share nothing with it."""
    subject = specimen(case)
    expected = subject.module(subject.x).detach()
    copiers: dict[str, Callable[[Operator], Operator]] = {"deepcopy": deepcopy, "pickle": _pickled}
    for name, copy in copiers.items():
        twin = copy(subject.module)
        assert_close(twin(subject.x), expected, what=f"output of a {name}")
        with torch.no_grad():
            for value in twin.state_dict().values():
                value.zero_()
        assert_close(subject.module(subject.x), expected, what=f"output after changing a {name}")


def _pickled(module: Operator) -> Operator:
    try:
        copy: Operator = pickle.loads(pickle.dumps(module))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise AssertionError(f"cannot be pickled: {error}") from error
    return copy


def check_state_dict(card: Card, case: Case) -> None:
    """Holds real tensors only, survives a safe load, and carries everything that was learnt."""
    subject = specimen(case)
    state = subject.module.state_dict()
    for name, value in build(case).state_dict().items():
        if not isinstance(value, torch.Tensor) or value.is_complex():
            raise AssertionError(f"expected a real tensor {name} in the state dict; store complex as pairs")
    file = BytesIO()
    torch.save(state, file)
    file.seek(0)
    fresh = build(case, seed=1).eval()
    fresh.load_state_dict(torch.load(file, weights_only=True))
    expected = subject.module(subject.x)
    assert_close(fresh(subject.x), expected, what="output after loading the state dict")


def check_factory_arguments(card: Card, case: Case) -> None:
    """The constructor takes device and dtype by keyword, and everything floating is made with them."""
    operator = type(case.make())
    known = signature(operator).parameters
    missing = [name for name in ("device", "dtype") if name not in known]
    if missing:
        raise AssertionError(f"expected {operator.__name__}(..., device=None, dtype=None), got no {missing}")
    with _constructed_with(operator, device=torch.device("meta"), dtype=torch.float64):
        module = case.make()
    for name, value in module.state_dict().items():
        if not value.is_meta or (value.is_floating_point() and value.dtype != torch.float64):
            raise AssertionError(f"{name} ignores device or dtype: {value.dtype} on {value.device}")


@contextmanager
def _constructed_with(operator: type[Operator], **extra: Any) -> Iterator[None]:
    """Inside, the operator's constructor gets extra arguments where the caller gives none."""
    plain: Callable[..., None] = operator.__init__

    def construct(self: Operator, *args: Any, **kwargs: Any) -> None:
        plain(self, *args, **{**extra, **kwargs})

    with patch.object(operator, "__init__", construct):
        yield


def check_repr(card: Card, case: Case) -> None:
    """Names the class and, if the constructor needs arguments, says some of the configuration."""
    module = case.make()
    text = repr(module)
    if type(module).__name__ not in text:
        raise AssertionError(f"repr {text!r} does not name {type(module).__name__}")
    parameters = signature(type(module)).parameters.values()
    configured = any(parameter.default is Parameter.empty for parameter in parameters)
    if configured and not module.extra_repr() and not list(module.children()):
        raise AssertionError(f"repr {text!r} says nothing of the configuration; define extra_repr")
