"""The plain sequential implementation: one Python step per token, nothing cached, nothing parallel.

It computes what the network is defined to compute, in the most direct way. The benchmarks measure against it, and the
tests hold every faster path against it.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .network import Block, CausalSelfAttention, I3Network, RWKVMambaMixer
from .rwkv4 import ChannelMixing, RWKV4Mixer


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


def sequential_time_mixing(mixer: RWKV4Mixer, x: Tensor) -> Tensor:
    """RWKV-4's recurrence with a running maximum, token by token, as the public code has it. x: (B, T, D)."""
    mixed = mixed_with_previous(x, mixer.time_mix_k, mixer.time_mix_v, mixer.time_mix_r)
    k, v, r = (layer(each) for layer, each in zip((mixer.key, mixer.value, mixer.receptance), mixed, strict=True))
    w, u = -mixer.time_decay.exp(), -mixer.time_first
    return mixer.output(torch.sigmoid(r) * sequential_wkv(w, u, k, v))


def sequential_wkv(w: Tensor, u: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """w, u: (D,).  k, v: (B, T, D) -> (B, T, D)."""
    numerator = denominator = torch.zeros_like(k[:, 0])
    largest = torch.full_like(numerator, -1e38)
    outputs = []
    for t in range(k.shape[1]):
        top = torch.maximum(largest, u + k[:, t])
        old, new = torch.exp(largest - top), torch.exp(u + k[:, t] - top)
        outputs.append((old * numerator + new * v[:, t]) / (old * denominator + new + 1e-8))
        top = torch.maximum(largest + w, k[:, t])
        old, new = torch.exp(largest + w - top), torch.exp(k[:, t] - top)
        numerator, denominator, largest = old * numerator + new * v[:, t], old * denominator + new, top
    return torch.stack(outputs, dim=1)


def channel_mixing(ffn: ChannelMixing, x: Tensor) -> Tensor:
    """x: (B, T, D) -> (B, T, D)."""
    k, r = mixed_with_previous(x, ffn.time_mix_k, ffn.time_mix_r)
    return torch.sigmoid(ffn.receptance(r)) * ffn.value(torch.relu(ffn.key(k)) ** 2)


def mixed_with_previous(x: Tensor, *shares: Tensor) -> list[Tensor]:
    """For each share m, m x_t + (1 - m) x_{t-1}, with zeros before the first token."""
    previous = F.pad(x, (0, 0, 1, -1))
    return [share * x + (1 - share) * previous for share in shares]


def sequential_block(block: Block, x: Tensor) -> Tensor:
    """x: (B, T, D) -> (B, T, D)."""
    mixers = {
        RWKVMambaMixer: sequential_mixer,
        CausalSelfAttention: masked_attention,
        RWKV4Mixer: sequential_time_mixing,
    }
    mixer: Any = block.mixer
    x = x + mixers[type(mixer)](mixer, block.ln1(x))
    widened = block.ln2(x)
    return x + (channel_mixing(block.ffn, widened) if isinstance(block.ffn, ChannelMixing) else block.ffn(widened))


def sequential_logits(network: I3Network, ids: Tensor) -> Tensor:
    """ids: (B, T) -> logits (B, T, V)."""
    x = network.embed(ids) + network.pos_embed.weight[: ids.shape[1]]
    for block in network.layers:
        x = sequential_block(block, x)
    return network.head(network.ln_f(x))


def sequential_loss(network: I3Network, ids: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy in nats. ids, targets: (B, T)."""
    return F.cross_entropy(sequential_logits(network, ids).flatten(0, 1), targets.flatten())
