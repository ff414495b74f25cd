"""Networks frozen at one input: what their linear systems must be."""

from xml.etree import ElementTree

import pytest
import torch
from torch import nn
from torch.nn import functional

from circulant.core.errors import ArgumentError, DtypeError, ShapeError
from circulant.explain.interpreter_basis import interpreter_basis
from circulant.explain.linear_interpreter import interpreter_columns, interpreter_rows, linear_interpreter
from circulant.explain.linear_scope import LinearScope
from circulant.explain.pixel_votes import pixel_votes
from circulant.models.unet import UNet
from circulant.nn import LargeKernelConv2d


class ResNet(nn.Module):
    """Activations in place, a sum in place, a max-pool with overlap and padding."""

    def __init__(self, activation=nn.ReLU, bias=True):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(2, 4, 3, padding=1, bias=bias), random_norm(4) if bias else nn.Identity()
        )
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.branch = nn.Sequential(
            nn.Conv2d(4, 4, 3, padding=1, bias=bias),
            activation(inplace=True),
            nn.Conv2d(4, 4, 3, 1, 1, bias=bias),
        )
        self.activation = activation(inplace=True)
        self.head = nn.Linear(4, 3, bias=bias)

    def forward(self, x):
        x = self.pool(functional.relu(self.stem(x)))
        y = self.branch(x)
        y += x
        return self.head(self.activation(y).flatten(2).mean(-1))


def random_norm(channels):
    found = nn.BatchNorm2d(channels)
    for name, value in found.state_dict().items():
        if value.is_floating_point():
            getattr(found, name).data = torch.rand(channels) + 0.5
    return found


def u_net(activation, norm=random_norm):
    def layer(inputs, outputs):
        return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1), norm(outputs), activation())

    up = nn.ConvTranspose2d(6, 4, 2, 2)
    return UNet([layer(2, 4)], [nn.MaxPool2d(2)], layer(4, 6), [up], [layer(8, 4)], nn.Conv2d(4, 2, 1))


PIECEWISE = {
    "ResNet with ReLU": lambda: ResNet(),
    "ResNet with leaky ReLU": lambda: ResNet(nn.LeakyReLU),
    "U-Net with ReLU": lambda: u_net(nn.ReLU),
    "U-Net with PReLU": lambda: u_net(nn.PReLU),
}
SMOOTH = {
    "U-Net with GELU": lambda: u_net(nn.GELU),
    "U-Net with instance norm": lambda: u_net(nn.ReLU, lambda c: nn.InstanceNorm2d(c, affine=True)),
    "U-Net with group norm and sigmoid": lambda: u_net(nn.Sigmoid, lambda c: nn.GroupNorm(2, c)),
    "layer norm, SiLU and RMS norm": lambda: nn.Sequential(
        nn.Conv2d(2, 3, 3, padding=1), nn.LayerNorm(8), nn.SiLU(), nn.RMSNorm(8), nn.Conv2d(3, 2, 3)
    ),
}


def built(build):
    network = build().double().eval()
    x = torch.randn(1, 2, 8, 8, dtype=torch.float64)
    return network, x, linear_interpreter(network, x)


@pytest.mark.parametrize("name", [*PIECEWISE, *SMOOTH])
def test_w_x_plus_b_is_the_output(name):
    network, x, found = built({**PIECEWISE, **SMOOTH}[name])
    torch.testing.assert_close(found.apply(x) + found.bias, network(x), rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", PIECEWISE)
def test_rows_are_gradients_and_columns_derivatives_of_a_piecewise_linear_network(name):
    network, x, found = built(PIECEWISE[name])
    jacobian = torch.autograd.functional.jacobian(lambda z: network(z.clone()), x)
    jacobian = jacobian.reshape(found.output.numel(), x.numel())
    rows = interpreter_rows(found, torch.arange(3)).flatten(1)
    torch.testing.assert_close(rows, jacobian[:3], rtol=0, atol=1e-12)
    places = torch.tensor([0, 70, 127])
    columns = interpreter_columns(found, places).flatten(1)
    torch.testing.assert_close(columns, jacobian[:, places].T, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", SMOOTH)
def test_frozen_gates_of_a_smooth_network_are_not_its_derivative(name):
    network, x, found = built(SMOOTH[name])
    row = interpreter_rows(found, torch.tensor([0]))
    (gradient,) = torch.autograd.grad(network(x.requires_grad_()).flatten()[0], x)
    assert (row - gradient).abs().max() > 1e-3


@pytest.mark.parametrize("name", [*PIECEWISE, *SMOOTH])
def test_the_transposed_system_is_the_transpose(name):
    _, _, found = built({**PIECEWISE, **SMOOTH}[name])
    u, v = torch.randn_like(found.x), torch.randn_like(found.output)
    forwards, backwards = (found.apply(u) * v).sum(), (u * found.apply_transposed(v)).sum()
    assert abs(forwards - backwards) < 1e-12 * found.apply(u).norm() * v.norm()


@pytest.mark.parametrize("activation", [nn.ReLU, nn.LeakyReLU])
def test_a_network_without_biases_has_none(activation):
    _, _, found = built(lambda: ResNet(activation, bias=False))
    assert found.bias.abs().max() == 0
    assert found.bias_share == 0


def test_the_bias_share_is_the_part_of_the_norm_that_the_input_does_not_decide():
    network = nn.Linear(1, 1).double()
    network.weight.data.fill_(2.0)
    network.bias.data.fill_(-1.0)
    found = linear_interpreter(network, torch.full((1, 1), 1.5, dtype=torch.float64))
    assert found.bias_share == pytest.approx(1 / 4)


def keys(distance, a=-0.75):
    """The cubic kernel of torch's bicubic interpolation."""
    d = distance.abs()
    near = (a + 2) * d**3 - (a + 3) * d**2 + 1
    far = a * (d**3 - 5 * d**2 + 8 * d - 4)
    return torch.where(d <= 1, near, torch.where(d < 2, far, 0))


def test_columns_of_a_bicubic_network_are_its_impulse_response():
    network = nn.Sequential(nn.Upsample(scale_factor=2, mode="bicubic"), nn.ReLU())
    x = torch.ones(1, 1, 12, 12, dtype=torch.float64)
    column = interpreter_columns(linear_interpreter(network, x), torch.tensor([6 * 12 + 5]))[0, 0]
    places = (torch.arange(24, dtype=torch.float64) + 0.5) / 2 - 0.5
    expected = keys(places - 6)[:, None] * keys(places - 5)[None, :]
    torch.testing.assert_close(column, expected, rtol=0, atol=1e-12)


def test_the_gate_at_zero_is_closed():
    found = linear_interpreter(nn.LeakyReLU(0.1), torch.tensor([[-2.0, 0.0, 2.0]]))
    torch.testing.assert_close(
        interpreter_rows(found, torch.arange(3)), torch.diag(torch.tensor([0.1, 0, 1]))
    )


def test_singular_vectors_are_those_of_the_whole_matrix():
    _, _, found = built(PIECEWISE["ResNet with ReLU"])
    matrix = interpreter_columns(found, torch.arange(128)).T
    left, values, right = torch.linalg.svd(matrix)
    basis = interpreter_basis(found, 2)
    torch.testing.assert_close(basis.values, values[:2], rtol=1e-9, atol=0)
    overlap = (basis.inputs.flatten(1) * right[:2]).sum(1)
    torch.testing.assert_close(overlap.abs(), torch.ones(2, dtype=torch.float64))
    torch.testing.assert_close((basis.outputs * left.T[:2]).sum(1), overlap)


def test_votes_and_bias_add_up_to_the_logits():
    network, x, found = built(PIECEWISE["ResNet with ReLU"])
    votes = pixel_votes(found)
    assert votes.votes.shape == (3, 8, 8)
    torch.testing.assert_close(votes.votes.sum((1, 2)) + votes.bias, network(x)[0], rtol=0, atol=1e-10)
    assert ElementTree.fromstring(votes.plot()).tag == "{http://www.w3.org/2000/svg}svg"
    with pytest.raises(ShapeError, match="interpreter of a classifier"):
        pixel_votes(built(PIECEWISE["U-Net with ReLU"])[2])


def test_an_operator_of_the_catalogue_is_interpreted():
    network = nn.Sequential(LargeKernelConv2d(2, 7), nn.MaxPool2d(2), nn.ReLU()).double()
    x = torch.randn(1, 2, 8, 8, dtype=torch.float64)
    found = linear_interpreter(network, x)
    torch.testing.assert_close(found.apply(x) + found.bias, network.eval()(x), rtol=0, atol=1e-10)


def test_the_network_is_left_alone():
    network = ResNet().train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    found = linear_interpreter(network, torch.randn(1, 2, 8, 8))
    interpreter_rows(found, torch.arange(3))
    assert network.training
    assert all(parameter.requires_grad for parameter in network.parameters())
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    network.head.weight.data.zero_()  # what is trained later does not move what was found
    assert found.apply(found.x).abs().max() > 0


def test_inside_a_scope_a_network_runs_as_ever():
    network, x = ResNet().eval(), torch.randn(3, 2, 8, 8)
    expected = network(x)
    with LinearScope() as scope:
        assert torch.equal(network(x), expected)
    assert len(scope.steps) == 4


class Squared(nn.Module):
    def forward(self, x):
        return x * x


class Fickle(nn.Module):
    """Looks at its input before it decides what to run."""

    def forward(self, x):
        return x.relu() if x.max() > 0 else x.relu().relu()


@pytest.mark.parametrize("network", [Squared(), nn.Softmax(1), nn.Sequential(nn.ReLU(), Squared())])
def test_a_nonlinearity_that_is_not_known_is_refused(network):
    with pytest.raises(ArgumentError, match="affine once its activations"):
        linear_interpreter(network, torch.rand(1, 5))


def test_a_network_that_branches_on_its_input_is_refused():
    with pytest.raises(ArgumentError, match="branches that depend on the input"):
        linear_interpreter(Fickle(), torch.rand(1, 5))


@pytest.mark.parametrize(
    ("x", "error", "words"),
    [
        (torch.ones(1, 2, dtype=torch.int64), DtypeError, "floating-point"),
        (torch.ones(2, 2), ShapeError, "one example"),
    ],
)
def test_inputs_of_another_kind_are_refused(x, error, words):
    with pytest.raises(error, match=words):
        linear_interpreter(nn.Identity(), x)


def test_places_and_vectors_that_do_not_fit_are_refused():
    found = linear_interpreter(nn.Linear(3, 2), torch.ones(1, 3))
    with pytest.raises(ArgumentError, match="places from 0 to 1"):
        interpreter_rows(found, torch.tensor([2]))
    with pytest.raises(ShapeError, match="integers"):
        interpreter_columns(found, torch.tensor([0.0]))
    with pytest.raises(ShapeError, match=r"expected \(N, 3\)"):
        found.apply(torch.ones(1, 4))
    with pytest.raises(DtypeError, match="float32"):
        found.apply(torch.ones(1, 3, dtype=torch.float64))
    with pytest.raises(ArgumentError, match="count from 1 to 1"):
        interpreter_basis(found, 2)
