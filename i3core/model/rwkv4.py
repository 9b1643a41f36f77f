"""The two parts of an RWKV-4 block (Peng et al. 2023), as the public i3 code has them.

    time mixing       k, v, r = linear layers of x_t mixed with x_{t-1};   y = output(sigmoid(r) * wkv)
    channel mixing    k, r likewise;   y = sigmoid(receptance(r)) * value(relu(key(k))^2)

"Mixed" is m x_t + (1 - m) x_{t-1} with a vector m for each of them; zeros precede the first token. No layer has a bias.
The decay is w = -e^{time_decay}. In the paper `time_first` raises the weight of the newest token; in the public i3
code it raises that of all tokens before it, which is the same with the other sign: u = -time_first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from .layers import Linear
from .state import NOTHING, RWKV4State, in_token_order, last_state
from .wkv import wkv, wkv_step

if TYPE_CHECKING:
    from .config import ModelConfig


class RWKV4Mixer(nn.Module):
    """Time mixing; the recurrence itself in float32 even under autocast."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        d = config.d_model
        self.time_decay = nn.Parameter(_uniform(d, -6.0, -3.0))
        self.time_first = nn.Parameter(torch.ones(d))
        self.time_mix_k, self.time_mix_v, self.time_mix_r = (nn.Parameter(torch.ones(1, 1, d)) for _ in range(3))
        self.key, self.value, self.receptance, self.output = (Linear(d, d, bias=False) for _ in range(4))

    def forward(
        self, x: Tensor, state: RWKV4State | None = None, position: int = 0, mask: Tensor | None = None
    ) -> Tensor:
        """x: (B, T, D) -> (B, T, D). See `Mixer`; the position does not matter."""
        order = in_token_order(mask)
        x = x if order is None else x.gather(1, order.expand_as(x))
        before = None if state is None else state.mixed_before
        shifted = shift(x, before)
        k = self.key(torch.lerp(shifted, x, self.time_mix_k.to(x.dtype)))
        v = self.value(torch.lerp(shifted, x, self.time_mix_v.to(x.dtype)))
        r = self.receptance(torch.lerp(shifted, x, self.time_mix_r.to(x.dtype)))
        with torch.autocast(x.device.type, enabled=False):
            if before is None or state is None:
                mean, log_weight = (x.new_full((len(x), x.shape[2]), start).float() for start in (0.0, NOTHING))
            else:
                mean, log_weight = state.mean, state.log_weight
            y, means, weights = wkv(*self._rates(), k.float(), v.float(), mean, log_weight)
            if state is not None:
                state.mixed_before = last_state(x.float(), before, mask)
                state.mean, state.log_weight = last_state(means, mean, mask), last_state(weights, log_weight, mask)
        y = self.output(torch.sigmoid(r) * y.to(r.dtype))
        return y if order is None else y.gather(1, order.argsort(dim=1).expand_as(y))

    def decode(self, x: Tensor, state: RWKV4State, position: int | Tensor = 0, mask: Tensor | None = None) -> Tensor:
        """x: (B, D) -> (B, D)."""
        single, before = isinstance(position, int), state.mixed_before.to(x.dtype)
        k, v, r = (
            _product(layer, torch.lerp(before, x, mix.view(-1).to(x.dtype)), single)
            for layer, mix in (
                (self.key, self.time_mix_k),
                (self.value, self.time_mix_v),
                (self.receptance, self.time_mix_r),
            )
        )
        y, state.mean, state.log_weight = wkv_step(*self._rates(), k.float(), v.float(), state.mean, state.log_weight)
        state.mixed_before = x.float()
        return _product(self.output, torch.sigmoid(r) * y.to(r.dtype), single)

    def reset(self) -> None:
        """Draw initial values of all but the linear layers."""
        nn.init.uniform_(self.time_decay, -6.0, -3.0)
        for weight in (self.time_first, self.time_mix_k, self.time_mix_v, self.time_mix_r):
            nn.init.ones_(weight)

    def _rates(self) -> tuple[Tensor, Tensor]:
        """The logarithm of the decay, and the bonus of the newest token."""
        return -self.time_decay.float().exp(), -self.time_first.float()


class ChannelMixing(nn.Module):
    """The feed-forward layer of an RWKV-4 block, which also reads the previous token's input."""

    def __init__(self, d_model: int, width: int) -> None:
        super().__init__()
        self.time_mix_k, self.time_mix_r = (nn.Parameter(torch.ones(1, 1, d_model)) for _ in range(2))
        self.key = Linear(d_model, width, bias=False)
        self.receptance = Linear(d_model, d_model, bias=False)
        self.value = Linear(width, d_model, bias=False)

    def forward(self, x: Tensor, state: RWKV4State | None = None, mask: Tensor | None = None) -> Tensor:
        """x: (B, T, D) -> (B, T, D)."""
        order = in_token_order(mask)
        x = x if order is None else x.gather(1, order.expand_as(x))
        before = None if state is None else state.widened_before
        shifted = shift(x, before)
        if state is not None:
            state.widened_before = last_state(x.float(), before, mask)
        k = torch.lerp(shifted, x, self.time_mix_k.to(x.dtype))
        r = torch.lerp(shifted, x, self.time_mix_r.to(x.dtype))
        y = torch.sigmoid(self.receptance(r)) * self.value(torch.relu(self.key(k)).square())
        return y if order is None else y.gather(1, order.argsort(dim=1).expand_as(y))

    def decode(self, x: Tensor, state: Any, position: int | Tensor) -> Tensor:
        """x: (B, D) -> (B, D)."""
        single, before = isinstance(position, int), state.widened_before.to(x.dtype)
        state.widened_before = x.float()
        k = torch.lerp(before, x, self.time_mix_k.view(-1).to(x.dtype))
        r = torch.lerp(before, x, self.time_mix_r.view(-1).to(x.dtype))
        widened = torch.relu(_product(self.key, k, single)).square()
        return torch.sigmoid(_product(self.receptance, r, single)) * _product(self.value, widened, single)

    def reset(self) -> None:
        """Draw initial values of all but the linear layers."""
        nn.init.ones_(self.time_mix_k)
        nn.init.ones_(self.time_mix_r)


def shift(x: Tensor, before: Tensor | None) -> Tensor:
    """Each token's predecessor. x: (B, T, D); before: (B, D) what came before the first, or zeros."""
    first = torch.zeros_like(x[:, :1]) if before is None else before[:, None].to(x.dtype)
    return torch.cat([first, x[:, :-1]], 1)


def _product(layer: Linear, x: Tensor, single: bool) -> Tensor:
    return layer.matvec(x) if single else layer(x)


def _uniform(count: int, low: float, high: float) -> Tensor:
    values = torch.empty(count)
    return values if values.is_meta else values.uniform_(low, high)
