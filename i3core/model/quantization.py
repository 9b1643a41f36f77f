"""int8 weights for inference on a CPU.

Decoding is bound by memory bandwidth, and int8 is a quarter of the bytes. Each row of a linear layer's weight becomes
whole numbers from -127 to 127 and one scale (symmetric, round to nearest). Products have bfloat16 activations and are
summed in float32, each token for itself, so that a token's result does not depend on the others. Embeddings, norms,
biases and recurrences stay float32.
"""

from __future__ import annotations

import platform
import sys
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import I3Error
from .layers import Linear
from .network import I3Network

MULTIPLE = 16  # torch's kernels read rows of weights in steps of so many numbers, also beyond their end
ELEMENTS_AT_ONCE = 2**20  # of weights that are in float32 for a moment
LOGITS_AT_ONCE = 2**24

_int8_matmul: Any = getattr(torch, "_weight_int8pack_mm", None)  # private: it may be gone in another version


def has_int8_kernel() -> bool:
    """True if torch multiplies by int8 weights with vector instructions; on Windows it does not."""
    if sys.platform == "win32" or _int8_matmul is None:
        return False
    return platform.machine() in ("arm64", "aarch64") or torch.backends.cpu.get_cpu_capability().startswith("AVX")


def inference_only() -> I3Error:
    """The error for training, saving or adapting a network in int8."""
    return I3Error(
        "A model in int8 can chat and be evaluated, but not be trained, saved or adapted.", "Load it in float32."
    )


def padded_size(layer: Linear) -> int:
    return layer.out_features * -(-layer.in_features // MULTIPLE) * MULTIPLE


class Int8Linear(Linear):
    """A linear layer with int8 weights, for inference on a CPU.

    values: (out, in padded to a multiple of 16) int8; scale: (out,) bfloat16, as torch's kernel wants it; bias: (out,).
    """

    def __init__(self, layer: Linear, values: Tensor | None = None) -> None:
        """values: zeros, `padded_size(layer)` of them, to be overwritten by the weights."""
        nn.Module.__init__(self)  # not that of nn.Linear, which makes a float32 weight
        self.in_features, self.out_features = layer.in_features, layer.out_features
        self.padding = -self.in_features % MULTIPLE
        self.use_kernel = has_int8_kernel()
        # Plain attributes, not buffers: nn.Module takes a microsecond to find one of those, four times a layer.
        self.bias = torch.zeros(self.out_features) if layer.bias is None else layer.bias.detach().clone()
        self.scale = torch.empty(self.out_features, dtype=torch.bfloat16)
        values = torch.zeros(padded_size(layer), dtype=torch.int8) if values is None else values
        self.values = values.view(self.out_features, -1)
        rows = max(1, ELEMENTS_AT_ONCE // self.in_features)
        parts = (tensor.split(rows) for tensor in (layer.weight.detach(), self.values, self.scale))
        for weight, part, scale in zip(*parts, strict=True):
            scale.copy_((weight.abs().amax(1) / 127).clamp_(min=1e-30))
            part[:, : self.in_features] = (weight / scale.float()[:, None]).round_().clamp_(-127, 127)

    def forward(self, input: Tensor) -> Tensor:
        """input: (..., in) -> (..., out), float32."""
        rows = input.reshape(-1, self.in_features).float()
        if self.use_kernel:
            if self.padding:
                rows = F.pad(rows, (0, self.padding))
            # From float32, so always a copy: the kernel needs an alignment that a part of another tensor may not have.
            y = _int8_matmul(rows.bfloat16().contiguous(), self.values, self.scale)
        else:
            y = self._in_float32(rows)
        return torch.add(self.bias, y).view(*input.shape[:-1], self.out_features)

    def matvec(self, x: Tensor) -> Tensor:
        """The same for a single token, x: (1, in) float32 -> (1, out)."""
        if self.padding or not self.use_kernel:
            return self(x)
        return torch.add(self.bias, _int8_matmul(x.bfloat16(), self.values, self.scale))

    def _in_float32(self, rows: Tensor) -> Tensor:
        """The same without rounding activations, from a part of the weights at a time."""
        parts = self.values.split(max(1, ELEMENTS_AT_ONCE // self.values.shape[1]))
        y = torch.cat([F.linear(rows, part[:, : self.in_features].float()) for part in parts], 1)
        return y.mul_(self.scale)

    def loss(self, x: Tensor, targets: Tensor) -> Tensor:
        """See `Linear.loss`."""
        nats = torch.zeros(())
        rows = max(1, LOGITS_AT_ONCE // self.out_features)
        for part, answers in zip(x.split(rows), targets.split(rows), strict=True):
            nats += F.cross_entropy(self(part), answers.clamp(min=-1), ignore_index=-1, reduction="sum")
        return nats / (targets >= 0).sum().clamp(min=1)

    @property
    def nbytes(self) -> int:
        return self.values.nbytes + self.scale.nbytes + self.bias.nbytes

    def __getattr__(self, name: str) -> Any:
        """Refuse `weight`, which these layers do not have."""
        if name == "weight":
            raise inference_only()
        return super().__getattr__(name)

    def train(self, mode: bool = True) -> Int8Linear:
        if mode:
            raise inference_only()
        return super().train(mode)

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        raise inference_only()


def quantize(network: I3Network) -> I3Network:
    """Convert all linear layers, also the head, to int8 in place."""
    layers = {name: layer for name, layer in network.named_modules() if isinstance(layer, Linear)}
    sizes = [padded_size(layer) for layer in layers.values()]
    # One tensor for all weights: Linux gives it large pages, 5 % faster to read than those of a tensor for each.
    all_values = torch.zeros(sum(sizes), dtype=torch.int8).split(sizes)
    for (name, layer), values in zip(layers.items(), all_values, strict=True):
        layers[name] = Int8Linear(layer, values)  # frees the float32 weights one by one
        network.set_submodule(name, layers[name])
    for weight in network.parameters():
        weight.data = weight.detach().clone()  # one part of a mapped file would keep all of it in memory
    return network.requires_grad_(False).eval()
