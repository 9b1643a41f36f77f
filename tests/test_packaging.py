"""The wheel with its assets, and the scripts that set up and start the program from source."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from paths import REPOSITORY


@pytest.fixture(scope="module")
def unpacked_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the built wheel installs."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(REPOSITORY)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_wheel_includes_its_assets_and_generates(unpacked_wheel: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(unpacked_wheel)}
    code = "import i3core.system.assets as a, i3core; print(i3core.__file__); print(a.root())"
    where = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    ).stdout.split("\n")
    assert all(line.startswith(str(unpacked_wheel)) for line in where[:2])
    answer = subprocess.run(
        [sys.executable, "-m", "i3core", "generate", "--prompt", "hello!", "--seed", "1", "--json"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)["text"].strip()


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
def test_wheel_decodes_with_its_own_library(unpacked_wheel: Path, tmp_path: Path) -> None:
    code = "from i3core.model import native; print(native.best_library()._name)"
    environment = {**os.environ, "PYTHONPATH": str(unpacked_wheel)}
    found = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert found.stdout.startswith(str(unpacked_wheel)), found.stderr


def test_wheel_includes_window_icons_and_sample_data(unpacked_wheel: Path) -> None:
    assets = unpacked_wheel / "i3core" / "_assets"
    assert (unpacked_wheel / "i3desk" / "__main__.py").is_file()
    assert any((assets / "icons").iterdir())
    assert (assets / "data" / "first-steps.jsonl").is_file()
    assert (assets / "models" / "i3-mini" / "model.safetensors").stat().st_size <= 24_000_000
    assert "Apache" in next(unpacked_wheel.glob("*.dist-info")).joinpath("licenses", "LICENSE").read_text()


# ------------------------------------------------------------------------------------------------- from the source


class Checkout:
    """A checkout whose environment exists and whose pip installs nothing but records what it was asked for."""

    def __init__(self, folder: Path) -> None:
        self.packaging, self.pip_calls = folder / "packaging", folder / "pip-calls"
        self.packaging.mkdir()
        for name in ("packaging/run.sh", "packaging/setup.sh", "packaging/native.py", "pyproject.toml"):
            shutil.copyfile(REPOSITORY / name, folder / name)
        python = (
            f'[ "$1 $2" != "-m pip" ] || {{ echo "$@" >>"{self.pip_calls}"; exit; }}\nexec "{sys.executable}" "$@"\n'
        )
        self._write_program(folder / ".venv" / "bin" / "python", python)
        self._write_program(folder / "system" / "dpkg-query", 'echo "ii "\n')  # every package of the system is there
        self._write_program(folder / "system" / "apt-get", "exit 1\n")
        displays = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
        self.environment = {name: value for name, value in os.environ.items() if name not in displays} | {
            "PATH": f"{folder / 'system'}:{os.environ['PATH']}",
            "PYTHON": sys.executable,
            "PYTHONPATH": str(REPOSITORY),
        }

    def _write_program(self, path: Path, commands: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{commands}")
        path.chmod(0o755)

    def run(self, *options: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        command = ["sh", str(self.packaging / "run.sh"), *options]
        return subprocess.run(
            command, input=typed, env=self.environment, capture_output=True, text=True, timeout=300
        )  # fmt: skip


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    return Checkout(tmp_path_factory.mktemp("checkout"))


def test_run_script_installs_only_at_its_first_start(checkout: Checkout) -> None:
    first = checkout.run("--version")
    assert first.stdout.startswith("i3desk "), first.stderr
    assert "Installed." in first.stderr
    assert checkout.pip_calls.read_text().rstrip().endswith("--editable .")
    checkout.pip_calls.unlink()
    second = checkout.run("--version")
    assert (second.stdout, second.stderr) == (first.stdout, "")
    assert not checkout.pip_calls.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a display is always assumed")
def test_run_script_without_a_display_chats_from_a_pipe(checkout: Checkout) -> None:
    done = checkout.run(typed="hello\n")
    assert done.returncode == 0, done.stderr
    assert "no display" in done.stderr
    assert len(done.stdout.strip()) > 1
