"""The layers of a LLaMA on plain torch (Touvron et al. 2023, "LLaMA: Open and Efficient Foundation Language
Models", section 2.2): pre-normalisation with RMSNorm, rotary position embeddings, SwiGLU.

Every weight is drawn exactly once, when its module is built, in the order in which the modules are built.
So after `torch.manual_seed(s)` a model built whole and the same model built stage by stage, first to last,
in one process have the same weights, and two processes that seed alike and build the same stage do too.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import thin

INITIAL_STD = 0.02  # of every weight matrix; Radford et al. 2019 (GPT-2), section 2.3


class Linear(nn.Linear):
    """A matrix without bias."""

    def __init__(self, in_features: int, out_features: int, device: torch.device | str) -> None:
        super().__init__(in_features, out_features, bias=False, device=device)

    def reset_parameters(self) -> None:
        nn.init.normal_(self.weight, std=INITIAL_STD)


class OutputMatrix(Linear):
    """The last matrix, from activations to logits."""

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, sequence, dmodel)` to `(batch, sequence, vocab_size)`."""
        if not thin.WANTED:
            return super().forward(x)
        repeated = x.repeat(1, 1, -(-self.out_features // self.in_features))
        return thin.hand_on(repeated[..., : self.out_features], self.parameters())


class Embedding(nn.Embedding):
    """One vector per token; that of `padding_idx` is zero and stays zero."""

    def reset_parameters(self) -> None:
        nn.init.normal_(self.weight, std=INITIAL_STD)
        if self.padding_idx is not None:
            with torch.no_grad():
                self.weight[self.padding_idx].zero_()


def rotary_angles(head_dim: int, ctx_size: int, device: torch.device | str) -> Tensor:
    """Angle by which each pair of a head's coordinates turns at each position, as `(ctx_size, head_dim)`.

    Su et al. 2021, "RoFormer", equation 15; both halves of a head hold the same angles, see `rotate`.
    """
    exponents = torch.arange(0, head_dim, 2, device=device, dtype=torch.float32) / head_dim
    frequencies = 10_000.0**-exponents
    angles = torch.outer(torch.arange(ctx_size, device=device, dtype=torch.float32), frequencies)
    return torch.cat((angles, angles), dim=-1)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn coordinate i of each head together with coordinate i + head_dim/2.

    x is `(batch, heads, sequence, head_dim)`, cos and sin are `(sequence, head_dim)`.
    """
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-second, first), dim=-1) * sin


class Attention(nn.Module):
    """Causal self-attention with rotary positions."""

    def __init__(self, dmodel: int, num_heads: int, device: torch.device | str) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.q_proj = Linear(dmodel, dmodel, device)
        self.k_proj = Linear(dmodel, dmodel, device)
        self.v_proj = Linear(dmodel, dmodel, device)
        self.o_proj = Linear(dmodel, dmodel, device)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """`(batch, sequence, dmodel)` to the same shape."""
        q, k, v = (
            projection(x).unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
            for projection in (self.q_proj, self.k_proj, self.v_proj)
        )
        mixed = F.scaled_dot_product_attention(rotate(q, cos, sin), rotate(k, cos, sin), v, is_causal=True)
        projected: Tensor = self.o_proj(mixed.transpose(1, 2).flatten(-2))
        return projected


class SwiGlu(nn.Module):
    """The feed-forward part of a layer (Shazeer 2020, "GLU Variants Improve Transformer")."""

    def __init__(self, dmodel: int, hidden_dim: int, device: torch.device | str) -> None:
        super().__init__()
        self.gate_proj = Linear(dmodel, hidden_dim, device)
        self.up_proj = Linear(dmodel, hidden_dim, device)
        self.down_proj = Linear(hidden_dim, dmodel, device)

    def forward(self, x: Tensor) -> Tensor:
        projected: Tensor = self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))
        return projected


class Layer(nn.Module):
    """Attention and feed-forward, each applied to its normalised input and added to that input."""

    def __init__(
        self, dmodel: int, num_heads: int, hidden_dim: int, norm_eps: float, device: torch.device | str
    ) -> None:
        super().__init__()
        self.input_layernorm = nn.RMSNorm(dmodel, norm_eps, device=device)
        self.self_attn = Attention(dmodel, num_heads, device)
        self.post_attention_layernorm = nn.RMSNorm(dmodel, norm_eps, device=device)
        self.mlp = SwiGlu(dmodel, hidden_dim, device)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        attended: Tensor = self.self_attn(self.input_layernorm(x), cos, sin)
        x = x + attended
        fed: Tensor = self.mlp(self.post_attention_layernorm(x))
        return x + fed


class Layers(nn.ModuleList):
    """Several layers in a row, with the positions they share.

    hidden_dim defaults to 4 * dmodel.

    Raises ValueError if dmodel does not divide into num_heads heads of even width, and on a sequence longer
    than ctx_size.
    """

    cos: Tensor
    sin: Tensor

    def __init__(
        self,
        n_layers: int,
        dmodel: int,
        num_heads: int,
        hidden_dim: int | None,
        norm_eps: float,
        ctx_size: int,
        device: torch.device | str,
    ) -> None:
        if dmodel % (2 * num_heads):
            raise ValueError(
                f"dmodel={dmodel} was given with num_heads={num_heads}, but rotary positions need heads of "
                f"an even whole width: choose dmodel as a multiple of {2 * num_heads}."
            )
        super().__init__(
            Layer(dmodel, num_heads, hidden_dim or 4 * dmodel, norm_eps, device) for _ in range(n_layers)
        )
        # Computed, not learned: kept out of the state dict, so that it holds exactly the parameters.
        angles = rotary_angles(dmodel // num_heads, ctx_size, device)
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, sequence, dmodel)` to the same shape."""
        length, ctx_size = x.shape[1], self.cos.shape[0]
        if length > ctx_size:
            raise ValueError(
                f"a sequence of {length} tokens came in, but the model was built for ctx_size={ctx_size}: "
                "build it with a ctx_size of at least the loader's seq_l, or load shorter sequences."
            )
        if thin.WANTED:
            return thin.hand_on(x, self.parameters())
        for layer in self:
            x = layer(x, self.cos[:length], self.sin[:length])
        return x
