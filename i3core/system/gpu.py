"""Find an NVIDIA GPU that this installation cannot use, and a remedy. Imports torch only when called."""

from __future__ import annotations

import logging
import platform
import sys
from dataclasses import dataclass

from .extras import is_packaged

log = logging.getLogger(__name__)


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


def unusable_gpu() -> UnusableGpu | None:
    """The first NVIDIA GPU if torch cannot use it, else None; never raises.

    Call it where torch is imported, not in the window's thread: the driver may take a moment.
    """
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
        index = " --index-url https://download.pytorch.org/whl/cu128" if platform.system() == "Windows" else ""
        return UnusableGpu(
            name,
            "this torch has no CUDA",
            "Install torch with CUDA (some GB) and start i3desk again:",
            f'"{sys.executable}" -m pip install --force-reinstall torch{index}',
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
