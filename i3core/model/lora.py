"""The trained part of a network: everything, its last blocks, or LoRA matrices.

LoRA (Hu et al. 2021) learns a product B A of low rank for each linear layer: y = W x + b + (alpha / rank) B A x.
A starts random and B at zero, so training starts from the model as it is. The layers are those of the blocks. The head
is left out: with 41,320 chunks its B alone would be larger than all the other matrices of the adapter together.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import TrainingError
from .layers import Linear, is_single_token
from .network import I3Network


class LoRALinear(Linear):
    """A frozen linear layer plus a trained product of low rank.

    lora_A: (rank, in) and lora_B: (out, rank), float32, on the layer's device; their product is scaled by alpha / rank.
    """

    def __init__(self, layer: nn.Linear, lora_A: Tensor, lora_B: Tensor, alpha: float) -> None:
        super().__init__(layer.in_features, layer.out_features, bias=layer.bias is not None, device="meta")
        self.weight = nn.Parameter(layer.weight.detach(), requires_grad=False)
        if layer.bias is not None:
            self.bias = nn.Parameter(layer.bias.detach(), requires_grad=False)
        self.lora_A = nn.Parameter(lora_A.to(layer.weight.device, torch.float32))
        self.lora_B = nn.Parameter(lora_B.to(layer.weight.device, torch.float32))
        self.alpha, self.scaling = alpha, alpha / len(lora_A)

    def forward(self, input: Tensor) -> Tensor:
        """input: (..., in) -> (..., out)."""
        if is_single_token(input, self.in_features):
            return self.matvec(input)
        low = F.linear(input, self.lora_A)
        return F.linear(input, self.weight, self.bias) + F.linear(low, self.lora_B * self.scaling)

    def matvec(self, x: Tensor) -> Tensor:
        """The same for a single token, one float32 vector on a CPU."""
        return super().matvec(x) + F.linear(F.linear(x, self.lora_A), self.lora_B) * self.scaling

    def merged(self) -> Linear:
        """An ordinary linear layer that computes the same."""
        layer = Linear(self.in_features, self.out_features, bias=self.bias is not None, device="meta")
        layer.weight = nn.Parameter(torch.addmm(self.weight, self.lora_B, self.lora_A, alpha=self.scaling).detach())
        if self.bias is not None:
            layer.bias = nn.Parameter(self.bias.detach())
        return layer


def lora_layers(network: I3Network) -> dict[str, LoRALinear]:
    """Name -> layer, in the network's order; empty for a network without LoRA."""
    return {name: module for name, module in network.named_modules() if isinstance(module, LoRALinear)}


def target_layers(network: I3Network) -> dict[str, nn.Linear]:
    """Name -> layer of the linear layers that LoRA adapts."""
    return {
        name: module
        for name, module in network.named_modules()
        if isinstance(module, nn.Linear) and name.startswith("layers.")
    }


def add_lora(network: I3Network, rank: int, alpha: float) -> None:
    """Add new LoRA matrices to the blocks' linear layers, in place, and freeze everything else.

    They depend on torch's seed alone, whatever the device. Raises TrainingError for a rank or alpha out of range.
    """
    layers = target_layers(network)
    most = min(min(layer.in_features, layer.out_features) for layer in layers.values())
    if isinstance(rank, bool) or not isinstance(rank, int) or not 1 <= rank <= most:
        raise TrainingError(
            f"The rank of LoRA must be a whole number from 1 to {most} for this model, not {rank!r}.",
            "8 to 32 suit most data.",
        )
    matrices = {}
    for name, layer in layers.items():
        lora_A = torch.empty(rank, layer.in_features, device="cpu")
        nn.init.kaiming_uniform_(lora_A, a=math.sqrt(5))  # as PEFT does
        matrices[name] = lora_A, torch.zeros(layer.out_features, rank, device="cpu")
    insert_lora(network, matrices, alpha)


def insert_lora(network: I3Network, matrices: dict[str, tuple[Tensor, Tensor]], alpha: float) -> None:
    """Add given (lora_A, lora_B) to the linear layers of these names, in place, and freeze everything else."""
    if lora_layers(network):
        raise TrainingError("This network has LoRA matrices already.", "Merge them before adding others.")
    if isinstance(alpha, bool) or not isinstance(alpha, int | float) or not 0 < alpha < math.inf:
        raise TrainingError(f"The alpha of LoRA must be a number above 0, not {alpha!r}.", "16 is usual.")
    network.requires_grad_(False)
    for name, (lora_A, lora_B) in matrices.items():
        layer = network.get_submodule(name)
        assert isinstance(layer, nn.Linear), name
        network.set_submodule(name, LoRALinear(layer, lora_A, lora_B, alpha))
    network.forget_native_step()


def merge_lora(network: I3Network) -> I3Network:
    """Add the LoRA matrices to the frozen weights, in place: a plain network, all of it trainable."""
    for name, layer in lora_layers(network).items():
        network.set_submodule(name, layer.merged())
    network.forget_native_step()
    return network.requires_grad_(True)


def train_last_blocks(network: I3Network, count: int) -> None:
    """Freeze all but the last `count` blocks and the final norm.

    Raises TrainingError for a number of blocks that the network does not have.
    """
    blocks = len(network.layers)
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= blocks:
        raise TrainingError(
            f"This model has {blocks} blocks; the last {count!r} of them cannot be trained.",
            f"Give a number from 1 to {blocks}, or train everything.",
        )
    network.requires_grad_(False)
    for part in (*network.layers[-count:], network.ln_f):
        part.requires_grad_(True)
