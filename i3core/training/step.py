"""One optimiser step: from batches to new weights, on one process or several."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from ..errors import TrainingError
from ..model.block_kinds import KINDS
from ..model.network import I3Network
from ..system.device import DeviceChoice, is_out_of_memory
from ..system.distributed import World
from .config import TrainingConfig
from .optimizers import Schedule, build_optimizers, learning_rate_factor

LOWER_RATE = "Resume from the last checkpoint with a lower learning rate (--lr)."
Batch = tuple[Tensor, Tensor]  # ids and targets, both (sequences, width)


class _MeanLoss(nn.Module):
    """The network's loss as a forward pass, as DistributedDataParallel needs it."""

    def __init__(self, network: I3Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, ids: Tensor, targets: Tensor) -> Tensor:
        return self.network.loss(ids, targets)


class _AllOrNothing:
    """Several optimisers as one for the loss scaling: an overflow in any gradient skips the step of all of them."""

    def __init__(self, optimizers: Sequence[torch.optim.Optimizer]) -> None:
        self._optimizers = optimizers

    @property
    def param_groups(self) -> list[dict]:
        return [group for optimizer in self._optimizers for group in optimizer.param_groups]

    def step(self) -> None:
        for optimizer in self._optimizers:
            optimizer.step()


class TrainStep:
    """A network, its optimisers, and the step from batches to new weights.

    Every rank of `world` gets the same batches and processes its share of their sequences. A share that does not fit
    into memory is processed in micro-batches; the sum of their gradients is the same.

    Attributes:
        micro_tokens: tokens of a batch that the network processes at once, with padding; 0 for all.
        trained: the parameters that change.
    """

    def __init__(
        self,
        network: I3Network,
        config: TrainingConfig,
        device: DeviceChoice,
        total_steps: int,
        world: World | None = None,
        micro_tokens: int = 0,
    ) -> None:
        self.network, self.config, self.device, self.total_steps = network, config, device, total_steps
        self.world, self.micro_tokens = world or World(), micro_tokens
        self.optimizers = build_optimizers(network, config, device.precision)
        self._together = cast(torch.optim.Optimizer, _AllOrNothing(self.optimizers))
        self.trained = [p for p in network.parameters() if p.requires_grad]
        self.schedule = _schedule(config, network)
        self.scaler = torch.amp.GradScaler(enabled=device.precision == "float16")
        self._loss: nn.Module = _MeanLoss(network)
        if self.world.size > 1:
            cards = [torch.device(device.name)] if device.is_cuda else None
            self._loss = nn.parallel.DistributedDataParallel(self._loss, device_ids=cards)

    def step(self, step: int, batches: list[Batch]) -> tuple[float, float, float]:
        """Do one optimiser step over `batches` of (ids, targets).

        Returns mean loss, gradient norm, learning rate.

        Raises TrainingError if the loss is not finite (the weights stay unchanged), or if there is not enough memory
        for a single sequence.
        """
        self.network.train()
        factor = learning_rate_factor(self.schedule, step, self.total_steps)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["peak_lr"] * factor
        loss, grad_norm = self._gradients(batches)
        if not math.isfinite(loss) or not (math.isfinite(grad_norm) or self.scaler.is_enabled()):
            self._clear_gradients()
            raise TrainingError(
                f"The loss became {loss:.4g} and its gradient {grad_norm:.4g} at step {step + 1}.",
                LOWER_RATE,
            )
        self.scaler.step(self._together)
        self._clear_gradients()
        self.scaler.update()
        return loss, grad_norm, self.config.lr * factor

    def find_micro_batch(self, sequences: int, width: int) -> None:
        """Set `micro_tokens` so that a (sequences, width) batch fits into memory on every rank.

        A rank that ran out of memory within a step would leave the others waiting for its gradients.
        """
        self.network.train()
        ids = torch.ones(sequences, width, dtype=torch.long)
        batch = (ids, ids)
        fresh = not any(optimizer.state for optimizer in self.optimizers)  # then the first step needs room for it
        reserve = torch.empty(2 * fresh * sum(p.numel() for p in self.trained), device=self.device.name)
        while True:
            try:
                ids, targets = next(_micro_batches(self._share(batch), self.micro_tokens))
                with self._unsynchronised():
                    self._backward(ids, targets, 1.0)
                break
            except (RuntimeError, MemoryError) as error:
                self._use_less_memory(error, self._share(batch)[0])
            finally:
                self._clear_gradients()
        del reserve
        self.micro_tokens = self.world.smallest(self.micro_tokens or 2**62) % 2**62

    def _gradients(self, batches: list[Batch]) -> tuple[float, float]:
        """Compute the clipped gradients.

        Returns loss and gradient norm over all batches of all ranks.
        """
        while True:
            try:
                total = self._accumulate(batches)
                break
            except (RuntimeError, MemoryError) as error:
                if self.world.size > 1:
                    raise
                self._clear_gradients()
                self._use_less_memory(error, max((ids for ids, _ in batches), key=Tensor.numel))
        self.scaler.unscale_(self._together)
        norm = torch.nn.utils.clip_grad_norm_(self.trained, self.schedule.grad_clip)
        loss, grad_norm = torch.stack([total, norm.to(total)]).tolist()  # one synchronisation with the device
        return self.world.summed([loss])[0], grad_norm

    def _accumulate(self, batches: list[Batch]) -> Tensor:
        """Accumulate the gradients of this rank's share.

        Returns its part of the mean loss, a scalar.
        """
        learned = max(1, sum(int((targets >= 0).sum()) for _, targets in batches))
        micro_batches = [
            micro_batch for batch in batches for micro_batch in _micro_batches(self._share(batch), self.micro_tokens)
        ]
        total = torch.zeros((), device=self.device.name)
        for number, (ids, targets) in enumerate(micro_batches, 1):
            last = number == len(micro_batches)
            with contextlib.nullcontext() if last else self._unsynchronised():
                total += self._backward(ids, targets, int((targets >= 0).sum()) / learned)
        return total

    def _backward(self, ids: Tensor, targets: Tensor, share: float) -> Tensor:
        """Add the gradients of `share` of the mean loss.

        Returns that part of the loss.
        """
        ids, targets = (tensor.to(self.device.name, non_blocking=True) for tensor in (ids, targets))
        with self.device.autocast():
            loss = self._loss(ids, targets) * share
        self.scaler.scale(loss * self.world.size).backward()  # the ranks' gradients are averaged
        return loss.detach()

    def _share(self, batch: Batch) -> Batch:
        """This rank's sequences; one without targets if there are fewer sequences than ranks."""
        rank, size = self.world.rank, self.world.size
        ids, targets = batch
        if size == 1:
            return batch
        if rank >= len(ids):
            return ids[:1], torch.full_like(targets[:1], -1)
        return ids[rank::size], targets[rank::size]

    def _unsynchronised(self) -> contextlib.AbstractContextManager:
        """Postpone the exchange of gradients between ranks."""
        loss = self._loss
        return loss.no_sync() if isinstance(loss, nn.parallel.DistributedDataParallel) else contextlib.nullcontext()

    def _clear_gradients(self) -> None:
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)

    def _use_less_memory(self, error: Exception, ids: Tensor) -> None:
        """Halve the micro-batches after a lack of memory.

        Raises `error` if it was another one, TrainingError if a single sequence does not fit.
        """
        if not is_out_of_memory(error):
            raise error
        sequences, width = ids.shape
        if self.micro_tokens:
            sequences = min(sequences, max(1, self.micro_tokens // width))
        if sequences == 1:
            raise TrainingError(
                f"There is not enough memory for a single sequence of {width} tokens.",
                "Close other programs, or train a smaller model, its last blocks (--last-blocks), or a LoRA adapter.",
            ) from error
        self.micro_tokens = sequences // 2 * width
        if self.device.is_cuda:
            torch.cuda.empty_cache()

    def state_dict(self) -> dict:
        return {
            "optimizers": [o.state_dict() for o in self.optimizers],
            "scaler": self.scaler.state_dict(),
            "micro_tokens": self.micro_tokens,
        }

    def load_state_dict(self, state: dict) -> None:
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
            for group in optimizer.param_groups:
                group["peak_lr"] = self.config.lr  # may have changed
        if state["scaler"]:  # empty if the run started in another precision
            self.scaler.load_state_dict(state["scaler"])
        self.micro_tokens = min(filter(None, (self.micro_tokens, state["micro_tokens"])), default=0)


def _schedule(config: TrainingConfig, network: I3Network) -> Schedule:
    """What the settings say, or the public recipe of the network's blocks.

    That is a cosine over all steps, down to a tenth; with RWKV-4 blocks a constant rate, and no clipping.
    """
    if not config.public_recipe:
        return Schedule(config.warmup_steps, config.decay_share, config.min_lr_share, config.grad_clip)
    if any(KINDS[kind].steady for kind in network.config.kinds):
        return Schedule(warmup_steps=0, decay_share=0.0, min_lr_share=1.0, grad_clip=math.inf)
    return Schedule(config.warmup_steps, 1.0, 0.1, config.grad_clip)


def _micro_batches(batch: Batch, micro_tokens: int) -> Iterator[Batch]:
    """Split a batch into micro-batches of at most `micro_tokens`, at least one sequence each."""
    ids, targets = batch
    sequences = max(1, micro_tokens // ids.shape[1]) if micro_tokens else len(ids)
    for start in range(0, len(ids), sequences):
        yield ids[start : start + sequences], targets[start : start + sequences]
