"""The watch that notices network access works, and the window does not load a network library.

The walk through the window (test_tour.py) runs under this watch.
"""

from __future__ import annotations

import os
import subprocess
import sys

from network_watch import CAN_LIST_SOCKETS, internet_sockets, watched
from paths import REPOSITORY


def test_watch_notices_a_connection(tmp_path):
    script = """
import socket, time
listener = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(listener.getsockname())
print("open", flush=True)
time.sleep(30)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=watched(dict(os.environ), tmp_path),
    )  # fmt: skip
    try:
        assert process.stdout.readline().strip() == "open"
        if CAN_LIST_SOCKETS:
            assert internet_sockets(process.pid)
    finally:
        process.kill()
    assert "network: socket.connect" in process.communicate()[1]


def test_window_does_not_load_the_hub_library():
    known = "'huggingface_hub', 'httpx', 'httpx2', 'datasets'"
    script = f"import sys, i3desk.app; print([name for name in ({known}) if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=REPOSITORY)
    assert done.stdout.strip() == "[]", done.stderr
