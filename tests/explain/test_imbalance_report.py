"""Rare classes count as much as frequent ones."""

import pytest
import torch

from circulant.core.errors import ArgumentError, ShapeError
from circulant.explain.imbalance_report import imbalance_report


def test_a_rare_class_that_is_never_found_halves_the_balanced_accuracy():
    classes = torch.tensor([0] * 9 + [1])
    report = imbalance_report(torch.tensor([[1.0, 0.0]] * 10), classes)
    assert report.accuracy == 0.9
    assert report.balanced_accuracy == 0.5
    assert report.imbalance == 9
    assert (report.classes[1].examples, report.classes[1].recall, report.classes[1].precision) == (1, 0, 0)
    assert report.macro_f1 == pytest.approx((2 * 0.9 / 1.9) / 2)
    assert str(report).startswith("balanced accuracy 0.500, accuracy 0.900, macro F1 0.474, 9:1\n  0: 9 ")


def test_what_is_no_set_of_examples_is_refused():
    with pytest.raises(
        ShapeError, match=r"logits \(B, classes\) and classes \(B,\), got \(3, 2\) and \(2,\)"
    ):
        imbalance_report(torch.ones(3, 2), torch.tensor([0, 1]))
    with pytest.raises(ArgumentError, match="an example or more, got none"):
        imbalance_report(torch.ones(0, 2), torch.ones(0).long())
