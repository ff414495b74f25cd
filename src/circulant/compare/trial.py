"""One trial: build, train, look inside."""

import torch

from circulant.compare.experiment import Experiment, TrialSpec
from circulant.compare.records import CONTROL, CurvePoint, Failure, Sight, Trial
from circulant.explain.frequency_response import frequency_response
from circulant.explain.receptive_field import effective_receptive_field
from circulant.models.operator_network import OperatorNetwork
from circulant.train.loop import train
from circulant.train.one_thread import one_thread
from circulant.train.tensors import to_tensors

SIGHT_EXAMPLES = 8  # test examples whose features the operator is looked at with

# what an operator may raise: one that fails must not end the others
OPERATOR_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
)


def run_trial(experiment: Experiment, spec: TrialSpec) -> Trial:
    with one_thread():
        return _run_trial(experiment, spec)


def _run_trial(experiment: Experiment, spec: TrialSpec) -> Trial:
    data = to_tensors(experiment.dataset)
    network = experiment.network(spec)
    objective = experiment.objective
    run = train(network, data, experiment.allowance, experiment.recipe, spec.seed, objective)
    result = run.result
    curve = tuple(
        CurvePoint(point.epoch, point.seconds, point.train_loss, point.test_score)
        for point in run.evaluations
    )
    sight = None if spec.operator == CONTROL else _look(network, data.x_test[:SIGHT_EXAMPLES])
    scores = () if result.predicted else result.scores
    return Trial(
        spec.operator, spec.seed, result.predicted, curve, run.seconds, sight, scores, result.characters_right
    )


def attempt(experiment: Experiment, spec: TrialSpec) -> Trial | Failure:
    """A failing operator becomes a record."""
    try:
        return run_trial(experiment, spec)
    except OPERATOR_ERRORS as error:
        lines = f"{type(error).__name__}: {error}".strip().splitlines()
        return Failure(spec.operator, spec.seed, lines[-1])


def _look(network: OperatorNetwork, examples: torch.Tensor) -> Sight:
    """At the trained operator of the middle block, with the features it meets there."""
    network.eval()
    mixer = network.middle_operator
    met: list[torch.Tensor] = []
    handle = mixer.register_forward_pre_hook(lambda _module, inputs: met.append(inputs[0].detach()))
    with torch.no_grad():
        network(examples)
    handle.remove()
    return Sight(effective_receptive_field(mixer, met[0]), frequency_response(mixer, met[0]))
