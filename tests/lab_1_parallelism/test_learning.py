"""The embedded stories can be learned: a model far smaller than the class's soon gets well below chance."""

import math

import pytest
import torch

from lab_1_parallelism.dataloaders import TinyStories
from lab_1_parallelism.llama import CausalLLama, LLama
from lab_1_parallelism.losses import causalLLMLoss
from lab_1_parallelism.tokenizers import SPTokenizer


def test_the_loss_falls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_STORIES", "grammar")
    tokenizer = SPTokenizer()
    net = LLama(CausalLLama, tokenizer.vocab_size, dmodel=32, num_heads=2, n_layers=1, ctx_size=64)
    optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
    losses = []
    for _, tokens in zip(range(150), TinyStories(tokenizer, batch_size=4, seq_l=64), strict=False):
        optimizer.zero_grad()
        loss = causalLLMLoss(net(tokens), tokens, tokenizer.vocab_size)
        torch.autograd.backward(loss)
        optimizer.step()
        losses.append(loss.item())
    chance = math.log(tokenizer.vocab_size)
    assert abs(losses[0] - chance) < 0.2
    early, middle, late = (sum(losses[i : i + 20]) / 20 for i in (30, 80, 130))
    assert chance > early > middle > late
    assert late < 0.55 * chance, losses[::10]
