"""An NVIDIA card that this installation cannot use, and what to do about it. Imports no torch by itself."""

from __future__ import annotations

import logging
import platform
import sys
from dataclasses import dataclass

from .extras import is_packaged

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class UnusableGpu:
    """A card that is there and does not compute.

    Attributes:
        name: what its maker calls it.
        reason: why not, to be read after "not used: ".
        remedy: what to do, in a sentence.
        command: a line for a terminal that does it; "" if there is none.
    """

    name: str
    reason: str
    remedy: str
    command: str = ""


def unusable_gpu() -> UnusableGpu | None:
    """The first NVIDIA card, if torch cannot use it; never raises. Call it where torch is imported, not in a window's
    thread: the driver may take a moment."""
    import torch

    if torch.cuda.is_available() or not (name := _first_card()):
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


def _first_card() -> str:
    """The name of the first card that the driver knows; "" without a driver or a card."""
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
    except Exception as error:  # no driver, no card, no permission: they differ too much to list
        log.debug("NVML knows no card: %r", error)
        return ""
