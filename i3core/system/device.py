"""Choose device and precision, and measure memory."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import math
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from ..errors import DeviceError
from .gpu import UnusableGpu, card_fault, may_have_card, working_card

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
TRAINING_PRECISIONS = ("auto", "float32", "bfloat16", "float16")
# The words of torch, cuBLAS and cuDNN.
OUT_OF_MEMORY = ("can't allocate memory", "out of memory", "CUBLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED")
NO_CARD, CHOSEN = "no CUDA device found", "chosen by you"
WEIGHT_BITS = {"int8": 8, "int4": 4}  # precisions of the weights, for inference on a CPU
PRECISIONS = (*TRAINING_PRECISIONS, *WEIGHT_BITS)
LEAST_WIDTH, LEAST_GAIN = 256, 1.2  # of a model that trains in bfloat16 on a CPU
FEW_PROBE_ROWS, PROBE_ROWS, PROBE_ROUNDS, SLOW = 16, 512, 5, 0.5  # of the probe for bfloat16 on a CPU


@dataclass(frozen=True)
class DeviceChoice:
    """The device of a network, and why it was chosen.

    Attributes:
        name: a torch device, "cpu" or "cuda:0".
        label: name to show, such as "CPU" or the name of the GPU.
        precision: "float32", "bfloat16" or "float16" of matrix products, or "int8" or "int4" of the weights
            (quantization.py); the recurrences are always float32.
        threads: threads that torch uses on the CPU; 0 if torch was not asked.
        reason: why this device was chosen.
        unusable_gpu: a faster GPU of this machine, and why it cannot be used; None if there is none.
    """

    name: str
    label: str
    precision: str
    threads: int
    reason: str
    unusable_gpu: UnusableGpu | None = None

    def describe(self) -> str:
        """One line for a status bar: device, threads, precision and the reason."""
        threads = (
            f", {self.threads} thread{'s' if self.threads != 1 else ''}" if self.name == "cpu" and self.threads else ""
        )
        return f"{self.label}{threads}, {self.precision} ({self.reason})"

    @property
    def is_cuda(self) -> bool:
        return self.name.startswith("cuda")

    def autocast(self) -> contextlib.AbstractContextManager:
        """Context in which matrix products run in `precision`."""
        if self.precision == "float32" or self.precision in WEIGHT_BITS:
            return contextlib.nullcontext()
        import torch

        return torch.autocast(self.name.split(":")[0], dtype=getattr(torch, self.precision))


def plain_cpu(device: str = "auto", precision: str = "auto") -> DeviceChoice | None:
    """What `choose_device` would choose, where that is a CPU in float32 for sure; otherwise None. Needs no torch."""
    if precision not in ("auto", "float32") or device not in ("auto", "cpu"):
        return None
    if device == "auto" and may_have_card():
        return None
    return DeviceChoice("cpu", "CPU", "float32", 0, NO_CARD if device == "auto" else CHOSEN)


def choose_device(device: str = "auto", precision: str = "auto") -> DeviceChoice:
    """Choose the first CUDA device by default; float32 on CPUs, bfloat16 or float16 on GPUs.

    Raises DeviceError if the device does not exist, or the precision is unknown or not for this device.
    """
    import torch

    if precision not in PRECISIONS:
        raise DeviceError(f"Unknown precision {precision!r}.", f"Known: {', '.join(PRECISIONS)}.")
    found = torch.cuda.is_available()
    card = None
    if device == "auto":
        working, card = working_card()
        name = "cpu" if working is None else f"cuda:{working}"
        platform = "ROCm" if torch.version.hip else "CUDA"
        reason = NO_CARD.replace("CUDA", platform) if working is None else f"{platform} device found"
        if card is not None:
            reason = f"{card.name} not used: {card.reason}"
    else:
        name, reason = device, CHOSEN
        try:
            kind, index = torch.device(device).type, torch.device(device).index or 0
        except RuntimeError as error:
            raise DeviceError(f"Unknown device {device!r}.", "Use auto, cpu or cuda.") from error
        if kind not in ("cpu", "cuda"):
            raise DeviceError(f"The device {device!r} is not supported.", "Use auto, cpu or cuda.")
        if kind == "cuda" and (not found or index >= torch.cuda.device_count()):
            raise DeviceError(
                f"There is no device {device!r} on this machine.",
                "Use cpu, or install a CUDA build of torch and the GPU's driver.",
            )
        if kind == "cuda" and (fault := card_fault(index)):
            raise DeviceError(
                f"{fault.name} cannot be used: {fault.reason}.", f"{fault.remedy} {fault.command}".strip()
            )
        name = "cpu" if kind == "cpu" else f"cuda:{index}"
    if precision == "auto":
        precision = "float32" if name == "cpu" else "bfloat16" if _has_bfloat16(name) else "float16"
    if precision == "float16" and name == "cpu":
        raise DeviceError("float16 is not supported on a CPU.", "Use float32 or bfloat16.")
    if precision in WEIGHT_BITS and name != "cpu":
        raise DeviceError(
            f"{precision} is for CPUs, and this model would run on a GPU.", "Use bfloat16, or the device cpu."
        )
    label = "CPU" if name == "cpu" else torch.cuda.get_device_name(name)
    return DeviceChoice(name, label, precision, torch.get_num_threads(), reason, card)


def training_precision(width: int) -> str:
    """The faster precision of matrix products on this CPU for training a model of this width.

    bfloat16 only if it is clearly faster. Narrow models gain nothing from it.
    """
    if width < LEAST_WIDTH:
        return "float32"
    return "bfloat16" if bfloat16_speed(width) > LEAST_GAIN else "float32"


def precision_warnings(device: DeviceChoice, width: int) -> tuple[str, ...]:
    """What should be known about the precision of products with weights of this width."""
    speed = bfloat16_speed(width) if device.name == "cpu" and device.precision == "bfloat16" else 1.0
    if speed > SLOW:
        return ()
    times = f"at least {1 / speed:.0f} times slower than in float32"
    return (f"This CPU emulates bfloat16: it multiplies {times}. Use float32.",)


@functools.cache
def bfloat16_speed(width: int) -> float:
    """Speed of matrix products in bfloat16 on this CPU as a multiple of that in float32, measured in some 50 ms.

    Some CPUs multiply bfloat16 several times faster than float32, others emulate it, which is
    many times slower for large products.
    """
    import torch
    from torch.nn import functional

    weight = torch.ones(4 * width, width)
    speed = 1.0
    with torch.no_grad():
        for rows in (FEW_PROBE_ROWS, PROBE_ROWS):
            x, best = torch.ones(rows, width), dict.fromkeys((torch.float32, torch.bfloat16), math.inf)
            for _ in range(PROBE_ROUNDS):  # in turns, so that both meet the same other load
                for dtype in best:
                    start = time.perf_counter()
                    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
                        functional.linear(x, weight)
                    best[dtype] = min(best[dtype], time.perf_counter() - start)
            speed = best[torch.float32] / best[torch.bfloat16]
            if speed < SLOW:  # more rows would take seconds
                break
    return speed


def _has_bfloat16(name: str) -> bool:
    """Whether this card multiplies bfloat16 itself; torch answers for the current one."""
    import torch

    with torch.cuda.device(name):
        return torch.cuda.is_bf16_supported(including_emulation=False)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an allocation failed; torch raises a plain RuntimeError for CPU memory."""
    text = str(error)
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and any(t in text for t in OUT_OF_MEMORY))


def memory_used_bytes() -> int:
    """Resident memory of this process, in bytes."""
    return psutil.Process().memory_info().rss


def keep_freed_memory() -> None:
    """Tell glibc not to return freed memory to the system, for training processes.

    A training step frees and allocates gigabytes. The kernel must zero fresh pages, a sixth of a step's time; large
    pages are the slowest to get, and help only programs that read the same weights repeatedly.
    """
    os.environ["THP_MEM_ALLOC_ENABLE"] = "0"  # read when torch first takes memory
    if glibc := _glibc():
        glibc.mallopt(M_MMAP_THRESHOLD, 2**30)
        glibc.mallopt(M_TRIM_THRESHOLD, -1)  # never


def release_freed_memory() -> None:
    """Tell glibc to return freed memory to the system now."""
    if glibc := _glibc():
        glibc.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    try:
        glibc = ctypes.CDLL("libc.so.6") if sys.platform.startswith("linux") else None
        return glibc if hasattr(glibc, "mallopt") and hasattr(glibc, "malloc_trim") else None
    except OSError:  # another libc
        return None


def peak_memory_bytes() -> int:
    """Peak resident memory of this process so far, in bytes."""
    if sys.platform == "win32":
        return psutil.Process().memory_info().peak_wset
    try:  # Linux's getrusage also counts the program that started this one
        status = Path("/proc/self/status").read_text()
        return 1024 * int(status.partition("VmHWM:")[2].split()[0])
    except (OSError, ValueError, IndexError):
        pass
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
