"""Learnable sensor layouts: their geometry, what they conserve, and what they learn from digits."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.autograd import gradcheck

from circulant.core.tolerances import assert_close
from circulant.data.mnist import mnist_5k
from circulant.operators.dynamic.learnable_sensor_layout2d import LayoutForm, LearnableSensorLayout2d
from circulant.operators.dynamic.sensor_cells import elliptic_places
from circulant.train.fit import fit
from circulant.train.predict import predict

STRENGTHS = [(-0.6, 0.5), (-0.2, -0.4), (0.0, 0.3), (0.59, 0.1)]


def sensor(size=(4, 3), strengths=(0.0, 0.0), **settings) -> LearnableSensorLayout2d:
    module = LearnableSensorLayout2d(size, dtype=torch.float64, **settings)
    with torch.no_grad():
        module.layout.copy_(torch.atanh(torch.tensor(strengths, dtype=torch.float64) / 0.6).clamp(-20, 20))
    return module


def bent(u: torch.Tensor, s: float) -> torch.Tensor:
    return u * (s - 1) / (2 * s * u.abs() - s - 1)


def picture(height: int = 12, width: int = 9) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, 3, height, width, dtype=torch.float64, generator=generator)


@pytest.mark.parametrize("size", [(4, 3), (12, 9), (6, 1), (5, 7)])
def test_a_uniform_layout_is_average_pooling_by_area(size):
    x = picture()
    fine = x.repeat_interleave(size[0], 2).repeat_interleave(size[1], 3)  # every cell holds whole pixels
    assert_close(sensor(size)(x), F.avg_pool2d(fine, (12, 9)), 1e-10)


def test_by_sampling_it_is_that_up_to_the_error_of_sampling():
    """Of slow waves, for which it hardly matters that sampling reads between pixels."""
    angle = torch.pi * torch.arange(40, dtype=torch.float64) / 20
    x = (angle.cos()[:, None] + (2 * angle).sin())[None, None]
    expected = F.avg_pool2d(x, 8)
    fixed = sensor((5, 5), form=LayoutForm.CURVILINEAR, samples=4).eval()
    assert (fixed(x) - expected).abs().max() < 0.02
    drawn = sensor((5, 5), form=LayoutForm.CURVILINEAR, samples=4).train()
    torch.manual_seed(0)
    draws = torch.stack([drawn(x) for _ in range(100)])
    assert 0.001 < draws.std(0).max() < 0.2
    assert (draws.mean(0) - expected).abs().max() < 0.04


@pytest.mark.parametrize("s", [-0.6, -0.1, 0.0, 0.4, 0.6])
def test_the_opposite_strength_undoes_a_bend_that_keeps_the_ends(s):
    u = torch.linspace(-1, 1, 101, dtype=torch.float64)
    assert_close(bent(bent(u, s), -s), u, 1e-12)
    edges = sensor((100, 100), (s, s)).edges()[0]
    assert_close(edges, bent(u, s), 1e-12)
    assert edges[0] == -1 and edges[-1] == 1
    assert_close(edges, -edges.flip(0), 1e-12)


@pytest.mark.parametrize("strengths", STRENGTHS)
def test_cells_never_fold(strengths):
    for edges in sensor((31, 17), strengths).edges():
        assert edges.diff().min() > 0
    u, v = torch.meshgrid(*[torch.linspace(-1, 1, 41, dtype=torch.float64)] * 2, indexing="ij")
    r = (u**2 + v**2).sqrt()
    curved, ones = sensor(20, strengths, form=LayoutForm.CURVILINEAR), torch.ones(1, 1, 8, 8).double()
    assert_close(curved(ones), torch.ones(1, 1, 20, 20).double())
    s, t = strengths
    down = torch.where(r < 1, u * (s - 1) / (2 * s * r - s - 1), u)
    right = torch.where(r < 1, v * (t - 1) / (2 * t * r - t - 1), v)
    turn = (
        down.diff(dim=0)[:, :-1] * right.diff(dim=1)[:-1] - down.diff(dim=1)[:-1] * right.diff(dim=0)[:, :-1]
    )
    assert turn.min() > 0


@pytest.mark.parametrize("strengths", STRENGTHS)
def test_elliptic_cells_never_fold_and_fill_the_whole_square(strengths):
    line = torch.linspace(-1, 1, 161, dtype=torch.float64)
    middle = (line[1:] + line[:-1]) / 2
    u, v = torch.meshgrid(middle, middle, indexing="ij")
    strong = torch.tensor(strengths, dtype=torch.float64)
    down, right, area = elliptic_places(u, v, strong)
    assert area.min() > 0
    assert_close(area.mean(), torch.ones((), dtype=torch.float64), 1e-3)
    grid = torch.stack(elliptic_places(*torch.meshgrid(line, line, indexing="ij"), strong)[:2])
    assert_close(grid[0, 0], -torch.ones(161, dtype=torch.float64), 1e-6)  # the border stays on the border
    assert_close(grid[1, :, -1], torch.ones(161, dtype=torch.float64), 1e-6)
    one, other = grid[:, 1:, 1:] - grid[:, :-1, :-1], grid[:, 1:, :-1] - grid[:, :-1, 1:]
    cells = (one[0] * other[1] - one[1] * other[0]).abs() / 2 * 80**2  # half the product of diagonals
    assert_close(cells[20:-20, 20:-20], area[20:-20, 20:-20], 0.02)
    assert (down.abs() < 1).all() and (right.abs() < 1).all()


def test_without_strength_an_elliptic_layout_is_uniform_and_the_opposite_strength_undoes_equal_ones():
    line = torch.linspace(-0.95, 0.95, 21, dtype=torch.float64)
    u, v = torch.meshgrid(line, line, indexing="ij")
    down, right, area = elliptic_places(u, v, torch.zeros(2, dtype=torch.float64))
    for got, expected in ((down, u), (right, v), (area, torch.ones_like(u))):
        assert_close(got, expected, 1e-10)
    strengths = torch.tensor([0.4, 0.4], dtype=torch.float64)
    down, right, area = elliptic_places(u, v, strengths)
    back, again, undone = elliptic_places(down, right, -strengths)
    for got, expected in ((back, u), (again, v), (area * undone, torch.ones_like(u))):
        assert_close(got, expected, 1e-9)


@pytest.mark.parametrize("strengths", STRENGTHS)
def test_areas_sum_to_the_pictures_and_values_times_areas_to_its_energy(strengths):
    module, x = sensor((5, 7), strengths), picture()
    down, right = (edges.diff() / 2 for edges in module.edges())
    areas = down[:, None] * right
    assert_close(areas.sum(), torch.ones((), dtype=torch.float64), 1e-12)
    assert_close((module(x) * areas).sum((2, 3)), x.mean((2, 3)), 1e-10)


def test_the_slope_at_the_centre_falls_as_the_strength_rises():
    slopes = sensor(strengths=(0.5, -0.5)).centre_slope()
    assert_close(slopes, torch.tensor([1 / 3, 3.0], dtype=torch.float64), 1e-6)


@pytest.mark.parametrize("form", LayoutForm)
def test_the_layout_passes_gradcheck(form):
    module, x = sensor((4, 3), form=form, samples=2).eval(), picture(5, 7).requires_grad_()
    layout = torch.tensor([0.37, -0.61], dtype=torch.float64, requires_grad=True)
    assert gradcheck(
        lambda x, layout: torch.func.functional_call(module, {"layout": layout}, (x,)), (x, layout)
    )


def test_the_layouts_gradient_is_what_moves_across_the_edges_of_cells():
    """Three pixels under four cells: the second has a quarter of pixel 0 and a half of pixel 1."""
    module, x = sensor((1, 4)), torch.tensor([1.0, 2.0, 5.0], dtype=torch.float64)
    second = module(x[None, None, None])[0, 0, 0, 1]
    assert second.item() == pytest.approx(5 / 3)
    (slope,) = torch.autograd.grad(second, module.layout)
    edge = 1.5 * 0.5 * 0.6  # per unit of the layout: half the row, slope of the bend at -0.5, and of 0.6 tanh
    carried = (second.item() - 1.0) / 0.75  # per pixel that the edge moves to the right, into pixel 0
    assert_close(slope, torch.tensor([0.0, carried * edge], dtype=torch.float64))


def canvas(digits: torch.Tensor) -> torch.Tensor:
    """Digits in the middle of a field three times as wide."""
    return F.pad(digits, (28, 28, 28, 28))


def in_a_corner(digits: torch.Tensor) -> torch.Tensor:
    """Each, at half its size, in one corner of a field four times as wide, drawn by chance."""
    small, corners = F.avg_pool2d(digits, 2), [(0, 42), (42, 0)]
    drawn = torch.randint(4, (len(digits),), generator=torch.Generator().manual_seed(len(digits)))
    places = torch.stack([F.pad(small, (*columns, *rows)) for rows in corners for columns in corners])
    return places[drawn, torch.arange(len(digits))]


def trained(x, y, seen, known, *, learns: bool, steps: int = 400) -> tuple[float, torch.Tensor]:
    """Accuracy and slopes at the centre, of a sensor with a small network behind it."""
    torch.manual_seed(0)
    layout = LearnableSensorLayout2d(14)
    layout.layout.requires_grad_(learns)
    reader = nn.Sequential(
        layout, nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(784, 10)
    )
    fit(reader, x, y.long(), steps=steps)
    accuracy = (predict(reader, seen) == known).float().mean().item()
    return accuracy, layout.centre_slope().detach()


@pytest.mark.slow
def test_pixels_crowd_in_the_middle_where_small_digits_are_and_read_them_better():
    data = mnist_5k(0)
    x, y, seen, known = map(torch.from_numpy, (data.train.x, data.train.y, data.test.x, data.test.y))
    x, seen = canvas(x), canvas(seen)
    fixed, _ = trained(x, y, seen, known, learns=False)
    learned, slopes = trained(x, y, seen, known, learns=True)
    assert (slopes < 0.9).all()
    assert learned > fixed + 0.01


@pytest.mark.slow
def test_pixels_crowd_at_the_border_where_small_digits_are():
    """Whether they are read better, too, is not told here."""
    data = mnist_5k(0)
    x, y, seen, known = map(torch.from_numpy, (data.train.x, data.train.y, data.test.x, data.test.y))
    x, seen = in_a_corner(x[:2000]), in_a_corner(seen[:1000])
    _, slopes = trained(x, y[:2000], seen, known[:1000], learns=True, steps=150)
    assert (slopes > 1.1).all()
