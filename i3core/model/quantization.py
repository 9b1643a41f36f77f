"""int8 and int4 weights for inference on a CPU.

Decoding is bound by memory bandwidth, and int8 is a quarter of the bytes. Each row of a linear layer's weight becomes
whole numbers from -127 to 127 and one scale (symmetric, round to nearest). Products of a few tokens have bfloat16
activations and are summed in float32, each token for itself; those of longer prompts are in float32, from a part of
the weights at a time. Embeddings, norms, biases and recurrences stay float32. int4 is an eighth, for decoding in one
call (`native.py`).
"""

from __future__ import annotations

import platform
import sys
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import DeviceError, I3Error
from .layers import INT4, INT8, NATIVE_GROUP, Linear
from .network import I3Network

MULTIPLE = 16  # torch's kernels read rows of weights in steps of so many numbers, also beyond their end
KERNEL_ROWS = 16  # beyond them a product in float32 is faster than torch's kernel
ELEMENTS_AT_ONCE = 2**20  # of weights that are in float32 for a moment
LOGITS_AT_ONCE = 2**24
SINGLY = 48  # tokens that decode from int4 in the time that it takes to convert all weights to float32

_int8_matmul: Any = getattr(torch, "_weight_int8pack_mm", None)  # private: it may be gone in another version


def has_int8_kernel() -> bool:
    """True if torch multiplies by int8 weights with vector instructions; on Windows it does not."""
    if sys.platform == "win32" or _int8_matmul is None:
        return False
    return platform.machine() in ("arm64", "aarch64") or torch.backends.cpu.get_cpu_capability().startswith("AVX")


def inference_only() -> I3Error:
    """The error for training, saving or adapting a network in int8 or int4."""
    return I3Error(
        "A model in int8 or int4 can chat and be evaluated, but not be trained, saved or adapted.",
        "Load it in float32.",
    )


def padded_size(layer: Linear) -> int:
    return layer.out_features * -(-layer.in_features // MULTIPLE) * MULTIPLE


class QuantizedLinear(Linear):
    """A linear layer for inference on a CPU, whose weights are whole numbers and scales.

    values, scale, bias: plain attributes, not buffers: nn.Module takes a microsecond to find one of those.
    """

    values: Tensor
    scale: Tensor
    bias: Tensor

    def __init__(self, layer: Linear) -> None:
        nn.Module.__init__(self)  # not that of nn.Linear, which makes a float32 weight
        self.in_features, self.out_features = layer.in_features, layer.out_features
        self.bias = torch.zeros(self.out_features) if layer.bias is None else layer.bias.detach().clone()

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

    def train(self, mode: bool = True) -> QuantizedLinear:
        if mode:
            raise inference_only()
        return super().train(mode)

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        raise inference_only()


class Int8Linear(QuantizedLinear):
    """A linear layer with int8 weights, for inference on a CPU.

    values: (out, in padded to a multiple of 16) int8; scale: (out,) bfloat16, as torch's kernel wants it; bias: (out,).
    """

    def __init__(self, layer: Linear, values: Tensor | None = None) -> None:
        """values: zeros, `padded_size(layer)` of them, to be overwritten by the weights."""
        super().__init__(layer)
        self.padding = -self.in_features % MULTIPLE
        self.use_kernel = has_int8_kernel()
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
        if self.use_kernel and len(rows) <= KERNEL_ROWS:
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

    def for_native_step(self) -> tuple[int, Tensor, Tensor] | None:
        """See `Linear.for_native_step`."""
        return None if self.in_features % NATIVE_GROUP else (INT8, self.values, self.scale.float())

    def _in_float32(self, rows: Tensor) -> Tensor:
        """The same without rounding activations, from a part of the weights at a time."""
        parts = self.values.split(max(1, ELEMENTS_AT_ONCE // self.values.shape[1]))
        y = torch.cat([F.linear(rows, part[:, : self.in_features].float()) for part in parts], 1)
        return y.mul_(self.scale)


class Int4Linear(QuantizedLinear):
    """A linear layer with int4 weights, a scale for each group of 64 in a row; `in` is a multiple of 64.

    values: (out, in / 2) uint8; byte i of a group's 32 has the numbers i (low half) and i + 32, each from -8 to 7 and
    stored with 8 added. scale: (out, in / 64) float32; bias: (out,).
    """

    def __init__(self, layer: Linear, values: Tensor | None = None) -> None:
        """values: uint8 zeros, in * out / 2 of them, to be overwritten by the weights."""
        super().__init__(layer)
        groups = self.in_features // NATIVE_GROUP
        values = torch.zeros(self.in_features * self.out_features // 2, dtype=torch.uint8) if values is None else values
        self.values = values.view(self.out_features, -1)
        self.scale = torch.empty(self.out_features, groups)
        rows = max(1, ELEMENTS_AT_ONCE // self.in_features)
        parts = (tensor.split(rows) for tensor in (layer.weight.detach(), self.values, self.scale))
        for weight, part, scale in zip(*parts, strict=True):
            weight = weight.reshape(len(weight), groups, NATIVE_GROUP)
            best = _best_scale(weight)
            scale.copy_(best[..., 0])
            codes = _in_sixteen(weight, best).add_(8).to(torch.uint8)
            part.copy_((codes[..., : NATIVE_GROUP // 2] | codes[..., NATIVE_GROUP // 2 :] << 4).flatten(1))

    def forward(self, input: Tensor) -> Tensor:
        """input: (..., in) -> (..., out), float32. From a part of the weights at a time."""
        rows = input.reshape(-1, self.in_features).float()
        at_once = max(1, ELEMENTS_AT_ONCE // self.in_features)
        y = torch.empty(len(rows), self.out_features)
        for start in range(0, self.out_features, at_once):
            part = slice(start, start + at_once)
            y[:, part] = rows @ self.weights(part).T
        return y.add_(self.bias).view(*input.shape[:-1], self.out_features)

    def matvec(self, x: Tensor) -> Tensor:
        """The same for a single token."""
        return self(x)

    def weights(self, rows: slice) -> Tensor:
        """These rows as they are multiplied by, (rows, in) float32."""
        packed = self.values[rows].view(-1, self.in_features // NATIVE_GROUP, NATIVE_GROUP // 2)
        codes = torch.cat([packed & 15, packed >> 4], -1).float().sub_(8)
        return codes.mul_(self.scale[rows][..., None]).flatten(1)

    def for_native_step(self) -> tuple[int, Tensor, Tensor]:
        """See `Linear.for_native_step`."""
        return INT4, self.values, self.scale


def _in_sixteen(weight: Tensor, scale: Tensor) -> Tensor:
    return (weight / scale).round_().clamp_(-8, 7)


def _best_scale(weight: Tensor) -> Tensor:
    """The scale (..., 1) of each group (..., 64) with the least squared error.

    The number furthest from zero becomes about -8, of which there is no positive counterpart (as q4_0 of llama.cpp);
    a smaller scale cuts it off and serves the others better.
    """
    furthest = weight.gather(-1, weight.abs().argmax(-1, keepdim=True))
    widest = torch.where(furthest == 0, 1e-30, furthest / -8)
    best, least = widest, torch.full_like(widest, torch.inf)
    for factor in (1.0, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7):
        scale = widest * factor
        error = (_in_sixteen(weight, scale).mul_(scale) - weight).square_().sum(-1, keepdim=True)
        best, least = torch.where(error < least, scale, best), torch.minimum(error, least)
    return best


def quantize(network: I3Network, bits: int = 8) -> I3Network:
    """Convert all linear layers, also the head, to int8 or int4 in place.

    Layers whose width is no multiple of 64 stay int8. Raises DeviceError if this machine has no fast int4.
    """
    layers = {name: layer for name, layer in network.named_modules() if isinstance(layer, Linear)}
    halved = [bits == 4 and layer.in_features % NATIVE_GROUP == 0 for layer in layers.values()]
    sizes = [padded_size(layer) // (1 + half) for layer, half in zip(layers.values(), halved, strict=True)]
    # One tensor for all weights: Linux gives it large pages, 5 % faster to read than those of a tensor for each.
    all_values = torch.zeros(sum(sizes), dtype=torch.int8).split(sizes)
    for (name, layer), values, half in zip(layers.items(), all_values, halved, strict=True):
        layers[name] = Int4Linear(layer, values.view(torch.uint8)) if half else Int8Linear(layer, values)
        network.set_submodule(name, layers[name])  # frees the float32 weights one by one
    for weight in network.parameters():
        weight.data = weight.detach().clone()  # one part of a mapped file would keep all of it in memory
    network.forget_native_step()
    network.read_singly = SINGLY if bits == 4 else 1
    if bits == 4 and not network.has_native_step():
        raise DeviceError(
            "int4 needs i3core's compiled decoder, which this installation or this kind of model does not have.",
            "Use int8.",
        )
    return network.requires_grad_(False).eval()
