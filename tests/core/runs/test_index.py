"""Which runs are known, and `i3core runs`."""

import json
import os

import pytest

from i3core.runs import index
from i3core.runs.index import forget, known_runs, register


@pytest.fixture(autouse=True)
def list_file(tmp_path, monkeypatch):
    path = tmp_path / "lists" / "runs.json"
    monkeypatch.setenv("I3DESK_RUNS_FILE", str(path))
    return path


@pytest.fixture
def make(tmp_path):
    """Makes a run folder."""

    def make(name: str, started: float = 1.0, **description):
        (tmp_path / name).mkdir(parents=True)
        content = {"started": started, **description}
        (tmp_path / name / "run.json").write_text(json.dumps(content))
        return tmp_path / name

    return make


def test_runs_of_the_window_and_registered_runs_are_listed_newest_first(make, tmp_path):
    old, new, elsewhere = make("runs/old", 10.0), make("runs/new", 30.0), make("far/away", 20.0)
    (tmp_path / "runs" / "no run").mkdir()
    make("runs/.run.deleted-1")
    assert known_runs(tmp_path / "runs") == [new, old]
    for folder in (elsewhere, elsewhere, new):
        register(folder)
    assert known_runs(tmp_path / "runs") == [new, elsewhere, old]
    assert known_runs(None) == [new, elsewhere]
    forget(elsewhere)
    assert known_runs(tmp_path / "runs") == [new, old]
    assert elsewhere.is_dir()


def test_queued_run_is_listed(tmp_path):
    (tmp_path / "runs" / "next").mkdir(parents=True)
    (tmp_path / "runs" / "next" / "request.json").write_text("{}")
    assert known_runs(tmp_path / "runs") == [tmp_path / "runs" / "next"]


def test_deleted_folder_is_not_listed(make):
    register(folder := make("run"))
    (folder / "run.json").unlink()
    folder.rmdir()
    assert known_runs(None) == []


@pytest.mark.parametrize("content", ["", "{", "{}", "[1, null]"])
def test_damaged_list_is_replaced(make, list_file, content):
    list_file.parent.mkdir()
    list_file.write_text(content)
    assert known_runs(None) == []
    register(folder := make("run"))
    assert known_runs(None) == [folder]


def test_unwritable_list_is_ignored(make, list_file):
    list_file.parent.write_text("a file in its place")
    register(make("run"))
    assert known_runs(None) == []


def test_training_run_registers_itself(config, cli, tmp_path):
    settings = {**config().__dict__, "steps": 2}
    (tmp_path / "settings.json").write_text(json.dumps(settings))
    assert cli("train", "--config", tmp_path / "settings.json", "--dry-run").status == 0
    assert known_runs(None) == []
    assert cli("train", "--config", tmp_path / "settings.json").status == 0
    assert known_runs(None) == [tmp_path / "run"]
    table = cli("runs").out.splitlines()
    assert table[0].split() == ["name", "state", "steps", "best", "model", "data", "age"]
    assert table[1].split()[:3] == ["run", "finished", "2/2"]
    assert table[1].split()[-2:] == ["chat.jsonl", "now"]
    (summary,) = cli("runs", tmp_path / "run", "--json").json["runs"]
    assert (summary["folder"], summary["status"]["state"], summary["step"]) == (str(tmp_path / "run"), "finished", 2)
    assert summary["best_val_loss"] > 0


def test_runs_by_folder(make, cli, tmp_path, monkeypatch):
    monkeypatch.setattr(index, "runs_folder", lambda: tmp_path / "none")
    assert "no training runs yet" in cli("runs").out
    make("some/one", config={"preset": "tiny", "data": ["a.txt", "b.txt"]})
    make("some/two", 2.0)
    outcome = cli("runs", tmp_path / "some")
    assert [line.split()[0] for line in outcome.out.splitlines()] == ["name", "two", "one"]
    assert outcome.out.splitlines()[2].split()[:6] == ["one", "died", "0", "tiny", "a.txt", "+1"]
    assert outcome.err.count("i3core: warning: ") == 2
    assert cli("runs", tmp_path / "nowhere").out.splitlines()[1].split()[:2] == ["nowhere", "missing"]


@pytest.mark.parametrize("started", [10**400, "soon", None, [1]])
def test_odd_entries_do_not_hide_the_other_runs(make, list_file, tmp_path, cli, started):
    """A link to itself, a time that is none, a path with a NUL."""
    good = make("runs/good", 10.0)
    make("runs/odd", started)
    (tmp_path / "runs" / "loop").symlink_to(tmp_path / "runs" / "loop")
    list_file.parent.mkdir(parents=True, exist_ok=True)
    list_file.write_text(json.dumps(["a\0b", str(tmp_path / "runs" / "loop"), 7]))
    found = known_runs(tmp_path / "runs")
    assert {path.name for path in found} == {"good", "odd"}
    assert good in found
    assert cli("runs", tmp_path / "runs").status == 0


@pytest.mark.parametrize("started", ["9" * 400, "9" * 5000, "1e999", "NaN", '"x"', "null", "[[[", "[" * 50_000])
def test_damaged_time_of_a_run_does_not_hide_the_others(make, tmp_path, started):
    good = make("good")
    bad = make("bad")
    (bad / "run.json").write_text(f'{{"config": {{}}, "started": {started}}}')
    assert set(index.runs_in(tmp_path)) == {good, bad}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in folders here")
def test_links_pipes_and_odd_names_among_runs_are_passed_over(make, tmp_path, list_file):
    good = make("good")
    (tmp_path / "loop").symlink_to("loop")
    pipe = make("pipe")
    (pipe / "run.json").unlink()
    os.mkfifo(pipe / "run.json")
    list_file.parent.mkdir(exist_ok=True)
    list_file.write_text(json.dumps([str(good), "a\0b", "x" * 5000, "\ud800"]))
    assert known_runs(None) == [good]
    assert set(index.runs_in(tmp_path)) == {good, pipe}
