"""Notice every internet socket and every name that a child process looks up."""

from __future__ import annotations

import os
from pathlib import Path

TABLES = ("tcp", "tcp6", "udp", "udp6", "raw", "raw6")
CAN_LIST_SOCKETS = Path("/proc/self/net/tcp").exists()
# Written into sitecustomize.py: Python itself reports the calls, whatever the libraries do with the names.
HOOK = """
import sys
def hook(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.bind", "socket.sendto"):
        address = arguments[1] if event in ("socket.connect", "socket.bind", "socket.sendto") else arguments[0]
        if not isinstance(address, (str, bytes)) or event.startswith("socket.get"):
            print("network:", event, arguments, file=sys.stderr, flush=True)
sys.addaudithook(hook)
"""


def watched(environment: dict[str, str], folder: Path) -> dict[str, str]:
    """The environment with the hook, whose file is written to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sitecustomize.py").write_text(HOOK)
    return environment | {"PYTHONPATH": str(folder)}


def internet_sockets(pid: int) -> set[str]:
    """Inodes of the sockets of a process that belong to the internet's protocols."""
    own = set()
    try:
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            try:
                target = os.readlink(descriptor)
            except OSError:
                continue
            if target.startswith("socket:["):
                own.add(target[8:-1])
        found = set()
        for table in TABLES:
            path = Path(f"/proc/{pid}/net/{table}")
            if path.exists():
                found |= {line.split()[9] for line in path.read_text().splitlines()[1:]} & own
        return found
    except OSError:  # the process has ended
        return set()
