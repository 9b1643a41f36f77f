"""The plain sequential implementation: one Python step per token, nothing cached, nothing parallel.

It computes what the network is defined to compute, in the most direct way. The benchmarks measure against it, and the
tests hold every faster path against it.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .network import CausalSelfAttention, I3Network, RWKVMambaMixer


def sequential_mixer(mixer: RWKVMambaMixer, x: Tensor) -> Tensor:
    """The two recurrences, token by token. x: (B, T, D) -> (B, T, D)."""
    h = x.new_zeros(x.shape[0], x.shape[2])
    s = x.new_zeros(x.shape[0], mixer.A.shape[0])
    outputs = []
    for t in range(x.shape[1]):
        h = mixer.w_mix * h + (1 - mixer.w_mix) * x[:, t]
        s = s @ mixer.A.T + x[:, t] @ mixer.B.T
        outputs.append(s @ mixer.C.T + mixer.D * h)
    return torch.stack(outputs, dim=1)


def masked_attention(attention: CausalSelfAttention, x: Tensor) -> Tensor:
    """Attention with the whole score matrix. x: (B, T, D) -> (B, T, D)."""
    batch, time, width = x.shape
    q, k, v = attention.qkv(x).view(batch, time, 3, attention.n_heads, -1).permute(2, 0, 3, 1, 4)
    scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5
    future = torch.ones(time, time, dtype=torch.bool, device=x.device).triu(1)
    y = scores.masked_fill(future, -torch.inf).softmax(-1) @ v
    return attention.out_proj(y.transpose(1, 2).reshape(batch, time, width))


def sequential_logits(network: I3Network, ids: Tensor) -> Tensor:
    """ids: (B, T) -> logits (B, T, V)."""
    x = network.embed(ids) + network.pos_embed.weight[: ids.shape[1]]
    for block in network.layers:
        mixed = block.ln1(x)
        x = x + (masked_attention(block.attn, mixed) if block.is_attention else sequential_mixer(block.hybrid, mixed))
        x = x + block.ffn(block.ln2(x))
    return network.head(network.ln_f(x))


def sequential_loss(network: I3Network, ids: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy in nats. ids, targets: (B, T)."""
    return F.cross_entropy(sequential_logits(network, ids).flatten(0, 1), targets.flatten())
