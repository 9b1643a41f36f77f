"""One run on several processes, started by torchrun or with its variables."""

import json
import os
import socket
import subprocess
import sys

import pytest
import torch

from i3core.errors import ConfigError
from i3core.runs.folder import RunFolder
from i3core.system.distributed import World, joined_world


@pytest.fixture
def torchrun(start_environment, tmp_path):
    """Runs `i3core train` on so many processes of this machine; returns the exit status and the output."""

    def run(processes, *arguments):
        launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
        done = subprocess.run(
            [*launcher, "-m", "i3core", "train", *map(str, arguments)],
            capture_output=True, encoding="utf-8", env=start_environment(), cwd=tmp_path, timeout=120,
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr

    return run


@pytest.fixture
def ranks(start_process):
    """The same with the variables that torchrun sets, without its own start; returns the statuses and what was said."""

    def run(processes, *arguments):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        together = {
            "WORLD_SIZE": processes,
            "LOCAL_WORLD_SIZE": processes,
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": port,
        }
        children = []
        for rank in range(processes):
            variables = {name: str(value) for name, value in {**together, "RANK": rank, "LOCAL_RANK": rank}.items()}
            children.append(start_process("train", *arguments, **variables))
        complaints = [child.communicate(timeout=120)[1] for child in children]
        return [child.returncode for child in children], "".join(complaints)

    return run


@pytest.fixture
def material(build, tmp_path):
    (tmp_path / "vocab.json").write_text(json.dumps(build.tokenizer().to_json()))
    build.conversations(tmp_path / "chat.jsonl", 12)
    options = [
        "--from-scratch", "tiny", "--tokenizer", tmp_path / "vocab.json", "--data", tmp_path / "chat.jsonl",
        "--batch-size", 3, "--accumulate", 2, "--lr", 3e-3, "--warmup-steps", 2, "--steps", 20, "--eval-every", 10,
        "--checkpoint-every", 10, "--sample-prompts", "hello!", "--val-share", 0.1, "--device", "cpu",
    ]  # fmt: skip
    return options


def lines(out):
    return [json.loads(line) for line in RunFolder(out).metrics.read_text().splitlines()]


def losses(out):
    return [line["loss"] for line in lines(out) if "loss" in line]


@pytest.mark.slow
def test_two_processes_train_like_one_and_one_can_resume(torchrun, ranks, material, cli, tmp_path):
    assert cli("train", *material, "--out", tmp_path / "one").status == 0
    status, out, err = torchrun(2, *material, "--out", tmp_path / "two", "--json")
    assert status == 0, err
    events = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    assert [event["processes"] for event in events if event["event"] == "started"] == [2]
    assert [event["step"] for event in events if event["event"] == "stepped"] == list(range(1, 21))  # once each
    one, two = losses(tmp_path / "one"), losses(tmp_path / "two")
    assert len(two) == 20
    assert two == pytest.approx(one, abs=1e-4)
    assert two[-1] < 0.8 * two[0]
    for key in ("val_loss", "grad_norm", "tokens"):
        values = [[line[key] for line in lines(tmp_path / name) if key in line] for name in ("one", "two")]
        assert values[1] == pytest.approx(values[0], rel=1e-3)
    assert (tmp_path / "two" / "samples.jsonl").read_text().count("\n") == 3

    # A single process continues what two have begun as it does its own.
    for name in ("one", "two"):
        assert cli("train", "--resume", tmp_path / name, "--steps", 30).status == 0
    assert losses(tmp_path / "two")[20:] == pytest.approx(losses(tmp_path / "one")[20:], abs=1e-4)
    statuses, err = ranks(2, "--resume", tmp_path / "one", "--steps", 40)
    assert statuses == [0, 0], err
    assert len(losses(tmp_path / "one")) == 40
    assert max(losses(tmp_path / "one")[30:]) < losses(tmp_path / "one")[0]


def test_error_is_reported_once_and_all_processes_end(ranks, material, tmp_path):
    (tmp_path / "chat.jsonl").write_text('{"messages": 3}\n')
    statuses, err = ranks(2, *material, "--out", tmp_path / "run")
    assert statuses == [1, 1]
    assert err.count("i3core: ") == 1
    assert "chat.jsonl, line 1" in err
    assert json.loads((tmp_path / "run" / "status.json").read_text())["state"] == "failed"


def test_world_of_one_needs_no_torchrun(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with joined_world() as world:
        assert world == World(0, 1, 0)
        assert world.shared("x") == "x"
        assert world.attempt(lambda: 3) == 3
        assert world.summed([1.5, 2.0]) == [1.5, 2.0]
        assert world.smallest(4) == 4
    assert not torch.distributed.is_initialized()


def test_incomplete_torchrun_variables_are_named(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.delenv("RANK", raising=False)
    with pytest.raises(ConfigError, match="RANK"), joined_world():
        pass
    assert "RANK" not in os.environ
