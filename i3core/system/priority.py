"""Share the processor between training and chat: process priority, and how torch's threads wait.

Measured on two cores, fine-tuning i3-mini (spinning for libgomp's GOMP_SPINCOUNT rounds). Chat kept at least 92% of its
speed beside each of these; training did not:

    threads  rounds   tokens/s alone   steps/s while chat replies without a break
    1        any      1180             1.0
    2        20000    1780             0.25
    2        2000     1720             0.75
    2        0        1360             1.0

A spinning thread uses up the little time that a low priority leaves, which the thread it waits for could have used.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

import psutil

NICENESS = 10
SPINNING = {"GOMP_SPINCOUNT": "2000", "KMP_BLOCKTIME": "1"}  # rounds; milliseconds, for the OpenMP of other systems
AUTOGROUP = Path("/proc/self/autogroup")
# torch's threads wait for each other by spinning, by default for milliseconds. When chat and trainer share the cores,
# that slows both several times over. A quarter of a millisecond is enough to stay fast alone.
# Large tensors get large pages if Linux has them: decoding reads every weight once a token, page by page.
TORCH_ENVIRONMENT = {"GOMP_SPINCOUNT": "20000", "THP_MEM_ALLOC_ENABLE": "1"}


def set_torch_environment() -> None:
    """Set what torch reads from the environment when it is loaded; what the user has set stays.

    For programs, as the first thing they do. Importing i3core does not do it: a host decides for itself.
    """
    for name, value in TORCH_ENVIRONMENT.items():
        os.environ.setdefault(name, value)


def lower_priority() -> None:
    """Lower this process's priority; call it before torch is loaded.

    Threads keep the priority that they start with. Does nothing if the system does not allow it.
    """
    os.environ.update(SPINNING)
    with contextlib.suppress(psutil.Error, OSError):
        if sys.platform == "win32":
            psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
            return
        os.nice(NICENESS)
        if AUTOGROUP.exists() and _is_alone_in_its_session():
            AUTOGROUP.write_text(str(NICENESS))  # desktops divide time by session, and within a session by niceness


def _is_alone_in_its_session() -> bool:
    """Whether this process was started detached: it leads its session, or the leader has ended."""
    leader = os.getsid(0)
    return leader == os.getpid() or not psutil.pid_exists(leader)
