import pytest

from circulant.core.cost import Cost, matmul_cost, rfft_flop


def radix2_flop(n):
    """Counted on the textbook recursion: n / 2 butterflies of one complex product and two sums."""
    return 0 if n == 1 else 2 * radix2_flop(n // 2) + n // 2 * (6 + 2 + 2)


@pytest.mark.parametrize("n", [1, 2, 64, 4096])
def test_rfft_flop_is_half_of_a_counted_complex_transform(n):
    assert rfft_flop(n) == radix2_flop(n) / 2


def test_costs_add_and_scale_field_by_field():
    assert Cost(1, 2) + Cost(10, 20) == Cost(11, 22)
    assert Cost(1, 2) * 3 == Cost(3, 6)


def test_a_matrix_product_counts_two_per_multiply_add_and_moves_each_matrix_once():
    assert matmul_cost(2, 3, 5) == Cost(2 * 2 * 3 * 5, 4 * (6 + 15 + 10))
