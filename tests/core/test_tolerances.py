import pytest
import torch

from circulant.core.tolerances import RELATIVE, assert_close, relative_error


def test_the_error_is_relative_to_the_largest_reference_value():
    assert relative_error(torch.tensor([1.0, 4.5]), torch.tensor([1.0, 4.0])) == pytest.approx(0.125)


def test_nothing_to_compare_is_no_error():
    assert relative_error(torch.empty(0), torch.empty(0)) == 0


@pytest.mark.parametrize("dtype", RELATIVE)
def test_each_dtype_passes_within_its_tolerance_and_fails_beyond(dtype):
    expected = torch.ones(3, dtype=torch.float64)
    off = torch.tensor([1.0, 1.0, 1.0 + 4 * RELATIVE[dtype]], dtype=torch.float64).to(dtype)
    assert_close(torch.ones(3, dtype=dtype), expected)
    with pytest.raises(AssertionError, match="exceeds"):
        assert_close(off, expected)


def test_a_nan_is_never_close():
    with pytest.raises(AssertionError, match="nan"):
        assert_close(torch.tensor([float("nan")]), torch.tensor([1.0]))


def test_shapes_must_agree():
    with pytest.raises(AssertionError, match="shape"):
        assert_close(torch.ones(2, 1), torch.ones(2))
