import scipy.fft
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from circulant.core.tolerances import assert_close
from circulant.operators.spectral.dct_attention2d import DctAttention2d


def products(keep, side=16):
    """Counted work with weights, and among tokens."""
    operator = DctAttention2d(4, 2, keep)
    with FlopCounterMode(display=False) as counter:
        operator(torch.zeros(1, 4, side, side))
    counted = counter.get_flop_counts()["Global"]
    return counted[torch.ops.aten.addmm], counted[torch.ops.circulant.attention]


def test_all_frequencies_without_attention_return_the_picture():
    operator = DctAttention2d(4, keep=1.0)
    operator.attention = nn.Identity()
    x = torch.randn(2, 4, 7, 6, dtype=torch.float64)
    assert_close(operator(x), x, 1e-10)


def test_a_share_of_each_side_takes_its_fourth_power_among_tokens_and_its_square_with_weights():
    weights, among = products(1.0)
    for keep in (0.5, 0.25):
        few_weights, few_among = products(keep)
        assert few_weights == weights * keep**2
        assert few_among == among * keep**4


def test_low_frequencies_alone_are_scipys_cropped_reconstruction():
    operator = DctAttention2d(2, 1, 0.5)
    operator.attention = nn.Identity()
    x = torch.randn(2, 2, 8, 5, dtype=torch.float64)
    coefficients = scipy.fft.dctn(x.numpy(), norm="ortho", axes=(2, 3))
    coefficients[:, :, 4:] = 0
    coefficients[:, :, :, 3:] = 0
    assert_close(operator(x), torch.from_numpy(scipy.fft.idctn(coefficients, norm="ortho", axes=(2, 3))))
