"""Coordinate a run on several processes, each a rank under `torchrun`; without it there is one.

Only rank 0 reads and writes the run folder and the model; the others receive what they need from it. Gradients are
averaged by PyTorch's DistributedDataParallel, over NCCL between GPUs and Gloo between CPUs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch

from ..errors import ConfigError, DeviceError, I3Error

T = TypeVar("T")
TIMEOUT = timedelta(hours=6)  # rank 0 may tokenize gigabytes of text while the others wait


@dataclass(frozen=True)
class World:
    """The processes of one run.

    Attributes:
        rank: number of this process; 0 reads, writes and reports.
        size: number of processes.
        local_rank: number of this process on its machine, and of its GPU.
        local_size: number of processes on its machine.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1

    @property
    def is_main(self) -> bool:
        return self.rank == 0

    def shared(self, value: Any) -> Any:
        """Broadcast `value` from rank 0 to every rank."""
        if self.size == 1:
            return value
        holder = [value if self.is_main else None]
        torch.distributed.broadcast_object_list(holder, src=0, device=torch.device("cpu"))
        return holder[0]

    def attempt(self, work: Callable[[], T]) -> T | None:
        """Run `work()` on rank 0; None on the others. If it raises an I3Error, the others exit too."""
        failure: I3Error | None = None
        result = None
        if self.is_main:
            try:
                result = work()
            except I3Error as error:
                failure = error
        if self.shared(failure is not None):
            raise failure or SystemExit(1)
        return result

    def summed(self, values: Sequence[float]) -> list[float]:
        """Sum each of `values` over the ranks, in float64."""
        if self.size == 1:
            return list(values)
        total = torch.tensor(values, dtype=torch.float64)
        torch.distributed.all_reduce(total)
        return total.tolist()

    def smallest(self, value: int) -> int:
        """The smallest `value` of all ranks."""
        if self.size == 1:
            return value
        least = torch.tensor([value])
        torch.distributed.all_reduce(least, torch.distributed.ReduceOp.MIN)
        return int(least)

    def device(self, wanted: str) -> str:
        """The device of this rank: one GPU each if there are any, unless the user chose `cpu`."""
        if self.size == 1 or wanted == "cpu" or not torch.cuda.is_available():
            return wanted
        if self.local_rank >= torch.cuda.device_count():
            raise DeviceError(
                f"There are more processes on this machine than its {torch.cuda.device_count()} GPUs.",
                "Lower --nproc-per-node, or add --device cpu.",
            )
        torch.cuda.set_device(self.local_rank)
        return f"cuda:{self.local_rank}"


@contextmanager
def joined_world() -> Iterator[World]:
    """Join the processes that `torchrun` started; without it, a world of one.

    Raises ConfigError if torchrun's variables are incomplete or the other processes cannot be reached.
    """
    if int(os.environ.get("WORLD_SIZE") or 1) == 1:
        yield World()
        return
    if not torch.distributed.is_available():
        raise ConfigError("This build of torch cannot train on several processes.", "Install the ordinary build.")
    try:
        rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
        local_rank, local_size = (
            int(os.environ.get(f"LOCAL_{n}", v)) for n, v in (("RANK", rank), ("WORLD_SIZE", size))
        )
        world = World(rank, size, local_rank, local_size)
    except (KeyError, ValueError) as error:
        raise ConfigError(
            "WORLD_SIZE is set, but RANK is not.", "Start several processes with torchrun, or unset WORLD_SIZE."
        ) from error
    is_owner = not torch.distributed.is_initialized()
    if is_owner:
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        try:
            torch.distributed.init_process_group(backend, timeout=TIMEOUT)
        except (RuntimeError, ValueError) as error:
            raise ConfigError(
                f"Process {world.rank} could not join the others: {str(error).splitlines()[0]}.",
                "Start all of them with torchrun, with the same --rdzv-endpoint.",
            ) from error
    try:
        yield world
        if is_owner:
            torch.distributed.barrier()  # no process leaves while another still uses its connection
    finally:
        if is_owner:
            torch.distributed.destroy_process_group()
