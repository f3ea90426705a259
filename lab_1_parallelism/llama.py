"""A small LLaMA, whole or in stages for a pipeline.

    tokens ──> LLamaFirstStage.embed ──> LLamaStage ──> … ──> LLamaLastStage ──> logits
    tokens ──────────────────────── LLama(CausalLLama, …) ───────────────────> logits

Given the same weights both lines give the same logits to the last bit: the stages run the same operations in
the same order. They get the same weights either from one `torch.manual_seed` before building the whole, or
all stages in order, in one process (see `transformer`); or by copying, with the names that `whole_model_name`
maps. A pipeline's processes each call `torch.manual_seed` themselves, so there each stage starts its own
stream of random numbers: equal for the replicas of one stage, but not the stream of a model built whole.

Inputs are int64 tokens `(batch, sequence)`, activations float32 `(batch, sequence, dmodel)`, logits
`(batch, sequence, vocab_size)`.
"""

import torch
from torch import Tensor, nn

from .transformer import Embedding, Layers, OutputMatrix

__all__ = ["CausalLLama", "LLama", "LLamaFirstStage", "LLamaLastStage", "LLamaStage", "whole_model_name"]


class CausalLLama(nn.Module):
    """Everything but the output matrix: embedding, layers, last norm."""

    def __init__(
        self,
        vocab_size: int,
        dmodel: int = 4096,
        num_heads: int = 32,
        hidden_dim: int | None = None,
        norm_eps: float = 1e-6,
        ctx_size: int = 2048,
        padding_idx: int | None = None,
        device: torch.device | str = "cpu",
        n_layers: int = 32,
    ) -> None:
        super().__init__()
        self.embed_tokens = Embedding(vocab_size, dmodel, padding_idx=padding_idx, device=device)
        self.layers = Layers(n_layers, dmodel, num_heads, hidden_dim, norm_eps, ctx_size, device)
        self.norm = nn.RMSNorm(dmodel, norm_eps, device=device)

    def forward(self, tokens: Tensor) -> Tensor:
        hidden: Tensor = self.norm(self.layers(self.embed_tokens(tokens)))
        return hidden


class LLama(nn.Module):
    """The whole model; mdl_type is the class of its body, `CausalLLama`."""

    def __init__(
        self,
        mdl_type: type[CausalLLama],
        vocab_size: int,
        dmodel: int = 4096,
        num_heads: int = 32,
        hidden_dim: int | None = None,
        norm_eps: float = 1e-6,
        ctx_size: int = 2048,
        padding_idx: int | None = None,
        device: torch.device | str = "cpu",
        n_layers: int = 32,
    ) -> None:
        super().__init__()
        self.model = mdl_type(
            vocab_size, dmodel, num_heads, hidden_dim, norm_eps, ctx_size, padding_idx, device, n_layers
        )
        self.lm_head = OutputMatrix(dmodel, vocab_size, device)

    def forward(self, tokens: Tensor) -> Tensor:
        logits: Tensor = self.lm_head(self.model(tokens))
        return logits


class LLamaFirstStage(nn.Module):
    """The embedding and the first n_layers layers; n_layers may be 0."""

    def __init__(
        self,
        vocab_size: int,
        dmodel: int,
        num_heads: int,
        n_layers: int = 4,
        hidden_dim: int | None = None,
        norm_eps: float = 1e-6,
        ctx_size: int = 2048,
        padding_idx: int | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        super().__init__()
        self.embed_tokens = Embedding(vocab_size, dmodel, padding_idx=padding_idx, device=device)
        self.layers = Layers(n_layers, dmodel, num_heads, hidden_dim, norm_eps, ctx_size, device)

    def embed(self, tokens: Tensor) -> Tensor:
        """Tokens to the activations that the next stage takes."""
        activations: Tensor = self(tokens)
        return activations

    def forward(self, tokens: Tensor) -> Tensor:
        activations: Tensor = self.layers(self.embed_tokens(tokens))
        return activations


class LLamaStage(nn.Module):
    """A stage in the middle: n_layers layers. padding_idx has no effect here; every stage takes it."""

    def __init__(
        self,
        dmodel: int = 4096,
        num_heads: int = 32,
        hidden_dim: int | None = None,
        norm_eps: float = 1e-6,
        ctx_size: int = 2048,
        n_layers: int = 4,
        padding_idx: int | None = None,  # noqa: ARG002
        device: torch.device | str = "cpu",
    ) -> None:
        super().__init__()
        self.layers = Layers(n_layers, dmodel, num_heads, hidden_dim, norm_eps, ctx_size, device)

    def forward(self, x: Tensor) -> Tensor:
        activations: Tensor = self.layers(x)
        return activations


class LLamaLastStage(nn.Module):
    """The last n_layers layers, the last norm and the output matrix. padding_idx has no effect here."""

    def __init__(
        self,
        vocab_size: int,
        dmodel: int = 4096,
        num_heads: int = 32,
        hidden_dim: int | None = None,
        norm_eps: float = 1e-6,
        ctx_size: int = 2048,
        n_layers: int = 4,
        padding_idx: int | None = None,  # noqa: ARG002
        device: torch.device | str = "cpu",
    ) -> None:
        super().__init__()
        self.layers = Layers(n_layers, dmodel, num_heads, hidden_dim, norm_eps, ctx_size, device)
        self.norm = nn.RMSNorm(dmodel, norm_eps, device=device)
        self.lm_head = OutputMatrix(dmodel, vocab_size, device)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.lm_head(self.norm(self.layers(x)))
        return logits


def whole_model_name(stage_name: str, first_layer: int) -> str:
    """Name in `LLama`'s state dict of a stage's parameter.

    first_layer is the number of layers in all stages before: stage 1 of three stages of two layers calls
    "layers.0.mlp.up_proj.weight" what the whole model calls "model.layers.2.mlp.up_proj.weight".
    """
    part, _, rest = stage_name.partition(".")
    if part == "lm_head":
        return stage_name
    if part != "layers":
        return f"model.{stage_name}"
    index, _, rest = rest.partition(".")
    return f"model.layers.{first_layer + int(index)}.{rest}"
