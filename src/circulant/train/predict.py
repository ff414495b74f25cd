"""Classes for examples."""

import torch
from torch import Tensor, nn

CHUNK = 250  # examples at once; bounds the memory, not the result


def predict(network: nn.Module, x: Tensor) -> Tensor:
    """Class of each example, in eval mode; the network's mode is put back."""
    was_training = network.training
    network.eval()
    with torch.no_grad():
        classes = torch.cat([network(chunk).argmax(1) for chunk in x.split(CHUNK)])
    network.train(was_training)
    return classes
