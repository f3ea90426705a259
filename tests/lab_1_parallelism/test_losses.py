import torch

from lab_1_parallelism.losses import causalLLMLoss


def test_each_position_predicts_the_next_token() -> None:
    tokens = torch.tensor([[1, 2, 0]])
    certain = torch.nn.functional.one_hot(torch.tensor([[2, 0, 0]]), 3) * 100.0  # the last predicts nothing
    assert causalLLMLoss(certain, tokens, 3).item() == 0.0
    assert causalLLMLoss(torch.nn.functional.one_hot(tokens, 3) * 100.0, tokens, 3).item() > 1


def test_the_mean_over_micro_batches_is_the_loss_of_the_batch() -> None:
    logits, tokens = torch.randn(3, 8, 5), torch.randint(5, (3, 8))
    parts = [causalLLMLoss(logits[[k]], tokens[[k]], 5) for k in range(3)]
    torch.testing.assert_close(sum(parts) / 3, causalLLMLoss(logits, tokens, 5))


def test_padding_does_not_count() -> None:
    logits, tokens = torch.randn(1, 8, 5), torch.tensor([[1, 2, 3, 4, 1, 0, 0, 0]])
    torch.testing.assert_close(
        causalLLMLoss(logits, tokens, 5, pad_idx=0), causalLLMLoss(logits[:, :5], tokens[:, :5], 5)
    )
