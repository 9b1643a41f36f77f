"""The i3 network: recurrent blocks, then attention blocks, read top to bottom. RWKV-4 blocks are in `rwkv4.py`.

Glossary (shapes are those of one call):

    B, T, V      batch, time, vocabulary
    D            d_model, the residual width
    N            d_state, the size of the state-space state
    h            (B, D) RWKV-style time mixing: an exponential average of each channel's past (RWKV, Peng et al. 2023)
    s            (B, N) state-space state (the A, B, C, D of Mamba's S4 ancestry, Gu et al. 2021, without selection)
    w_mix        (D,)   decay of h
    A, B, C, D   (N, N), (N, D), (D, N), (D,) of the state space; D also scales h on its way out
    KV cache     keys and values of the attention blocks for every position so far

Every part has two methods. `forward` reads sequences (training, prompts). `decode` reads one token in each row, each at
a position of its own. Both continue from a state and advance it. `reference.py` has the same network as plain loops.

Parameter names are those of the public i3 training code, so that its checkpoints load unchanged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .block_kinds import KINDS
from .config import ModelConfig
from .layers import Embedding, FeedForward, Linear, has_values, is_decoded_on_cpu, normalize
from .native import NativeStep
from .rwkv4 import ChannelMixing, RWKV4Mixer
from .scan import channel_scan, state_scan
from .state import KVCache, LayerState, MambaState, NetworkState, RecurrentState, RWKV4State, in_token_order, last_state


class Mixer(Protocol):
    """The part of a block that mixes over time.

    Args:
        x: (B, T, D) normalised inputs, or (B, D) in `decode`.
        state: what was read before; advanced in place. None before the first token.
        position: of the first token. In `decode` (B,), or a number for a single row.
        mask: of a recurrent mixer (B, T), False for padding; of attention, what each token may attend to, in a shape
            that broadcasts to (B, heads, T, length). In `decode` of attention alone, (B, length).

    Returns: of the shape of x.
    """

    def __call__(self, x: Tensor, state: Any = None, position: int = 0, mask: Tensor | None = None, /) -> Tensor: ...

    def decode(self, x: Tensor, state: Any, position: int | Tensor, mask: Tensor | None = None, /) -> Tensor: ...


class RWKVMambaMixer(nn.Module):
    """Two linear recurrences, in float32 even under autocast.

    h_t = w h_{t-1} + (1 - w) x_t;  s_t = A s_{t-1} + B x_t;  y_t = C s_t + D h_t
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        d, n = config.d_model, config.d_state
        self.w_mix = nn.Parameter(torch.full((d,), 0.5, dtype=torch.float32))
        self.A = nn.Parameter(_small_random(n, n))
        self.B = nn.Parameter(_small_random(n, d))
        self.C = nn.Parameter(_small_random(d, n))
        self.D = nn.Parameter(torch.full((d,), 0.1, dtype=torch.float32))

    def reset(self) -> None:
        """Draw initial values."""
        nn.init.constant_(self.w_mix, 0.5)
        nn.init.constant_(self.D, 0.1)
        for matrix in (self.A, self.B, self.C):
            nn.init.normal_(matrix, std=0.01)

    def forward(
        self, x: Tensor, state: MambaState | None = None, position: int = 0, mask: Tensor | None = None
    ) -> Tensor:
        """x: (B, T, D) -> (B, T, D), float32. See `Mixer`; the position does not matter."""
        with torch.autocast(x.device.type, enabled=False):
            x, w_mix = x.float(), self.w_mix.float()
            order = in_token_order(mask)
            if order is not None:
                x = x.gather(1, order.expand_as(x))
            h = channel_scan(w_mix, (1 - w_mix) * x, None if state is None else state.h)
            s = state_scan(self.A.float(), x @ self.B.float().T, None if state is None else state.s)
            y = torch.addcmul(s @ self.C.float().T, self.D.float(), h)
            if order is not None:
                y = y.gather(1, order.argsort(dim=1).expand_as(y))
            if state is not None:
                state.h, state.s = last_state(h, state.h, mask), last_state(s, state.s, mask)
            return y

    def decode(self, x: Tensor, state: MambaState, position: int | Tensor = 0, mask: Tensor | None = None) -> Tensor:
        """x: (B, D) -> (B, D), float32: the definition as it stands, in as few operations as possible."""
        if not isinstance(position, int) and torch.is_autocast_enabled(x.device.type):
            with torch.autocast(x.device.type, enabled=False):
                return self.decode(x.float(), state)
        h = torch.lerp(x, state.h, self.w_mix)
        s = F.linear(state.s, self.A).add_(F.linear(x, self.B))
        state.h, state.s = h, s
        return torch.addcmul(F.linear(s, self.C), self.D, h)


def _small_random(*shape: int) -> Tensor:
    values = torch.empty(shape, dtype=torch.float32)
    return values if values.is_meta else torch.randn(shape, dtype=torch.float32) * 0.01


class CausalSelfAttention(nn.Module):
    """Multi-head attention with one `qkv` projection, scale 1/sqrt(head_dim)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.n_heads = config.n_heads
        self.qkv = Linear(config.d_model, 3 * config.d_model)
        self.out_proj = Linear(config.d_model, config.d_model)

    def forward(self, x: Tensor, cache: KVCache | None = None, position: int = 0, mask: Tensor | None = None) -> Tensor:
        """x: (B, T, D) -> (B, T, D). See `Mixer`; without a mask each token attends to itself and all before it."""
        q, k, v = self._heads(x)
        if cache is not None:
            k, v = cache.update(k, v, position)
        several = q.shape[2] > 1
        if mask is None and several and k.shape[2] > q.shape[2]:
            mask = causal_mask(q, k)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=mask is None and several)
        return self.out_proj(y.transpose(1, 2).flatten(2))

    def decode(self, x: Tensor, cache: KVCache, position: int | Tensor, mask: Tensor | None = None) -> Tensor:
        """x: (B, D) -> (B, D): a query against the cache. mask: (B, length) of the cache; None for a single row."""
        if isinstance(position, int):
            q, k, v = self.qkv.matvec(x).view(3, self.n_heads, 1, -1).unbind(0)  # (heads, 1, head_dim) each
            keys, values = cache.update(k, v, position)
            scores = torch.bmm(q, keys[0].mT).mul_(q.shape[-1] ** -0.5)
            return self.out_proj.matvec(torch.bmm(scores.softmax(-1), values[0]).view(1, -1))
        q, k, v = self._heads(x[:, None])
        keys, values = cache.update(k, v, position)
        mask = None if mask is None else mask[:, None, None]
        return self.out_proj(F.scaled_dot_product_attention(q, keys, values, attn_mask=mask).flatten(1))

    def weights(self, x: Tensor, keys: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """The attention weights (B, heads, T, length) of `forward`, for inspection.

        keys: those in the cache after that call, if there is a cache.
        """
        q, k, _ = self._heads(x)
        k = k if keys is None else keys
        mask = causal_mask(q, k) if mask is None else mask
        return (q @ k.mT * q.shape[-1] ** -0.5).masked_fill(~mask, -torch.inf).softmax(-1)

    def _heads(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values of x (B, T, D): (B, heads, T, head_dim) each."""
        batch, time, width = x.shape
        qkv = self.qkv(x).view(batch, time, 3, self.n_heads, width // self.n_heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        return q, k, v


def causal_mask(q: Tensor, k: Tensor) -> Tensor:
    """(T, length), True up to each token's own position. The queries are those of the last T keys."""
    time, length = q.shape[2], k.shape[2]
    return torch.ones(time, length, dtype=torch.bool, device=q.device).tril(length - time)


@dataclass(frozen=True)
class Layers:
    """The torch side of a kind of block, under the names that checkpoints have.

    Attributes:
        mixer, feed_forward: classes of the two parts; see `Mixer`.
        state: class of its state, whose fields are those of `BlockKind.state`; None for keys and values.
    """

    mixer: Callable[[ModelConfig], nn.Module]
    feed_forward: Callable[[int, int], nn.Module]
    state: type[RecurrentState] | None


LAYERS: dict[str, Layers] = {
    "rwkv_mamba": Layers(RWKVMambaMixer, FeedForward, MambaState),
    "rwkv4": Layers(RWKV4Mixer, ChannelMixing, RWKV4State),
    "attention": Layers(CausalSelfAttention, FeedForward, None),
}


class Block(nn.Module):
    """Pre-norm residual block: a mixer over time, then a feed-forward layer.

    Attributes:
        kind: its key in `KINDS` and `LAYERS`.
        is_attention: whether its state is keys and values, and its mask of that form.
    """

    ffn: Any

    def __init__(self, config: ModelConfig, kind: str) -> None:
        super().__init__()
        self.kind, layers = kind, LAYERS[kind]
        self.is_attention = KINDS[kind].attends
        self._mixer = KINDS[kind].mark.partition(".")[0]
        self.ln1 = nn.LayerNorm(config.d_model)
        self.add_module(self._mixer, layers.mixer(config))
        self.ln2 = nn.LayerNorm(config.d_model)
        self.ffn = layers.feed_forward(config.d_model, config.ffn_width)

    @property
    def mixer(self) -> Mixer:
        return cast("Mixer", self._modules[self._mixer])

    def new_state(self, config: ModelConfig, batch: int, like: Tensor) -> LayerState:
        """The state before the first token: zeros, with room for a whole window of keys and values."""
        state = LAYERS[self.kind].state
        if state is None:
            shape = (batch, config.n_heads, config.window, config.head_dim)
            return KVCache(like.new_zeros(shape), like.new_zeros(shape))
        return state.new(batch, KINDS[self.kind].state(config), like.device)

    def forward(
        self, x: Tensor, state: LayerState | None = None, position: int = 0, mask: Tensor | None = None
    ) -> Tensor:
        """x: (B, T, D) -> (B, T, D). See `Mixer`."""
        x = x + self.mixer(self.ln1(x), state, position, mask).to(x.dtype)
        return x + self.ffn(self.ln2(x), state, mask)

    def decode(self, x: Tensor, state: LayerState, position: int | Tensor, mask: Tensor | None = None) -> Tensor:
        """x: (B, D) -> (B, D), a token in each row. See `Mixer`."""
        x = x + self.mixer.decode(normalize(x, self.ln1), state, position, mask)
        return x + self.ffn.decode(normalize(x, self.ln2), state, position)


class I3Network(nn.Module):
    """Token ids to logits; with a `NetworkState`, continues where the last call ended.

    Attributes:
        uses_native_step: False to decode with torch alone.
        read_singly: up to this length, a prompt is faster to read token by token.
    """

    uses_native_step = True
    read_singly = 1
    _step: tuple[NativeStep | None] | None = None  # None until the first token

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.embed = Embedding(config.vocab_size, config.d_model)
        self.pos_embed = Embedding(config.window, config.d_model)
        blocks = nn.ModuleList(Block(config, kind) for kind in config.kinds)
        self.layers = cast("list[Block]", blocks)
        self.ln_f = nn.LayerNorm(config.d_model)
        self.head = Linear(config.d_model, config.vocab_size)
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding) and has_values(module):
                nn.init.normal_(module.weight, std=0.02)
                if isinstance(module, nn.Linear) and module.bias is not None:
                    nn.init.zeros_(module.bias)
        if config.tie_embeddings:
            self.head.weight = self.embed.weight

    def new_state(self, batch: int = 1) -> NetworkState:
        """The state before the first token: zeros, with room for a whole window of keys and values."""
        return NetworkState(0, [block.new_state(self.config, batch, self.embed.weight) for block in self.layers])

    def forward(self, ids: Tensor, state: NetworkState | None = None, last_only: bool = False) -> Tensor:
        """ids: (B, T) -> logits (B, T, V), float32; with `last_only` (B, 1, V). Advances `state` by T if given.

        Raises ValueError if the window would be exceeded; positions are absolute and cannot slide.
        """
        if ids.numel() == 1 and not torch.is_grad_enabled() and torch.is_autocast_enabled("cpu"):
            # A single token reads each weight once; converting all of them first takes longer than its products.
            with torch.autocast("cpu", enabled=False):
                return self(ids, state, last_only)
        few = ids.numel() == 1 or (last_only and len(ids) == 1 and ids.numel() <= self.read_singly)
        if few and state is not None and is_decoded_on_cpu(self.embed.weight):
            self._check_fits(state.position + ids.numel())
            return [self._decode_one(token, state) for token in ids[0].tolist()][-1][None]
        x = self.hidden(ids, state)
        return self.head(x[:, -1:] if last_only else x).float()

    def decode(self, ids: Tensor, layers: list[LayerState], position: int | Tensor) -> Tensor:
        """Read one token in each row: ids (B,) -> logits (B, V), float32.

        Args:
            layers: the state of each block, for B rows; advanced in place.
            position: (B,) of each row's token. For a single row on a CPU, outside of training and autocast, a number:
                it needs no masks and takes the fast path.
        """
        mask = None
        if isinstance(position, int):
            x = self.embed(ids) + self.pos_embed.weight[position]
        else:
            x = self.embed(ids) + self.pos_embed(position)
            length = next((layer.keys.shape[2] for layer in layers if isinstance(layer, KVCache)), 0)
            mask = torch.arange(length, device=ids.device) <= position[:, None]
        for block, layer in zip(self.layers, layers, strict=True):
            x = block.decode(x, layer, position, mask)
        return self.head(self.ln_f(x)).float()

    def hidden(self, ids: Tensor, state: NetworkState | None = None) -> Tensor:
        """ids: (B, T) -> (B, T, D) after the final norm. Otherwise as `forward`."""
        position = 0 if state is None else state.position
        end = position + ids.shape[1]
        self._check_fits(end)
        x = self.embed(ids) + self.pos_embed.weight[position:end]
        for i, block in enumerate(self.layers):
            x = block(x, None if state is None else state.layers[i], position)
        if state is not None:
            state.position = end
        return self.ln_f(x)

    def loss(self, ids: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy in nats over the targets that are not negative.

        Only those positions pass through the head, which is the largest matrix: padding and masked turns cost nothing.
        ids, targets: (B, T).
        """
        x, targets = self.hidden(ids).flatten(0, 1), targets.flatten()
        counted = (targets >= 0).nonzero().squeeze(1)
        if len(counted) < len(targets):
            # A multiple of 64 rows, the last ones not counted: the CPU's kernels are compiled once for each shape.
            rows = F.pad(counted, (0, min(-len(counted) % 64, len(targets) - len(counted))))
            added = torch.arange(len(counted), len(rows), device=ids.device)
            x, targets = x[rows], targets[rows].index_fill(0, added, -1)
        return self.head.loss(x, targets)

    def _decode_one(self, token: int, state: NetworkState) -> Tensor:
        """Logits (1, V) after one more token."""
        step = self._native_step()
        logits = None if step is None else step(token, state.layers, state.position)
        if logits is None:
            logits = self.decode(torch.tensor([token]), state.layers, state.position)
        state.position += 1
        return logits

    def forget_native_step(self) -> None:
        """To be called when layers were replaced; weights that change or move are noticed."""
        self._step = None

    def has_native_step(self) -> bool:
        """Whether a single token is decoded in one call, where it is decoded outside of training."""
        return self._native_step() is not None

    def _native_step(self) -> NativeStep | None:
        """What decodes a single token in one call, if that is possible and allowed."""
        if not self.uses_native_step:
            return None
        if self._step is None or (self._step[0] is not None and not self._step[0].is_current()):
            self._step = (NativeStep.of(self),)
        return self._step[0]

    def _check_fits(self, end: int) -> None:
        if end > self.config.window:
            raise ValueError(f"{end} tokens do not fit a window of {self.config.window}")
