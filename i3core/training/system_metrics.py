"""Readings of the machine while a run goes: memory, load of the processor, and of the card through NVML."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import psutil

from ..system.device import DeviceChoice, memory_used_bytes

REFRESH_S = 1.0  # shorter spans say nothing about load, and NVML takes milliseconds


class SystemMetrics:
    """What a run reads from the machine it runs on. What cannot be read is None; nothing here raises."""

    def __init__(self, device: DeviceChoice) -> None:
        self._card = _Card(int(device.name.partition(":")[2] or 0)) if device.is_cuda else None
        _ask(psutil.cpu_percent)  # load is counted from here
        self._slow = {"cpu_percent": None} | (self._card.read() if self._card else {})
        self._due = time.monotonic() + REFRESH_S

    def read(self) -> dict[str, float | int | None]:
        """`rss_bytes` of this process and `cpu_percent` of the whole machine; on CUDA also the `gpu_...` numbers.

        All but the first are taken once a second and repeated in between.
        """
        now = time.monotonic()
        if now >= self._due:
            self._slow = {"cpu_percent": _ask(psutil.cpu_percent)} | (self._card.read() if self._card else {})
            self._due = now + REFRESH_S
        return {"rss_bytes": _ask(memory_used_bytes), **self._slow}

    def close(self) -> None:
        """Lets NVML go. Reading on is allowed and finds nothing new about the card."""
        if self._card is not None:
            self._card.close()


class _Card:
    """One CUDA device as NVML and torch see it."""

    def __init__(self, index: int) -> None:
        self._index = index
        self._nvml: Any = None
        self._handle: Any = None
        try:
            import pynvml

            pynvml.nvmlInit()
            self._nvml = pynvml
        except Exception:  # no NVML, or one that does not fit the driver
            return
        # NVML counts all cards of the machine, CUDA those it is shown, and either may order them as it likes.
        uuid = str(_ask(lambda: _properties(index).uuid))
        for kind in ("GPU", "MIG"):
            self._handle = self._handle or _ask(pynvml.nvmlDeviceGetHandleByUUID, f"{kind}-{uuid}")

    def read(self) -> dict[str, float | int | None]:
        """The `gpu_...` numbers."""
        power = self._from_nvml("nvmlDeviceGetPowerUsage")  # milliwatts
        total = getattr(self._from_nvml("nvmlDeviceGetMemoryInfo"), "total", None)
        return {
            "gpu_memory_bytes": self._memory_bytes(),
            "gpu_memory_total_bytes": total or _ask(lambda: int(_properties(self._index).total_memory)),
            "gpu_utilization_percent": getattr(self._from_nvml("nvmlDeviceGetUtilizationRates"), "gpu", None),
            "gpu_power_w": None if power is None else power / 1000,
        }

    def _memory_bytes(self) -> int | None:
        """Card memory of this process, the CUDA context included if NVML knows this process by its number."""
        reserved = _ask(_reserved_bytes, self._index)
        for process in self._from_nvml("nvmlDeviceGetComputeRunningProcesses") or ():
            # In a container NVML counts processes as the host does: the same number may be someone else's.
            if process.pid == os.getpid() and (process.usedGpuMemory or 0) >= (reserved or 0) > 0:
                return process.usedGpuMemory
        return reserved

    def _from_nvml(self, function: str) -> Any:
        return None if self._handle is None else _ask(getattr(self._nvml, function), self._handle)

    def close(self) -> None:
        if self._nvml is not None:
            _ask(self._nvml.nvmlShutdown)
        self._nvml = self._handle = None


def _ask(function: Callable, *arguments: Any) -> Any:
    """The answer, or None if there is none: drivers, containers and permissions differ too much to list."""
    try:
        return function(*arguments)
    except Exception:
        return None


def _properties(index: int) -> Any:
    import torch

    return torch.cuda.get_device_properties(index)


def _reserved_bytes(index: int) -> int:
    import torch

    return torch.cuda.memory_reserved(index)
