"""Exact passes on networks drawn at random."""

from copy import deepcopy

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.optimise.merging import Merging
from tests.optimise.settled import settled
from torch import nn

from circulant.models.collapsible_linear_block import CollapsibleLinearBlock2d
from circulant.optimise.example import Example, hostile
from circulant.optimise.observe import difference, observe
from circulant.optimise.passes import PASSES
from circulant.optimise.rewrite_pass import Changed
from circulant.optimise.verify_rewrite import TOLERANCES

BY_NAME = {each.name: each for each in PASSES}
EXACT = [each for each in PASSES if each.is_exact]
WIDTH = 4
ATOMS = {
    "conv": lambda: nn.Conv2d(WIDTH, WIDTH, 3, padding=1),
    "grouped": lambda: nn.Conv2d(WIDTH, WIDTH, 3, padding=1, groups=2, bias=False),
    "pointwise": lambda: nn.Conv2d(WIDTH, WIDTH, 1),
    "norm": lambda: nn.BatchNorm2d(WIDTH),
    "relu": lambda: nn.ReLU(inplace=True),
    "silu": nn.SiLU,
    "identity": nn.Identity,
    "dropout": lambda: nn.Dropout(0.3),
    "pool": lambda: nn.AvgPool2d(3, 1, 1),
    "max": lambda: nn.MaxPool2d(3, 1, 1),
    "merge": Merging,
    "collapse": lambda: CollapsibleLinearBlock2d(WIDTH, WIDTH, 3),
    "first": lambda: nn.Sequential(),
}
STEPS = st.one_of(
    st.tuples(st.sampled_from(sorted(ATOMS)), st.integers(0, 9)),
    st.tuples(st.sampled_from(["sum", "join", "dead"]), st.integers(0, 9)),
)


class Drawn(nn.Module):
    """Each step reads an earlier value, chosen by a number; sums and joins also the last."""

    def __init__(self, steps):
        super().__init__()
        self.steps = steps
        makers = {
            **ATOMS,
            "sum": nn.Identity,
            "join": lambda: nn.Conv2d(2 * WIDTH, WIDTH, 1),
            "dead": nn.Identity,
        }
        self.layers = nn.ModuleList(makers[kind]() for kind, _ in steps)
        self.head = nn.Linear(WIDTH, 3)

    def forward(self, x):
        values = [x]
        for (kind, back), layer in zip(self.steps, self.layers):
            chosen = values[-1 - back % len(values)]
            if kind == "sum":
                y = layer(chosen) + values[-1]
            elif kind == "join":
                y = layer(torch.cat([chosen, values[-1]], 1))
            elif kind == "dead":
                layer(chosen * 2)
                continue
            else:
                y = layer(chosen)
            values.append(y)
        return self.head(values[-1].mean((2, 3)))


@settings(max_examples=50)
@given(st.lists(STEPS, min_size=1, max_size=8), st.integers(0, 2**16))
def test_exact_passes_one_after_another_keep_networks_drawn_at_random(steps, seed):
    torch.manual_seed(seed)
    model = settled(Drawn(steps))
    x = torch.randn(2, WIDTH, 6, 5)
    for dtype, allowed in TOLERANCES.items():
        before = deepcopy(model).to(dtype)
        after, example = before, Example((x.to(dtype),))
        for each in EXACT:
            found = each.applied(after, example)
            after = found.model if isinstance(found, Changed) else after
        for case in hostile(example):
            found = difference(observe(before, case.example), observe(after, case.example))
            assert not found.fault
            assert found.error <= allowed, case.name


def test_a_fold_that_forgets_the_mean_would_be_found_out():
    """The broken twin of the test above."""
    model = settled(Drawn([("conv", 0), ("norm", 0)]))
    forgetful = deepcopy(model)
    forgetful.layers[1].running_mean.zero_()
    example = Example((torch.randn(2, WIDTH, 6, 5),))
    found = BY_NAME["fold-batch-norms"].applied(forgetful, example)
    error = difference(observe(model, example), observe(found.model, example)).error
    assert error > TOLERANCES[torch.float32]
