"""First and second derivatives against finite differences, in float64."""

from collections.abc import Callable

from torch import Tensor
from torch.autograd.gradcheck import GradcheckError, gradcheck, gradgradcheck
from torch.func import functional_call

from circulant.core.card import Card, Case
from circulant.testing.specimen import Specimen, parameters_of, specimen

FULL_JACOBIAN = 60  # inputs and parameters up to which each entry is checked; above, random projections


def check_first_derivative(card: Card, case: Case) -> None:
    subject = specimen(case)
    leaves = _leaves(subject)
    fast = sum(leaf.numel() for leaf in leaves) > FULL_JACOBIAN
    try:
        gradcheck(_function(subject), leaves, fast_mode=fast)
    except GradcheckError as error:
        raise AssertionError(f"first derivative differs from finite differences: {error}") from error


def check_second_derivative(card: Card, case: Case) -> None:
    subject = specimen(case)
    try:
        gradgradcheck(_function(subject), _leaves(subject), fast_mode=True)
    except GradcheckError as error:
        raise AssertionError(f"second derivative differs from finite differences: {error}") from error
    except RuntimeError as error:
        raise AssertionError(f"no second derivative, needed for gradient penalties: {error}") from error


def _leaves(subject: Specimen) -> tuple[Tensor, ...]:
    values = (subject.x, *parameters_of(subject.module).values())
    return tuple(value.detach().clone().requires_grad_() for value in values)


def _function(subject: Specimen) -> Callable[..., Tensor]:
    names = list(parameters_of(subject.module))

    def function(x: Tensor, *values: Tensor) -> Tensor:
        y: Tensor = functional_call(subject.module, dict(zip(names, values)), (x,))
        return y

    return function
