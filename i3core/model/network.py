"""The i3 network: RWKV-Mamba blocks, then attention blocks, read top to bottom.

Glossary (shapes are those of one call):

    B, T, V      batch, time, vocabulary
    D            d_model, the residual width
    N            d_state, the size of the state-space state
    h            (B, D) RWKV-style time mixing: an exponential average of each channel's past (RWKV, Peng et al. 2023)
    s            (B, N) state-space state (the A, B, C, D of Mamba's S4 ancestry, Gu et al. 2021, without selection)
    w_mix        (D,)   decay of h
    A, B, C, D   (N, N), (N, D), (D, N), (D,) of the state space; D also scales h on its way out
    KV cache     keys and values of the attention blocks for every position so far

Parameter names are those of the public i3 training code, so that its checkpoints load unchanged.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import ModelConfig
from .loss import head_loss
from .scan import channel_scan, state_scan


@dataclass
class LayerState:
    """What one block remembers: (h, s) in a hybrid block, (keys, values) in an attention block.

    first:  h (B, D), or keys   (B, heads, window, head_dim), valid up to the network state's position
    second: s (B, N), or values (B, heads, window, head_dim)
    """

    first: Tensor
    second: Tensor


@dataclass
class NetworkState:
    """Everything needed to go on after `position` tokens. A `snapshot` is cheap and exact."""

    position: int
    layers: list[LayerState]

    def snapshot(self) -> NetworkState:
        """A copy that later steps do not change.

        Caches are only ever written at or after `position`, so a snapshot shares them; the small recurrent states are
        replaced, never written into, so they are shared too. Going on from a snapshot overwrites cache entries
        after its position: a state that went further must not be used again once its snapshot is continued.
        """
        return NetworkState(self.position, [LayerState(layer.first, layer.second) for layer in self.layers])


class Linear(nn.Linear):
    """A linear layer that reads its weights at the memory's full speed when a single token passes on a CPU.

    torch's matrix-vector product gets a third of the bandwidth for these shapes, a batch of smaller products all of it.
    """

    _parts: tuple[tuple[int, int], Tensor, Tensor] | None = None  # where both lie, and both cut into a batch

    def reset_parameters(self) -> None:
        """Drawn at random, unless there is no memory behind the weights yet: see `has_values`."""
        if has_values(self):
            super().reset_parameters()

    def forward(self, x: Tensor) -> Tensor:
        """x: (..., in) -> (..., out)."""
        if not is_single_token(x, self.in_features):
            return super().forward(x)
        return self.step(x.reshape(1, -1)).view(*x.shape[:-1], -1)

    def step(self, x: Tensor) -> Tensor:
        """The same for a single token, x: (..., 1, in) float32 on a CPU -> (..., 1, out)."""
        if self._parts is None or self._parts[0] != (self.weight.data_ptr(), self.bias.data_ptr()):
            self._parts = self._cut()
        _, weight, bias = self._parts
        # The strides of this column are those that take torch's fast path.
        y = torch.baddbmm(bias, weight, x.mT.expand(len(weight), -1, 1)).view(*x.shape[:-1], -1)
        whole = y.shape[-1]
        if whole < self.out_features:
            y = torch.cat([y, F.linear(x, self.weight[whole:], self.bias[whole:])], -1)
        return y

    def loss(self, x: Tensor, targets: Tensor) -> Tensor:
        """Of the head: mean cross-entropy in nats over the targets that are not negative. x: (rows, in)."""
        return head_loss(x, self.weight, self.bias, targets)

    def _cut(self) -> tuple[tuple[int, int], Tensor, Tensor]:
        parts = next((n for n in (8, 4, 2) if self.out_features % n == 0), 8)
        whole = self.out_features // parts * parts
        weight, bias = self.weight.detach()[:whole], self.bias.detach()[:whole]
        places = self.weight.data_ptr(), self.bias.data_ptr()
        return places, weight.view(parts, -1, self.in_features), bias.view(parts, -1, 1)


class Embedding(nn.Embedding):
    """A vector for each id."""

    def reset_parameters(self) -> None:
        """Drawn at random, unless there is no memory behind the weights yet: see `has_values`."""
        if has_values(self):
            super().reset_parameters()


def has_values(layer: nn.Linear | nn.Embedding) -> bool:
    """Whether there is anything to draw at random: not where a network is only a shape that will be given weights.

    torch draws for such a shape too, in Python, and brings in its compiler for that: a second at the first model.
    """
    return not layer.weight.is_meta


def _small_random(*shape: int) -> Tensor:
    values = torch.empty(shape, dtype=torch.float32)
    return values if values.is_meta else torch.randn(shape, dtype=torch.float32) * 0.01


def is_single_token(x: Tensor, width: int) -> bool:
    """Whether x is one float32 vector on a CPU outside of training and autocast: a step of decoding."""
    return (
        x.numel() == width
        and x.dtype == torch.float32
        and not torch.is_grad_enabled()
        and x.device.type == "cpu"
        and not torch.is_autocast_enabled("cpu")
    )


class RWKVMambaMixer(nn.Module):
    """h_t = w h_{t-1} + (1 - w) x_t;  s_t = A s_{t-1} + B x_t;  y_t = C s_t + D h_t."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        d, n = config.d_model, config.d_state
        self.w_mix = nn.Parameter(torch.full((d,), 0.5, dtype=torch.float32))
        self.A = nn.Parameter(_small_random(n, n))
        self.B = nn.Parameter(_small_random(n, d))
        self.C = nn.Parameter(_small_random(d, n))
        self.D = nn.Parameter(torch.full((d,), 0.1, dtype=torch.float32))

    def forward(self, x: Tensor, state: LayerState | None = None) -> Tensor:
        """x: (B, T, D) -> (B, T, D), float32 whatever autocast says. Replaces the tensors in `state`."""
        with torch.autocast(x.device.type, enabled=False):
            h, s = self.states(x, state)
            if state is not None:
                state.first, state.second = h[:, -1].clone(), s[:, -1].clone()
            return self.read(h, s)

    def states(self, x: Tensor, state: LayerState | None = None) -> tuple[Tensor, Tensor]:
        """h (B, T, D) and s (B, T, N) after each token of x (B, T, D), float32. Not under autocast."""
        x, w_mix = x.float(), self.w_mix.float()
        h = channel_scan(w_mix, (1 - w_mix) * x, None if state is None else state.first)
        s = state_scan(self.A.float(), x @ self.B.float().T, None if state is None else state.second)
        return h, s

    def read(self, h: Tensor, s: Tensor) -> Tensor:
        """y (B, T, D) of those states. Not under autocast."""
        return torch.addcmul(s @ self.C.float().T, self.D.float(), h)

    def step(self, x: Tensor, state: LayerState) -> Tensor:
        """One token, x: (1, D): the definition as it stands, in as few operations as possible."""
        h = torch.lerp(x, state.first, self.w_mix)
        s = F.linear(state.second, self.A).add_(F.linear(x, self.B))
        state.first, state.second = h, s
        return torch.addcmul(F.linear(s, self.C), self.D, h)


class CausalSelfAttention(nn.Module):
    """Multi-head attention with one `qkv` projection, scale 1/sqrt(head_dim)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.n_heads = config.n_heads
        self.qkv = Linear(config.d_model, 3 * config.d_model)
        self.out_proj = Linear(config.d_model, config.d_model)

    def forward(self, x: Tensor, state: LayerState | None = None, position: int = 0) -> Tensor:
        """x: (B, T, D) at positions `position`... -> (B, T, D). Writes its keys and values into `state`."""
        batch, time, width = x.shape
        qkv = self.qkv(x).view(batch, time, 3, self.n_heads, width // self.n_heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)  # (B, heads, T, head_dim) each
        mask = None
        if state is not None:
            end = position + time
            state.first[:, :, position:end] = k
            state.second[:, :, position:end] = v
            k, v = state.first[:, :, :end].to(q.dtype), state.second[:, :, :end].to(q.dtype)
            if time > 1 and position > 0:
                mask = torch.ones(time, end, dtype=torch.bool, device=x.device).tril(position)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=mask is None and time > 1)
        return self.out_proj(y.transpose(1, 2).reshape(batch, time, width))

    def step(self, x: Tensor, state: LayerState, position: int) -> Tensor:
        """One token, x: (1, D): a query against the cache."""
        q, k, v = self.qkv.step(x).view(3, self.n_heads, 1, -1).unbind(0)  # (heads, 1, head_dim) each
        keys, values = state.first[0, :, : position + 1], state.second[0, :, : position + 1]
        keys[:, position:] = k
        values[:, position:] = v
        scores = torch.bmm(q, keys.mT).mul_(q.shape[-1] ** -0.5)
        return self.out_proj.step(torch.bmm(scores.softmax(-1), values).view(1, -1))


class Block(nn.Module):
    """Pre-norm residual block: a mixer over time, then a feed-forward layer."""

    def __init__(self, config: ModelConfig, is_attention: bool) -> None:
        super().__init__()
        self.is_attention = is_attention
        self.ln1 = nn.LayerNorm(config.d_model)
        if is_attention:
            self.attn = CausalSelfAttention(config)
        else:
            self.hybrid = RWKVMambaMixer(config)
        self.ln2 = nn.LayerNorm(config.d_model)
        self.ffn = nn.Sequential(
            Linear(config.d_model, config.ffn_width), nn.GELU(), Linear(config.ffn_width, config.d_model)
        )

    def forward(self, x: Tensor, state: LayerState | None = None, position: int = 0) -> Tensor:
        if self.is_attention:
            x = x + self.attn(self.ln1(x), state, position)
        else:
            x = x + self.hybrid(self.ln1(x), state)
        return x + self.ffn(self.ln2(x))

    def step(self, x: Tensor, state: LayerState, position: int) -> Tensor:
        """`forward` for one token on a CPU, x: (1, D), without what only batches and training need."""
        mixed = _normalised(x, self.ln1)
        x = x + (self.attn.step(mixed, state, position) if self.is_attention else self.hybrid.step(mixed, state))
        widen, _, narrow = self.ffn
        return x + narrow.step(_gelu(widen.step(_normalised(x, self.ln2))))


def _normalised(x: Tensor, norm: nn.LayerNorm) -> Tensor:
    return torch.layer_norm(x, norm.normalized_shape, norm.weight, norm.bias, norm.eps)


def _gelu(x: Tensor) -> Tensor:
    """F.gelu, which for a single token spends most of its time on waking threads."""
    half = x * 0.5
    return torch.addcmul(half, half, torch.erf(x * math.sqrt(0.5)))


class I3Network(nn.Module):
    """Token ids to logits; with a `NetworkState`, continues where the last call ended."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.embed = Embedding(config.vocab_size, config.d_model)
        self.pos_embed = Embedding(config.window, config.d_model)
        self.layers = nn.ModuleList(Block(config, i >= config.hybrid_layers) for i in range(config.n_layers))
        self.ln_f = nn.LayerNorm(config.d_model)
        self.head = Linear(config.d_model, config.vocab_size)
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding) and has_values(module):
                nn.init.normal_(module.weight, std=0.02)
                if isinstance(module, nn.Linear):
                    nn.init.zeros_(module.bias)
        if config.tie_embeddings:
            self.head.weight = self.embed.weight

    def new_state(self, batch: int = 1) -> NetworkState:
        """The state before the first token: zeros, with room for a whole window of keys and values."""
        config, like = self.config, self.embed.weight
        layers = []
        for block in self.layers:
            if block.is_attention:
                shape = (batch, config.n_heads, config.window, config.head_dim)
                layers.append(LayerState(like.new_zeros(shape), like.new_zeros(shape)))
            else:
                zeros = torch.zeros(batch, config.d_model + config.d_state, device=like.device)  # always float32
                layers.append(LayerState(*zeros.split([config.d_model, config.d_state], dim=1)))
        return NetworkState(0, layers)

    def hidden(self, ids: Tensor, state: NetworkState | None = None) -> Tensor:
        """ids: (B, T) -> (B, T, D) after the final norm. Advances `state` by T if given.

        Raises ValueError if the window would be exceeded; positions are absolute and cannot slide.
        """
        position = 0 if state is None else state.position
        end = position + ids.shape[1]
        if end > self.config.window:
            raise ValueError(f"{end} tokens do not fit a window of {self.config.window}")
        x = self.embed(ids) + self.pos_embed.weight[position:end]
        if state is not None and is_single_token(x, self.config.d_model):
            x = x[0]
            for block, layer in zip(self.layers, state.layers, strict=True):
                x = block.step(x, layer, position)
            x = x[None]
        else:
            for i, block in enumerate(self.layers):
                x = block(x, None if state is None else state.layers[i], position)
        if state is not None:
            state.position = end
        return self.ln_f(x)

    def forward(self, ids: Tensor, state: NetworkState | None = None, last_only: bool = False) -> Tensor:
        """ids: (B, T) -> logits (B, T, V), float32; with `last_only` (B, 1, V)."""
        if ids.numel() == 1 and not torch.is_grad_enabled() and torch.is_autocast_enabled("cpu"):
            # A single token reads each weight once; to convert all of them first takes longer than its products.
            with torch.autocast("cpu", enabled=False):
                return self(ids, state, last_only)
        x = self.hidden(ids, state)
        return self.head(x[:, -1:] if last_only else x).float()

    def loss(self, ids: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy in nats over the targets that are not negative.

        Only those positions pass through the head, which is the largest matrix: padding and masked turns cost nothing.
        ids, targets: (B, T).
        """
        x, answers = self.hidden(ids).flatten(0, 1), targets.flatten()
        wanted = (answers >= 0).nonzero().squeeze(1)
        if len(wanted) < len(answers):
            # A multiple of 64 rows, the last ones not counted: the CPU's kernels are compiled once for each shape.
            chosen = F.pad(wanted, (0, min(-len(wanted) % 64, len(answers) - len(wanted))))
            x, answers = (
                x[chosen],
                answers[chosen].index_fill(0, torch.arange(len(wanted), len(chosen), device=ids.device), -1),
            )
        return self.head.loss(x, answers)
