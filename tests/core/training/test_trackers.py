"""Mirrors of a run: the numbers read back from what the trackers wrote."""

import json
import struct
import sys
from pathlib import Path

import pytest
import torch.utils.tensorboard  # noqa: F401 (slow to import: not within a test)
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from i3core.errors import ConfigError
from i3core.training.trackers import Tracker, build_trackers, grouped

STEP = {
    "step": 3, "total_steps": 9, "tokens": 640, "loss": 2.5, "perplexity": 12.2, "lr": 1e-3, "grad_norm": 0.7,
    "tokens_per_second": 100.0, "eta_s": 12.0, "rss_bytes": 5_000, "cpu_percent": 40.0, "gpu_power_w": 99.5,
    "gpu_utilization_percent": None,
}  # fmt: skip
EVALUATION = {
    "step": 3, "tokens": 640, "val_loss": 2.0, "val_perplexity": 7.4, "general_loss": None,
    "general_perplexity": 9.0, "is_best": True,
}  # fmt: skip
CONFIG = {"lr": 1e-3, "data": ("a.jsonl", "b.txt"), "model": ""}


def test_numbers_are_grouped_by_prefix():
    assert grouped(STEP) == {
        "train/tokens": 640, "train/loss": 2.5, "train/perplexity": 12.2, "train/lr": 1e-3, "train/grad_norm": 0.7,
        "train/tokens_per_second": 100.0, "train/eta_s": 12.0, "machine/rss_bytes": 5_000, "machine/cpu_percent": 40.0,
        "machine/gpu_power_w": 99.5,
    }  # fmt: skip
    assert grouped(EVALUATION) == {
        "train/tokens": 640, "val/loss": 2.0, "val/perplexity": 7.4, "general/perplexity": 9.0,
    }  # fmt: skip
    assert grouped({"step": 1, "note": "text", "new_number": 4}) == {"train/new_number": 4}


def events(folder) -> EventAccumulator:
    accumulator = EventAccumulator(str(folder / "tensorboard"))
    accumulator.Reload()
    return accumulator


def test_tensorboard_has_numbers_and_texts(tmp_path):
    (tracker,) = build_trackers(["tensorboard"], tmp_path, CONFIG)
    tracker.log(3, grouped(STEP))
    tracker.log(3, grouped(EVALUATION))
    tracker.samples(3, {"hello!": "hi there"})
    tracker.close()
    tracker.log(4, grouped(STEP))  # closed: nothing happens
    found = events(tmp_path)
    assert set(found.Tags()["scalars"]) == {*grouped(STEP), *grouped(EVALUATION)}
    assert [(e.step, e.value) for e in found.Scalars("train/loss")] == [(3, 2.5)]
    assert found.Scalars("val/perplexity")[0].value == pytest.approx(7.4)
    assert found.Tensors("samples/hello!/text_summary")[0].tensor_proto.string_val == [b"hi there"]
    assert (
        b"| data | ('a.jsonl', 'b.txt') |"
        in found.Tensors("samples/configuration/text_summary")[0].tensor_proto.string_val[0]
    )


def test_tensorboard_hides_steps_that_a_resumed_run_repeats(tmp_path):
    (tracker,) = build_trackers(["tensorboard"], tmp_path, CONFIG)
    for step in range(1, 6):
        tracker.log(step, {"train/loss": float(step)})
    tracker.close()
    (tracker,) = build_trackers(["tensorboard"], tmp_path, CONFIG, step=3)
    tracker.log(4, {"train/loss": 40.0})
    tracker.close()
    assert [(e.step, e.value) for e in events(tmp_path).Scalars("train/loss")] == [(1, 1), (2, 2), (3, 3), (4, 40)]


# In processes of their own: wandb's service writes the last of its file when the program ends.
MIRROR = """
import json, sys
from pathlib import Path
from i3core.training.trackers import build_trackers, grouped

content = json.loads(sys.stdin.read())
folder, step = Path(content["folder"]), content["step"]
for tracker in build_trackers(["wandb"], folder, content["config"], step - 1):
    tracker.log(step, grouped({**content["record"], "step": step}))
    tracker.samples(step, {"hello!": f"hi <there> {step}", "what?": "that"})
    tracker.close()
"""


def wandb_records(path):
    """The records of a .wandb file: blocks of 32 KiB as in LevelDB's log, after a header of 7 bytes."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, place, whole = path.read_bytes(), 7, b""
    while place < len(data):
        if 32768 - place % 32768 < 7:
            place += 32768 - place % 32768
            continue
        _, length, kind = struct.unpack_from("<IHB", data, place)
        whole += data[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):
            yield Record.FromString(whole)
            whole = b""


def read_back(folder):
    """History, run, run ids, tables of samples and artifacts in wandb's files."""
    found = {"history": [], "run": {}, "ids": [], "tables": [], "artifacts": {}}
    for path in sorted(folder.glob("wandb/*run-2*/files/media/table/*.json")):
        found["tables"].append(json.loads(path.read_text(encoding="utf-8")))
    for path in sorted(folder.glob("wandb/*run-2*/*.wandb")):
        for record in wandb_records(path):
            kind = record.WhichOneof("record_type")
            if kind == "history":
                items = record.history.item
                found["history"].append(
                    {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in items}
                )
            elif kind == "run":
                config = {item.key: json.loads(item.value_json) for item in record.run.config.update}
                found["run"] = {"project": record.run.project, "name": record.run.display_name, "config": config}
                found["ids"].append(record.run.run_id)
            elif kind == "request" and record.request.WhichOneof("request_type") == "log_artifact":
                made = record.request.log_artifact.artifact
                found["artifacts"][tuple(made.aliases)] = made
            elif kind == "artifact":
                found["artifacts"][tuple(record.artifact.aliases)] = record.artifact
    return found


@pytest.fixture
def wandb_run(process, tmp_path, monkeypatch):
    """Mirrors a run of some steps, resumed before each but the first; what wandb's files say, and stderr."""
    monkeypatch.setenv("HOME", str(tmp_path))  # no login but that of the test
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    for name in ("WANDB_MODE", "WANDB_API_KEY", "WANDB_PROJECT"):
        monkeypatch.delenv(name, raising=False)

    def run(steps=(3,), config=CONFIG, **environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        folder = tmp_path / "my run"
        folder.mkdir()
        for name in ("best", "last"):
            checkpoint = folder / "checkpoints" / name
            checkpoint.mkdir(parents=True)
            (checkpoint / "model.safetensors").write_text(name)
            (checkpoint / "trainer.pt").write_text("state")
        for step in steps:
            content = {"folder": str(folder), "step": step, "config": config, "record": STEP}
            outcome = process(code=MIRROR, stdin=json.dumps(content))
            assert outcome.status == 0, outcome.err
        return read_back(folder), outcome.err

    return run


def test_wandb_offline_continues_a_resumed_run(wandb_run):
    found, errors = wandb_run(steps=(3, 4), WANDB_MODE="offline")
    numbers = [row for row in found["history"] if "train/loss" in row]
    assert [row["_step"] for row in numbers] == [3, 4]
    for name, value in grouped(STEP).items():
        assert numbers[0][name] == value
    for name in ("machine/rss_bytes", "machine/cpu_percent", "machine/gpu_power_w"):
        assert name in numbers[0]
    assert [table["columns"] for table in found["tables"]] == [["step", "prompt", "reply"]] * 2
    assert sorted(row for table in found["tables"] for row in table["data"]) == [
        [3, "hello!", "hi <there> 3"], [3, "what?", "that"], [4, "hello!", "hi <there> 4"], [4, "what?", "that"],
    ]  # fmt: skip
    assert (found["run"]["project"], found["run"]["name"]) == ("i3core", "my run")
    assert found["run"]["config"]["lr"] == 1e-3
    assert found["run"]["config"]["data"] == ["a.jsonl", "b.txt"]
    assert len(found["ids"]) == 2
    assert len(set(found["ids"])) == 1
    assert "i3core: warning" not in errors  # chosen, so nothing to say


def test_wandb_has_the_best_and_the_last_checkpoint(wandb_run):
    found, _ = wandb_run(WANDB_MODE="offline")
    versions = {alias: made for aliases, made in found["artifacts"].items() for alias in aliases}
    assert {"best", "last"} <= set(versions)
    for alias in ("best", "last"):
        made = versions[alias]
        assert (made.type, made.name) == ("model", f"i3-{found['ids'][0]}")
        (entry,) = made.manifest.contents  # the optimizer's state is left out
        assert entry.path == "model.safetensors"
        assert Path(entry.local_path).read_text() == alias


def test_wandb_gets_no_checkpoint_if_they_are_left_out(wandb_run):
    found, _ = wandb_run(WANDB_MODE="offline", config={**CONFIG, "track_artifacts": "none"})
    assert not [made for made in found["artifacts"].values() if made.type == "model"]
    assert [row["_step"] for row in found["history"] if "train/loss" in row] == [3]


def test_wandb_without_login_goes_offline_with_a_warning(wandb_run):
    found, errors = wandb_run(WANDB_PROJECT="mine")
    assert [row["_step"] for row in found["history"] if "train/loss" in row] == [3]
    assert found["run"]["project"] == "mine"
    assert "i3core: warning: wandb is offline" in errors


def test_wandb_without_server_goes_offline(wandb_run):
    found, errors = wandb_run(
        WANDB_MODE="online", WANDB_API_KEY="a" * 40, WANDB_BASE_URL="http://127.0.0.1:9", WANDB_INIT_TIMEOUT="1"
    )
    assert [row["_step"] for row in found["history"] if "train/loss" in row] == [3]
    assert "i3core: warning: wandb is offline" in errors


@pytest.mark.parametrize("name", ["wandb", "tensorboard"])
def test_missing_package_is_named(monkeypatch, tmp_path, name):
    monkeypatch.setitem(sys.modules, "wandb", None)
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ConfigError, match=rf'pip install "i3desk\[{name}\]"'):
        build_trackers([name], tmp_path, CONFIG)


def test_unknown_tracker_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="Known: tensorboard, wandb"):
        build_trackers(["tensorboard", "excel"], tmp_path, CONFIG)
    assert not list(tmp_path.iterdir())  # nothing was started


def test_tracker_that_cannot_start_is_left_out(tmp_path, capsys):
    (tmp_path / "tensorboard").write_text("in the way")
    assert build_trackers(["tensorboard"], tmp_path, CONFIG) == []
    assert capsys.readouterr().err.count("training continues without it") == 1


def test_failing_tracker_is_switched_off_with_one_warning(capsys):
    class Full(Tracker):
        name = "full"
        calls = 0

        def _log(self, step, numbers):
            self.calls += 1
            raise OSError(28, "No space left on device")

        def _samples(self, step, replies):
            self._log(step, replies)

        def _close(self):
            self._log(0, {})

    tracker = Full()
    for step in range(3):
        tracker.log(step, {"train/loss": 1.0})
        tracker.samples(step, {"a": "b"})
    tracker.close()
    assert tracker.calls == 1
    warning = capsys.readouterr().err
    assert warning.count("\n") == 1
    assert "full failed and is switched off" in warning
    assert "No space left" in warning
