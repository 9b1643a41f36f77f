"""i3desk uses the network for downloads only: no socket but the local ones of one user's session is ever opened."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from paths import REPOSITORY, SUPPORT

TOUR = SUPPORT / "tour.py"
TABLES = ("tcp", "tcp6", "udp", "udp6", "raw", "raw6")
# Reported by Python itself, whatever the libraries do with the name.
HOOK = """
import sys
def hook(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.bind", "socket.sendto"):
        address = arguments[1] if event in ("socket.connect", "socket.bind", "socket.sendto") else arguments[0]
        if not isinstance(address, (str, bytes)) or event.startswith("socket.get"):
            print("network:", event, arguments, file=sys.stderr, flush=True)
sys.addaudithook(hook)
"""


def internet_sockets(pid: int) -> set[str]:
    """Inodes of this process's sockets that belong to the internet's protocols."""
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
    except OSError:  # it has ended
        return set()


@pytest.mark.skipif(not Path("/proc/self/net/tcp").exists(), reason="needs Linux's list of sockets")
def test_a_walk_through_the_window_opens_no_connection(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(HOOK)
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "HF_ENDPOINT": "http://127.0.0.1:9"}
    environment["I3DESK_RUNS_FILE"] = str(tmp_path / "runs.json")
    process = subprocess.Popen(
        [sys.executable, str(TOUR), str(tmp_path / "data")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    seen, looked = set(), 0
    while process.poll() is None:
        seen |= internet_sockets(process.pid)
        looked += 1
        time.sleep(0.02)
    output, errors = process.communicate()
    assert json.loads(output.splitlines()[-1])["ok"], output + errors
    assert looked > 50
    assert seen == set()
    assert "network:" not in errors


def test_the_watch_itself_notices_a_connection(tmp_path):
    """A test that cannot fail would prove nothing."""
    (tmp_path / "sitecustomize.py").write_text(HOOK)
    script = """
import socket, time
listener = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(listener.getsockname())
print("open", flush=True)
time.sleep(30)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    try:
        assert process.stdout.readline().strip() == "open"
        if Path("/proc/self/net/tcp").exists():
            assert internet_sockets(process.pid)
    finally:
        process.kill()
    assert "network: socket.connect" in process.communicate()[1]


def test_the_window_does_not_load_the_hub_library():
    known = "'huggingface_hub', 'httpx', 'httpx2', 'datasets'"
    script = f"import sys, i3desk.app; print([name for name in ({known}) if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=REPOSITORY)
    assert done.stdout.strip() == "[]", done.stderr
