"""Compiled code runs the operators below autograd, where torch does not resolve conjugate views."""

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from circulant import functional
from circulant.core.tolerances import assert_close
from circulant.engine.choice import use
from circulant.engine.convolution import Boundary, as_settings, problem_for, surrounded
from circulant.engine.planner import Backend


def drawn(*shape):
    return torch.randn(shape, dtype=torch.float64)


def check_gradients(function, *operands):
    """Those of compiled code are those of eager code."""

    def loss(*values):
        return function(*values).square().sum()

    torch._dynamo.reset()
    found = []
    for run in (loss, torch.compile(loss, fullgraph=True, backend="aot_eager")):
        leaves = [operand.clone().requires_grad_() for operand in operands]
        value = run(*leaves)
        found.append((value, *torch.autograd.grad(value, leaves)))
    for expected, got in zip(*found):
        assert_close(got, expected)


@pytest.mark.parametrize("algorithm", ["direct", "fft", "overlap_save"])
def test_compiled_convolution_is_the_same_by_every_algorithm(algorithm):
    check_gradients(
        lambda x, w: functional.conv1d(x, w, groups=3, algorithm=algorithm, backend="torch"),
        drawn(2, 3, 100),
        drawn(3, 1, 7),
    )


@pytest.mark.parametrize("algorithm", ["direct", "fft", "overlap_save", "monarch"])
def test_compiled_long_convolution_is_the_same_by_every_algorithm(algorithm):
    check_gradients(
        lambda x, k: functional.long_conv(x, k, algorithm=algorithm, backend="torch"),
        drawn(2, 3, 100),
        drawn(3, 20),
    )


def test_compiled_complex_recurrence_is_the_same():
    with use(backend=Backend.TORCH):
        check_gradients(functional.linear_recurrence, 0.5 * drawn(2, 3, 9, 2), drawn(2, 3, 9, 2))


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_compiled_surroundings_are_the_same(ndim):
    sides = tuple((side, 1) for side in range(ndim))
    check_gradients(lambda x: surrounded(x, sides, Boundary.REPLICATE), drawn(2, 2, *range(2, 2 + ndim)))


def test_replicated_samples_compile_with_channels_last():
    """Torch's own gradient of them lies in memory otherwise than inductor is told."""
    x = torch.randn(2, 2, 4, 6).to(memory_format=torch.channels_last).requires_grad_()
    compiled = torch.compile(lambda x: surrounded(x * 2, ((1, 1), (2, 0)), Boundary.REPLICATE).square().sum())
    (found,) = torch.autograd.grad(compiled(x), x)
    wide = torch.nn.functional.pad(x * 2, (2, 0, 1, 1), mode="replicate")
    (expected,) = torch.autograd.grad(wide.square().sum(), x)
    assert_close(found, expected)


def steps(tensor):
    """Strides of the axes along which there is something to step over."""
    return [stride for stride, size in zip(tensor.stride(), tensor.shape) if size > 1]


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=str)
@pytest.mark.parametrize("kernel", [3, 13])
def test_gradients_lie_in_memory_as_compilers_are_told(layout, kernel):
    """Inductor asserts the strides that the fake kernel promises."""
    x, weight = torch.randn(2, 32, 40, 40), torch.randn(32, 1, kernel, kernel)
    x = x.to(memory_format=layout)
    sizes = {"stride": (1, 1), "padding": ((kernel // 2,) * 2,) * 2, "dilation": (1, 1), "groups": 32}
    settings = as_settings(problem_for(x, weight, **sizes, boundary=Boundary.ZEROS))
    arguments = (x, weight, torch.randn(2, 32, 40, 40), settings, None, None, None, None)
    torch.library.opcheck(
        torch.ops.circulant.convolution_gradients.default, arguments, test_utils="test_faketensor"
    )
    real = torch.ops.circulant.convolution_gradients(*arguments)
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        fake = torch.ops.circulant.convolution_gradients(
            *(mode.from_tensor(a) if isinstance(a, torch.Tensor) else a for a in arguments)
        )
    assert [steps(one) for one in real] == [steps(one) for one in fake]
