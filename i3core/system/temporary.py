"""Temporary folders that name their process, so that those of killed processes can be found and removed."""

from __future__ import annotations

import os
import re
import shutil
import socket
import stat
import tempfile
import time
from pathlib import Path

import psutil

ABANDONED_S = 86_400.0  # a younger folder may belong to a process that is not visible here, as in a container
SOCKET_S = 60.0  # a younger socket may be about to be listened to
_FOLDER = re.compile(r"i3desk-[a-z-]+-(\d+)-\w+")
_SOCKET = re.compile(r"i3desk-[0-9a-f]{16}")


def temporary_folder(purpose: str) -> tempfile.TemporaryDirectory[str]:
    """Make a folder that is removed when it is closed, or by `remove_abandoned` if the process is killed."""
    return tempfile.TemporaryDirectory(prefix=f"i3desk-{purpose}-{os.getpid()}-", ignore_cleanup_errors=True)


def remove_abandoned() -> None:
    """Remove temporary folders of processes that are gone, and sockets that nobody listens to, of this user."""
    if os.name == "nt":  # there, the system removes neither, but names no owner
        return
    for path in Path(tempfile.gettempdir()).glob("i3desk-*"):
        try:
            found = path.lstat()
            if found.st_uid != os.getuid():
                continue
            age_s = time.time() - found.st_mtime
            is_folder, is_socket = stat.S_ISDIR(found.st_mode), stat.S_ISSOCK(found.st_mode)
            if is_folder and age_s > ABANDONED_S and (match := _FOLDER.fullmatch(path.name)):
                if not psutil.pid_exists(int(match[1])):
                    shutil.rmtree(path, ignore_errors=True)
            elif is_socket and age_s > SOCKET_S and _SOCKET.fullmatch(path.name) and _is_refused(path):
                path.unlink()
        except (OSError, OverflowError):  # removed meanwhile
            continue


def _is_refused(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.setblocking(False)
        try:
            client.connect(str(path))
        except ConnectionRefusedError:
            return True
        except OSError:  # it is busy
            return False
    return False
