"""Kernels of wide networks against quadrature and against finite networks."""

from math import acos, pi, sqrt

import pytest
import torch
from scipy.integrate import quad
from scipy.stats import norm
from torch.nn.functional import relu

from circulant.core.errors import ArgumentError, ShapeError
from circulant.explain.hierarchical_cnn_kernel import arc_cosine_0, arc_cosine_1, hierarchical_cnn_kernel

SIZES, WIDTH = (2, 2), 400  # inputs of 8 samples: two patches of two remain for the readout


@pytest.mark.parametrize("cosine", [-1.0, -0.9, -0.3, 0.0, 0.4, 0.99, 1.0])
def test_arc_cosine_kernels_are_integrals_over_correlated_gaussians(cosine):
    angle, spread = torch.tensor(acos(cosine), dtype=torch.float64), sqrt(1 - cosine**2)

    def ramp(u):
        mean = cosine * u
        if spread == 0:
            return max(mean, 0)
        return mean * norm.cdf(mean / spread) + spread * norm.pdf(mean / spread)

    def step(u):
        return norm.cdf(cosine * u / spread) if spread else float(cosine > 0)

    product, _ = quad(lambda u: 2 * u * norm.pdf(u) * ramp(u), 0, 12, epsabs=1e-11)
    both, _ = quad(lambda u: 2 * norm.pdf(u) * step(u), 0, 12, epsabs=1e-11)
    assert float(arc_cosine_1(angle)) == pytest.approx(product, abs=1e-8)
    assert float(arc_cosine_0(angle)) == pytest.approx(both, abs=1e-8)


def test_the_recursion_is_that_of_its_equations():
    x, y = torch.randn(8, dtype=torch.float64), torch.randn(8, dtype=torch.float64)

    def cosine(i):
        a, b = x[2 * i : 2 * i + 2], y[2 * i : 2 * i + 2]
        return float(a @ b / (a.norm() * b.norm()))

    def layer(pairs):
        angles = [acos(t) for t, _ in pairs]
        r = sum((sqrt(1 - t * t) + (pi - a) * t) / pi for a, (t, _) in zip(angles, pairs)) / len(pairs)
        return r, sum((pi - a) / pi * k for a, (_, k) in zip(angles, pairs)) / len(pairs) + r

    first = [(cosine(i), cosine(i)) for i in range(4)]
    r, k = layer([layer(first[:2]), layer(first[2:])])
    found = hierarchical_cnn_kernel(x[None, None], y[None, None], SIZES)
    assert found.nngp.item() == pytest.approx(r, abs=1e-12)
    assert found.ntk.item() == pytest.approx(k, abs=1e-12)


def test_pictures_are_cut_into_squares_of_squares():
    x, y = torch.randn(3, 2, 8, 4, dtype=torch.float64), torch.randn(5, 2, 8, 4, dtype=torch.float64)
    blocks = [
        torch.stack([z[:, :, 4 * i + 2 * a : 4 * i + 2 * a + 2, 2 * b : 2 * b + 2].flatten(1)
                     for i in range(2) for a in range(2) for b in range(2)], 1)
        for z in (x, y)
    ]  # fmt: skip
    line = [z.flatten(1)[:, None] for z in blocks]  # patches of 8 numbers, four siblings after each other
    expected = hierarchical_cnn_kernel(line[0], line[1], (8, 4))
    found = hierarchical_cnn_kernel(x, y, SIZES)
    assert found.nngp.shape == (3, 5)
    assert torch.allclose(found.nngp, expected.nngp, atol=1e-12)
    assert torch.allclose(found.ntk, expected.ntk, atol=1e-12)


@pytest.mark.parametrize("sizes", [(2,), (2, 2), (2, 2, 2), (4, 2)])
def test_gram_matrices_are_positive_semidefinite(sizes):
    x = torch.randn(60, 1, 8)
    kernel = hierarchical_cnn_kernel(x, x, sizes)
    for gram in (kernel.nngp, kernel.ntk):
        assert torch.allclose(gram, gram.T, atol=1e-12)
        assert torch.linalg.eigvalsh(gram).min() > -1e-10
    assert torch.allclose(kernel.nngp.diag(), torch.ones(60, dtype=torch.float64), atol=1e-7)
    assert torch.allclose(kernel.ntk.diag(), torch.full((60,), len(sizes) + 1.0).double(), atol=1e-6)


def two_inputs():
    x = torch.randn(2, 4, 2, generator=torch.Generator().manual_seed(3))
    return x / x.norm(dim=2, keepdim=True)


def outputs(x, shared, weights):
    """Hidden units (2, remaining patches, width) of a network whose patches are x (2, patches, 2)."""
    first, second = weights
    taps = first.expand(4, WIDTH, 2) if shared else first
    hidden = sqrt(2) * relu(torch.einsum("npi,pci->npc", x, taps)).reshape(2, 2, 2 * WIDTH)
    maps = second.expand(2, WIDTH, 2 * WIDTH) if shared else second
    return sqrt(2) * relu(torch.einsum("nqi,qci->nqc", hidden, maps) / sqrt(2 * WIDTH))


def drawn_weights(shared):
    places = (1, 1) if shared else (4, 2)
    return torch.randn(places[0], WIDTH, 2), torch.randn(places[1], WIDTH, 2 * WIDTH)


@pytest.mark.slow
@pytest.mark.parametrize("shared", [True, False])
def test_the_nngp_is_the_mean_over_a_thousand_finite_networks(shared):
    x, total = two_inputs(), 0.0
    for _ in range(1000):
        a, b = outputs(x, shared, drawn_weights(shared))
        total += float((a * b).mean())
    line = x.reshape(2, 1, 8)
    expected = hierarchical_cnn_kernel(line[:1], line[1:], SIZES).nngp.item()
    assert total / 1000 == pytest.approx(expected, rel=0.02)


@pytest.mark.slow
def test_the_ntk_is_the_mean_product_of_gradients_of_finite_networks():
    x, total, networks = two_inputs(), 0.0, 600
    for _ in range(networks):
        weights = [weight.requires_grad_() for weight in drawn_weights(shared=True)]
        readout = torch.randn(2, WIDTH, requires_grad=True)
        y = (outputs(x, True, weights) * readout).sum((1, 2)) / sqrt(2 * WIDTH)
        one, other = (torch.autograd.grad(value, [*weights, readout], retain_graph=True) for value in y)
        total += sum(float((a * b).sum()) for a, b in zip(one, other))
    line = x.reshape(2, 1, 8)
    expected = hierarchical_cnn_kernel(line[:1], line[1:], SIZES).ntk.item()
    assert total / networks == pytest.approx(expected, rel=0.02)


def test_bad_arguments_are_refused():
    x = torch.randn(2, 1, 8)
    with pytest.raises(ShapeError, match="same channels and sizes"):
        hierarchical_cnn_kernel(x, torch.randn(2, 1, 4), (2,))
    with pytest.raises(ArgumentError, match="product divides"):
        hierarchical_cnn_kernel(x, x, (3, 2))
    with pytest.raises(ArgumentError, match="add a constant"):
        hierarchical_cnn_kernel(x, torch.zeros(1, 1, 8), (2,))
    with pytest.raises(ShapeError, match="real inputs"):
        hierarchical_cnn_kernel(x[0], x[0], (2,))
