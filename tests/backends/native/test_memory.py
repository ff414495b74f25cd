"""Large results lie in memory that is used again."""

import pickle
import threading

import pytest
import torch

from circulant.backends.native import memory
from circulant.core.sizes import product
from circulant.functional import long_conv

LARGE = (3, 1 << 16)
DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16]


@pytest.fixture(autouse=True)
def _nothing_kept():
    memory.release_memory()
    yield
    memory.release_memory()


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(1 << 18,), (5, 7, 9001), (2, 3, 64, 1025), (1, 1 << 18, 1)], ids=str)
def test_a_tensor_has_the_shape_and_dtype_asked_for(shape, dtype):
    x = memory.empty(shape, dtype)
    assert (tuple(x.shape), x.dtype, x.is_contiguous()) == (shape, dtype, True)
    x.fill_(3)
    assert x.sum(dtype=torch.float64) == 3 * product(shape)


def test_memory_of_a_dead_tensor_serves_the_next_of_like_size():
    first = memory.empty(LARGE, torch.float32)
    place = first.data_ptr()
    view = first[1]
    del first
    assert memory.kept_byte() == 0  # the view lives
    del view
    assert memory.kept_byte() >= 4 * product(LARGE)
    assert memory.empty((1, product(LARGE) - 5), torch.float32).data_ptr() == place


def test_living_tensors_share_no_memory():
    tensors = [memory.empty(LARGE, torch.float32).fill_(i) for i in range(8)]
    assert all(bool((tensor == i).all()) for i, tensor in enumerate(tensors))


def test_no_more_is_kept_than_the_limit():
    tensors = [memory.empty((1 << 26,), torch.float32) for _ in range(6)]  # 1.5 GiB, never touched
    tensors.clear()
    assert 0 < memory.kept_byte() <= 1 << 30


def test_small_results_are_torchs_own():
    memory.empty((10,), torch.float32)
    assert memory.kept_byte() == 0


def test_a_result_behaves_as_any_tensor():
    y = long_conv(torch.randn(2, 4, 1 << 16), torch.randn(4, 9))
    assert torch.equal(pickle.loads(pickle.dumps(y)), y)
    assert torch.equal(torch.from_numpy(y.numpy()), y)
    before = y.clone()
    y.add_(1)
    assert torch.equal(y, before + 1)


def test_a_capsule_that_nobody_claims_gives_its_memory_back():
    module = memory.core.load()
    capsule = module.new_result((1 << 20,), module.Scalar.float32)
    assert memory.kept_byte() == 0
    del capsule
    assert memory.kept_byte() == 4 << 20


def test_threads_that_make_and_drop_results_at_once_never_share_one():
    wrong = []

    def work(mark: int) -> None:
        for _ in range(50):
            x = memory.empty(LARGE, torch.float32).fill_(mark)
            if not bool((x == mark).all()):
                wrong.append(mark)

    threads = [threading.Thread(target=work, args=(mark,)) for mark in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
