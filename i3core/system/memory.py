"""Memory of the machine, within the limits of its container."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil

CGROUPS = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")


def available_memory_bytes() -> int:
    """Memory that this process may still allocate, within the limits of its container."""
    rooms = [limit - used for limit, used in _cgroup_memory(CGROUPS, MEMBERSHIP)]
    return max(0, min([psutil.virtual_memory().available, *rooms]))


def total_memory_bytes() -> int:
    """Memory of the machine, or of its container if that has less."""
    return min([psutil.virtual_memory().total, *(limit for limit, _ in _cgroup_memory(CGROUPS, MEMBERSHIP))])


def _cgroup_memory(root: Path, membership: Path) -> Iterator[tuple[int, int]]:
    """Yield (limit, used) in bytes of this process's control groups with a limit, v1 or v2.

    Used does not count file pages that the kernel would reclaim first.
    """
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            names, base = ("memory.max", "memory.current", "inactive_file"), root
        elif "memory" in controllers.split(","):
            names, base = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"), root / "memory"
        else:
            continue
        # Inside a container the path may be the host's; then only the top of the tree exists.
        group = base / path.lstrip("/")
        for folder in [group, *(parent for parent in group.parents if parent.is_relative_to(base))]:
            limit, used = _number(folder / names[0]), _number(folder / names[1])
            if limit is not None and used is not None and limit < 2**60:  # v1 writes "no limit" as a huge number
                yield limit, max(0, used - _inactive(folder / "memory.stat", names[2]))


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):  # absent, or "max"
        return None


def _inactive(path: Path, name: str) -> int:
    try:
        return next(int(line.split()[1]) for line in path.read_text().splitlines() if line.split()[:1] == [name])
    except (OSError, ValueError, IndexError, StopIteration):
        return 0
