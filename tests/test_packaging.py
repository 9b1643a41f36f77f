"""The ways in: the wheel with its assets, and the set-up scripts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from paths import REPOSITORY


@pytest.fixture(scope="module")
def unpacked_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the built wheel installs."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(REPOSITORY)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_wheel_brings_its_assets_and_answers(unpacked_wheel: Path, tmp_path: Path) -> None:
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


def test_wheel_holds_window_icons_and_sample_data(unpacked_wheel: Path) -> None:
    assets = unpacked_wheel / "i3core" / "_assets"
    assert (unpacked_wheel / "i3desk" / "__main__.py").is_file()
    assert any((assets / "icons").iterdir())
    assert (assets / "data" / "first-steps.jsonl").is_file()
    assert (assets / "models" / "i3-mini" / "model.safetensors").stat().st_size <= 24_000_000
    assert "Apache" in next(unpacked_wheel.glob("*.dist-info")).joinpath("licenses", "LICENSE").read_text()


def test_run_script_chats_from_a_pipe_without_a_display() -> None:
    environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")}
    done = subprocess.run(
        ["sh", str(REPOSITORY / "packaging" / "run.sh")],
        input="hello\n", env=environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "no display" in done.stderr
    assert len(done.stdout.strip()) > 1
