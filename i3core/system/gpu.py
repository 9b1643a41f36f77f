"""Find a GPU that computes, or one that this installation cannot use and a remedy. Imports torch only when called."""

from __future__ import annotations

import ctypes
import importlib.metadata
import logging
import os
import platform
import sys
from dataclasses import dataclass

from .extras import is_packaged

log = logging.getLogger(__name__)
WHEELS = "https://download.pytorch.org/whl"
OLDEST_OF_CUDA_13 = (7, 5)  # compute capability; older cards need a build for CUDA 12.6


@dataclass(frozen=True)
class UnusableGpu:
    """A GPU that is present but cannot be used.

    Attributes:
        name: product name.
        reason: why not, to be read after "not used: ".
        remedy: what to do, in a sentence.
        command: a terminal command that does it; "" if there is none.
    """

    name: str
    reason: str
    remedy: str
    command: str = ""


def may_have_card() -> bool:
    """Whether torch could find a card, or a card be unusable; False only if that is certain. Needs no torch."""
    try:  # the packaged program has no version to read, and is never built for ROCm
        build = "" if is_packaged() else importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError:
        return True
    if "rocm" in build or _first_gpu():
        return True
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:  # no driver
        return False
    return True


def working_card() -> tuple[int | None, UnusableGpu | None]:
    """Index of the first card that torch computes on, and what the first card lacks if that one does not; never raises.

    Call it where torch is imported, not in the window's thread: the driver may take a moment.
    """
    import torch

    if not torch.cuda.is_available():
        return None, unusable_gpu()
    first = None
    for index in range(torch.cuda.device_count()):
        fault = card_fault(index)
        if fault is None:
            return index, first
        first = first or fault
    return None, first


def card_fault(index: int) -> UnusableGpu | None:
    """What keeps torch from computing on a card; None if it does."""
    import torch

    name = torch.cuda.get_device_name(index)
    capability = torch.cuda.get_device_capability(index)
    if torch.version.hip is None and not _has_kernels(capability):
        version = ".".join(map(str, capability))
        build = "cu126" if capability < OLDEST_OF_CUDA_13 else "cu130"
        return UnusableGpu(
            name,
            f"this torch has nothing for its generation (compute capability {version})",
            "Install a torch built for it (some GB) and start i3desk again:",
            _install(f" --index-url {WHEELS}/{build}"),
        )
    try:
        check_product(index)
    except Exception as error:  # a driver's fault has many kinds
        log.warning("A first product on %s failed: %r", name, error)
        said = next(iter(str(error).splitlines()), "")[:160] or type(error).__name__
        return UnusableGpu(
            name,
            f"a first product on it failed ({said})",
            "Update its driver, start the computer again, or choose the CPU.",
        )
    return None


def _has_kernels(capability: tuple[int, int]) -> bool:
    """Whether this torch has machine code for a card, or code that its driver compiles."""
    import torch

    for built in torch.cuda.get_arch_list():
        kind, _, digits = built.partition("_")
        digits = digits.rstrip("af")
        if not digits.isdecimal():
            continue
        major, minor = int(digits[:-1]), int(digits[-1])
        fits = (major, minor) <= capability if kind == "compute" else major == capability[0] and minor <= capability[1]
        if fits:
            return True
    return False


def check_product(index: int) -> None:
    """Multiply on a card. Raises RuntimeError, or what torch raises, if that does not work."""
    import torch

    ones = torch.ones(16, 16, device=f"cuda:{index}")
    if (ones @ ones).sum().item() != 16**3:
        raise RuntimeError("it computed a wrong number")


def _install(options: str) -> str:
    return f'"{sys.executable}" -m pip install --force-reinstall torch{options}'


def unusable_gpu() -> UnusableGpu | None:
    """The first NVIDIA GPU if torch finds no card, else None; never raises. Call it as `working_card`."""
    import torch

    if torch.cuda.is_available() or not (name := _first_gpu()):
        return None
    if torch.version.cuda is None:
        if is_packaged():
            return UnusableGpu(
                name,
                "this i3desk is the edition without CUDA",
                "Install the edition with CUDA, whose file names have “cuda” in them, or build it from the source:",
                "sh packaging/build.sh --cuda",
            )
        index = f" --index-url {WHEELS}/cu130" if platform.system() == "Windows" else ""
        return UnusableGpu(
            name,
            "this torch has no CUDA",
            "Install torch with CUDA (some GB) and start i3desk again:",
            _install(index),
        )
    if os.environ.get("CUDA_VISIBLE_DEVICES") is not None:
        return UnusableGpu(
            name,
            "the environment variable CUDA_VISIBLE_DEVICES hides it",
            "Start i3desk without CUDA_VISIBLE_DEVICES, or set it to 0.",
        )
    return UnusableGpu(
        name,
        f"its driver does not fit CUDA {torch.version.cuda}",
        f"Update the NVIDIA driver to one for CUDA {torch.version.cuda} or newer, and start the computer again.",
    )


def _first_gpu() -> str:
    """Name of the first GPU that the driver knows; "" without a driver or a GPU."""
    try:
        import pynvml

        pynvml.nvmlInit()
        try:
            if not pynvml.nvmlDeviceGetCount():
                return ""
            name = pynvml.nvmlDeviceGetName(pynvml.nvmlDeviceGetHandleByIndex(0))
            return name.decode(errors="replace") if isinstance(name, bytes) else str(name)
        finally:
            pynvml.nvmlShutdown()
    except Exception as error:  # no driver, no GPU, no permission: too many kinds to list
        log.debug("NVML finds no GPU: %r", error)
        return ""
