"""A child of the window that is a fork: it passes its streams to a `ForkServer`, and signals and exit status on.

The window starts it in place of `python -m i3core ARGUMENTS`, in a few milliseconds. Run as a script: SOCKET ARGUMENTS.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fork_server import ForkServer


class RelayPoint:
    """Where relays ask for their forks.

    Attributes:
        path: the socket.
    """

    def __init__(self, server: ForkServer, folder: Path) -> None:
        self.path = folder / "relays"
        self._server = server
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.path))
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def command(self, arguments: Sequence[str]) -> tuple[str, list[str]]:
        """Program and arguments that run i3core, as `child_command` returns them."""
        return sys.executable, ["-I", "-S", __file__, str(self.path), *arguments]

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                relay, _ = self._listener.accept()
            except OSError:  # closed
                return
            with relay:
                self._server.adopt(relay)


def _main(path: str, arguments: list[str]) -> None:
    content = json.dumps({"arguments": arguments, "env": dict(os.environ), "cwd": os.getcwd()}).encode()
    with socket.socket(socket.AF_UNIX) as point:
        point.connect(path)
        socket.send_fds(point, [struct.pack("!I", len(content))], [0, 1, 2])
        point.sendall(content)
        for handle in (0, 1, 2):  # the fork has them; what ends it closes them
            os.close(handle)
        (child,) = struct.unpack("!i", point.recv(4, socket.MSG_WAITALL))
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, frame: os.kill(child, number))
        (status,) = struct.unpack("!i", point.recv(4, socket.MSG_WAITALL))
    if status < 0:
        signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    os._exit(status & 0xFF)


if __name__ == "__main__":
    _main(sys.argv[1], sys.argv[2:])
