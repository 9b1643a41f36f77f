"""`i3desk --smoke`: the whole program in its own process, with the bundled model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from paths import REPOSITORY

FIELDS = {
    "ok", "first_paint_s", "model_ready_s", "first_token_s", "tokens_per_second", "max_stall_ms", "startup_stall_ms",
    "messages_kept",
}  # fmt: skip


def run_smoke(home: Path, *options: str) -> tuple[int, dict]:
    environment = os.environ | {
        "QT_QPA_PLATFORM": "offscreen",
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home),
        "I3DESK_RUNS_FILE": str(home / "runs.json"),
    }
    done = subprocess.run(
        [sys.executable, "-m", "i3desk", "--smoke", *options],
        capture_output=True, text=True, timeout=120, cwd=REPOSITORY, env=environment,
    )  # fmt: skip
    lines = done.stdout.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert "QThread: Destroyed" not in done.stderr
    return done.returncode, json.loads(lines[0])


@pytest.mark.alone
@pytest.mark.slow
def test_smoke_run_opens_chats_trains_and_closes_in_time(tmp_path):
    status, result = run_smoke(tmp_path)
    assert status == 0, result
    assert result["ok"]
    assert set(result) == FIELDS
    assert result["messages_kept"] == 2
    assert result["tokens_per_second"] > 0
    assert result["first_token_s"] > 0
    assert result["max_stall_ms"] > 0  # how long is measured on a quiet machine: `tests/long/responsiveness.py`
    assert result["first_paint_s"] < result["model_ready_s"]
    assert list(tmp_path.rglob("settings.json")) == []  # the user's settings are left alone


def test_missing_model_fails_with_one_line(tmp_path):
    status, result = run_smoke(tmp_path, "--model", str(tmp_path / "nothing"))
    assert status == 1
    assert not result["ok"]
    assert "nothing" in result["error"]


def test_time_limit_while_training_closes_without_a_question(app, qtbot, monkeypatch):
    from i3core.runs.reader import RunState, RunStatus, RunSummary
    from i3desk import smoke_test

    run = RunSummary(Path("smoke"), "smoke", "", RunStatus(RunState.RUNNING))
    monkeypatch.setattr(type(app.services.runs), "active", property(lambda self: run))
    monkeypatch.setattr(smoke_test, "TIME_LIMIT_MS", 10)
    with qtbot.waitSignal(app.window.closed):
        smoke = smoke_test.SmokeRun(app, "i3-mini")
    assert not smoke.result["ok"]
    assert "Not done" in smoke.result["error"]
