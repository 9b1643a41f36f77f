"""Registry of models: found by name, distinguished from other folders, deleted without anything else."""

import json
import os
import shutil
from pathlib import Path

import psutil
import pytest

from i3core.checkpoints import registry
from i3core.checkpoints.checksums import check_files, read_checksums, write_checksums
from i3core.errors import CheckpointError, TrainingError
from i3core.runs.folder import RunFolder
from i3core.system import assets
from i3core.training.checkpointing import save_checkpoint


@pytest.fixture
def models(tmp_path, monkeypatch):
    """A folder of models: one model, one interrupted download, and things that are neither."""
    folder = tmp_path / "models"
    monkeypatch.setenv("I3DESK_MODELS", str(folder))
    return folder


@pytest.fixture
def filled(models, build):
    build.folder(models / "mine")
    partial = models / "half.partial"
    partial.mkdir()
    (partial / ".download.json").write_text(json.dumps({"repo": "a/half", "revision": "main", "total_bytes": 100}))
    (partial / "model.safetensors.0123.part").write_bytes(b"x" * 40)
    (models / "notes").mkdir()
    (models / "notes" / "text.txt").write_text("x")
    (models / "file").write_text("x")
    return models


@pytest.fixture
def run(build, tmp_path):
    folder = RunFolder(tmp_path / "runs" / "pirate")
    folder.create()
    folder.describe({"config": {}})
    folder.write_status("finished", 3)
    save_checkpoint(build.model(), folder.best)
    return folder


def test_downloaded_and_interrupted(filled):
    assert registry.models_folder() == filled
    assert registry.downloaded() == {"mine": filled / "mine"}
    assert registry.known() == {**assets.models(), "mine": filled / "mine"}
    (half,) = registry.interrupted()
    assert (half.name, half.repo, half.revision, half.folder) == ("half", "a/half", "main", filled / "half.partial")
    assert (half.done_bytes, half.total_bytes) == (40, 100)
    (half.folder / ".download.json").write_text("{")
    assert registry.interrupted() == []


def test_missing_models_folder_has_no_models(models):
    assert registry.downloaded() == {}
    assert registry.interrupted() == []
    assert not models.exists()


def test_default_models_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("I3DESK_MODELS", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert registry.models_folder().parts[-2:] == ("i3desk", "models")


def test_models_are_found_by_name_and_path(filled, run, tmp_path, monkeypatch):
    bundled = assets.models()["i3-mini"]
    assert registry.find(None) == registry.find("i3-mini") == bundled
    assert registry.find("mine") == filled / "mine"
    assert registry.find(filled / "mine" / "model.safetensors") == filled / "mine"
    assert registry.find(run.folder) == run.best
    run.best.rename(run.best.with_name("best.old"))  # killed while it replaced this checkpoint
    assert registry.find(run.folder) == registry.find(run.best) == run.best.with_name("best.old")
    monkeypatch.chdir(filled)
    assert registry.find("notes") == registry.Path("notes")
    for name in ("none", "half", "half.partial/none", str(tmp_path / "none")):
        with pytest.raises(CheckpointError, match="no model folder") as unknown:
            registry.find(name)
        assert "i3-mini, mine" in unknown.value.remedy


def test_bundled_model_comes_before_a_downloaded_one_of_its_name(filled):
    shutil.copytree(filled / "mine", filled / "i3-mini")
    assert registry.find("i3-mini") == assets.models()["i3-mini"]


def test_is_model_folder(filled, run, tmp_path):
    assert registry.is_model_folder(filled / "mine")
    assert registry.is_model_folder(str(run.folder))
    assert registry.is_model_folder(run.best)
    for path in (filled, filled / "notes", filled / "file", filled / "half.partial", tmp_path / "none"):
        assert not registry.is_model_folder(path)
    shutil.rmtree(run.folder / "checkpoints")
    assert not registry.is_model_folder(run.folder)


def test_unreadable_folder_hides_no_other(filled, monkeypatch):
    closed, stat = filled / "lost+found", Path.stat
    closed.mkdir()

    def refusing(path, **options):
        if closed in path.parents:
            raise PermissionError(13, "Permission denied", str(path))
        return stat(path, **options)

    monkeypatch.setattr(Path, "stat", refusing)
    assert not registry.is_run(closed)
    assert registry.downloaded() == {"mine": filled / "mine"}


def test_delete_removes_models_runs_and_unfinished_downloads(filled, run):
    registry.delete(filled / "mine")
    registry.delete(filled / "half.partial")
    registry.delete(run.folder)
    assert sorted(path.name for path in filled.iterdir()) == ["file", "notes"]
    assert list(run.folder.parent.iterdir()) == []


def test_other_folders_are_never_deleted(filled, run, build, tmp_path):
    elsewhere = build.folder(tmp_path / "elsewhere")
    (filled / "link").symlink_to(elsewhere, target_is_directory=True)
    kept = (elsewhere, filled, filled / "notes", filled / "link", run.best, run.folder.parent, tmp_path, assets.root())
    for folder in (*kept, filled / "none"):
        with pytest.raises(CheckpointError):
            registry.delete(folder)
    with pytest.raises(CheckpointError):
        registry.delete(filled / "mine" / ".." / ".." / "elsewhere")
    assert all(folder.exists() for folder in kept)


def test_run_with_other_files_or_running_is_not_deleted(run):
    (run.folder / "novel.txt").write_text("my only copy")
    with pytest.raises(CheckpointError, match=r"novel\.txt"):
        registry.delete(run.folder)
    (run.folder / "novel.txt").unlink()
    run.write_status("running", 4)
    status = json.loads((run.folder / "status.json").read_text())
    (run.folder / "status.json").write_text(
        json.dumps({**status, "pid": os.getppid(), "process_started": psutil.Process(os.getppid()).create_time()})
    )
    with pytest.raises(TrainingError, match="still running"):
        registry.delete(run.folder)
    assert run.best.is_dir()


def test_leftovers_of_an_interrupted_deletion_are_removed_with_the_next(filled):
    (filled / ".gone.deleted-0123abcd").mkdir()
    registry.delete(filled / "mine")
    assert not any(path.name.startswith(".") for path in filled.iterdir())


def test_checksums_notice_any_change(filled):
    folder = filled / "mine"
    assert read_checksums(folder) is None
    write_checksums(folder, "a/mine", "c0ffee")
    sums = read_checksums(folder)
    assert (sums.source, sums.revision) == ("a/mine", "c0ffee")
    assert set(sums.files) == {"config.json", "model.safetensors", "tokenizer.json"}
    read = []
    check_files(folder, sums, read.append)
    assert sum(read) == sum(size for _, size in sums.files.values())
    weights = folder / "model.safetensors"
    content = weights.read_bytes()
    for damaged in (content[:-1], content + b"x", content[:-1] + bytes([content[-1] ^ 1])):
        weights.write_bytes(damaged)
        with pytest.raises(CheckpointError, match=r"model\.safetensors changed"):
            check_files(folder, sums)
    weights.unlink()
    with pytest.raises(CheckpointError, match=r"model\.safetensors missing"):
        check_files(folder, sums)


@pytest.mark.parametrize("size", ["1e999", "-1e999", "NaN", "[]", "1" + "0" * 5000])
def test_damaged_sizes_in_checksums_and_downloads_are_no_crash(filled, size):
    folder = filled / "mine"
    (folder / "checksums.json").write_text('{"files": {"config.json": {"sha256": "x", "bytes": ' + size + "}}}")
    with pytest.raises(CheckpointError, match="damaged"):
        read_checksums(folder)
    (filled / "half.partial").mkdir(exist_ok=True)
    content = '{"repo": "a/b", "revision": "main", "total_bytes": ' + size + "}"
    (filled / "half.partial" / ".download.json").write_text(content)
    assert registry.interrupted() == []
