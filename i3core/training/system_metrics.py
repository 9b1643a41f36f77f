"""System metrics of a run: memory, CPU load, and the GPU through NVML."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any, TypedDict

import psutil

from ..system.device import DeviceChoice, memory_used_bytes

REFRESH_S = 1.0  # shorter spans say nothing about load, and NVML takes milliseconds


class _GpuMetrics(TypedDict, total=False):
    gpu_memory_bytes: int | None
    gpu_memory_total_bytes: int | None
    gpu_utilization_percent: float | None
    gpu_power_w: float | None


class Metrics(_GpuMetrics):
    """`rss_bytes` of this process, `cpu_percent` of the whole machine, and on CUDA the `gpu_...` figures.

    A figure that cannot be read is None.
    """

    rss_bytes: int
    cpu_percent: float | None


class SystemMetrics:
    """Reads the metrics of this machine. Nothing here raises."""

    def __init__(self, device: DeviceChoice) -> None:
        self._gpu = _Gpu(int(device.name.partition(":")[2] or 0)) if device.is_cuda else None
        _try(psutil.cpu_percent)  # load is counted from here
        self._cpu_percent: float | None = None
        self._gpu_metrics = self._gpu.read() if self._gpu else _GpuMetrics()
        self._due = time.monotonic() + REFRESH_S

    def read(self) -> Metrics:
        """Current memory of the process.

        The other figures are read once a second and repeated in between.
        """
        now = time.monotonic()
        if now >= self._due:
            self._cpu_percent = _try(psutil.cpu_percent)
            self._gpu_metrics = self._gpu.read() if self._gpu else _GpuMetrics()
            self._due = now + REFRESH_S
        return {"rss_bytes": _try(memory_used_bytes), "cpu_percent": self._cpu_percent, **self._gpu_metrics}

    def close(self) -> None:
        """Shut NVML down.

        `read` may still be called; it finds nothing new about the GPU.
        """
        if self._gpu is not None:
            self._gpu.close()


class _Gpu:
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
        # NVML numbers all GPUs of the machine, CUDA those visible to it, and their orders may differ.
        uuid = str(_try(lambda: _properties(index).uuid))
        for kind in ("GPU", "MIG"):
            self._handle = self._handle or _try(pynvml.nvmlDeviceGetHandleByUUID, f"{kind}-{uuid}")

    def read(self) -> _GpuMetrics:
        power = self._from_nvml("nvmlDeviceGetPowerUsage")  # milliwatts
        total = getattr(self._from_nvml("nvmlDeviceGetMemoryInfo"), "total", None)
        return {
            "gpu_memory_bytes": self._memory_bytes(),
            "gpu_memory_total_bytes": total or _try(lambda: int(_properties(self._index).total_memory)),
            "gpu_utilization_percent": getattr(self._from_nvml("nvmlDeviceGetUtilizationRates"), "gpu", None),
            "gpu_power_w": None if power is None else power / 1000,
        }

    def _memory_bytes(self) -> int | None:
        """GPU memory of this process, with the CUDA context if NVML knows this process by its number."""
        reserved = _try(_reserved_bytes, self._index)
        for process in self._from_nvml("nvmlDeviceGetComputeRunningProcesses") or ():
            # In a container NVML uses the host's process numbers: an equal number may be another process.
            if process.pid == os.getpid() and (process.usedGpuMemory or 0) >= (reserved or 0) > 0:
                return process.usedGpuMemory
        return reserved

    def _from_nvml(self, function: str) -> Any:
        return None if self._handle is None else _try(getattr(self._nvml, function), self._handle)

    def close(self) -> None:
        if self._nvml is not None:
            _try(self._nvml.nvmlShutdown)
        self._nvml = self._handle = None


def _try(function: Callable, *arguments: Any) -> Any:
    """Result of `function`, or None if it fails: drivers, containers and permissions differ too much to list."""
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
