"""Progress in the task bar, as a desktop on a real session bus is told of it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator

import pytest

from i3desk.window.taskbar_progress import TaskbarProgress

pytestmark = pytest.mark.skipif(
    shutil.which("dbus-daemon") is None or shutil.which("dbus-monitor") is None, reason="There is no D-Bus"
)


@pytest.fixture
def bus(monkeypatch) -> Iterator[str]:
    """A session bus of this test; yields its address."""
    daemon = subprocess.Popen(
        ["dbus-daemon", "--session", "--print-address", "--nofork"], stdout=subprocess.PIPE, text=True
    )
    assert daemon.stdout is not None
    address = daemon.stdout.readline().strip()
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
    yield address
    daemon.terminate()
    daemon.wait()
    daemon.stdout.close()


def test_desktop_is_told_of_each_percent_once(bus, qapp):
    rule = "type='signal',interface='com.canonical.Unity.LauncherEntry'"
    with subprocess.Popen(
        ["dbus-monitor", "--address", bus, rule], stdout=subprocess.PIPE, text=True, bufsize=1
    ) as monitor:
        assert monitor.stdout is not None
        while "NameLost" not in monitor.stdout.readline():  # from then on it listens
            pass
        progress = TaskbarProgress()
        for share in (0.25, 0.251, 0.5, None):
            progress.show(share)
        seen = []
        while seen.count("boolean") < 3:
            words = monitor.stdout.readline().split()
            seen += [word for word in words if word in ("boolean", "true", "false", "double", "0.25", "0.5", "0")]
            seen += [word for word in words if "application://" in word]
        monitor.terminate()
    told = '"application://i3desk.desktop"'
    assert seen == [
        told, "double", "0.25", "boolean", "true",
        told, "double", "0.5", "boolean", "true",
        told, "double", "0", "boolean", "false",
    ]  # fmt: skip


@pytest.mark.parametrize("address", ["", "unix:path=/nowhere/bus"])
def test_nothing_happens_without_a_bus(monkeypatch, qapp, address):
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    progress = TaskbarProgress()
    progress.show(0.5)
    progress.show(None)
