"""The lab's model computes what a plain one does, faster."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from plain_hfl import PlainCnn
from torch import Tensor
from torch.utils.data import Subset

from lab_2_hfl.dataset import train_dataset
from lab_2_hfl.loading import BatchLoader
from lab_2_hfl.model import MnistCnn, compute_accuracy, train_epoch


def make_pair() -> tuple[MnistCnn, PlainCnn]:
    """Both models, made from the same seed."""
    torch.manual_seed(3)
    model = MnistCnn()
    torch.manual_seed(3)
    return model, PlainCnn()


def compute_gradients(model: torch.nn.Module, examples: int) -> list[Tensor]:
    torch.manual_seed(9)  # of dropout
    loss = F.nll_loss(model(train_dataset.images[:examples]), train_dataset.targets[:examples])
    return list(torch.autograd.grad(loss, list(model.parameters())))


def test_both_start_from_the_same_weights() -> None:
    model, plain = make_pair()

    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), plain.parameters(), strict=True))


def test_it_has_the_course_s_size() -> None:
    assert sum(parameter.numel() for parameter in MnistCnn().parameters()) == 1_199_882


@pytest.mark.parametrize("examples", [1, 100, 101, 250])
@pytest.mark.parametrize("training", [True, False], ids=["training", "testing"])
def test_outputs_are_those_of_the_plain_model(examples: int, training: bool) -> None:
    outputs = []
    for model in make_pair():
        model.train(training)
        torch.manual_seed(9)
        with torch.no_grad():
            outputs.append(model(train_dataset.images[:examples]))

    assert outputs[0].shape == (examples, 10)
    assert float((outputs[0] - outputs[1]).abs().max()) <= 1e-6 * float(outputs[1].abs().max())


@pytest.mark.parametrize("examples", [30, 230])
def test_gradients_are_those_of_the_plain_model(examples: int) -> None:
    gradients, expected = (compute_gradients(model, examples) for model in make_pair())

    assert max(float((a - b).abs().max()) for a, b in zip(gradients, expected, strict=True)) <= 1e-6


def test_outputs_are_logarithms_of_probabilities() -> None:
    with torch.no_grad():
        outputs = MnistCnn().eval()(train_dataset.images[:5])

    torch.testing.assert_close(outputs.exp().sum(dim=1), torch.ones(5))


def test_an_epoch_takes_a_step_a_batch() -> None:
    model = MnistCnn()
    steps = []

    class NotingSgd(torch.optim.SGD):
        def step(self, closure: None = None) -> None:  # type: ignore[override]
            steps.append(closure)

    train_epoch(
        model, BatchLoader(Subset(train_dataset, range(25)), 10), NotingSgd(model.parameters(), lr=0.1)
    )

    assert len(steps) == 3
    assert model.training


def test_accuracy_counts_what_the_model_gets_right_without_dropout() -> None:
    loader = BatchLoader(Subset(train_dataset, range(40)), 15)
    model = MnistCnn()
    with torch.no_grad():
        right = model.eval()(train_dataset.images[:40]).argmax(dim=1) == train_dataset.targets[:40]
    model.train()

    assert compute_accuracy(model, loader) == pytest.approx(100 * float(right.float().mean()))
