"""The loss of a causal language model."""

import torch.nn.functional as F
from torch import Tensor

__all__ = ["causalLLMLoss", "perplexityLoss"]


def causalLLMLoss(logits: Tensor, target: Tensor, vocab_size: int, pad_idx: int = -100) -> Tensor:
    """Mean cross-entropy, in nats per token, of predicting each token from those before it.

    logits are `(batch, sequence, vocab_size)`, target the *same* tokens that went in, `(batch, sequence)`:
    the shift by one happens here, so the last position predicts nothing. Targets equal to pad_idx do not
    count.

    It is a mean: the mean of the losses of m equal micro-batches is the loss of the whole batch, their sum is
    m times that.
    """
    predictions = logits[:, :-1].reshape(-1, vocab_size).float()
    return F.cross_entropy(predictions, target[:, 1:].reshape(-1).to(logits.device), ignore_index=pad_idx)


def perplexityLoss(logits: Tensor, target: Tensor) -> Tensor:
    """Mean over the sequences of each one's perplexity: e to the power of its mean cross-entropy in nats per token."""
    predictions = logits[:, :-1].float().transpose(1, 2)
    losses = F.cross_entropy(predictions, target[:, 1:].to(logits.device), reduction="none")
    return losses.mean(dim=1).exp().mean()
