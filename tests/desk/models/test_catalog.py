"""The models that are found on this computer, read by the real background thread from real folders."""

from __future__ import annotations

import json
import shutil
import time

import pytest

from i3core.model.config import preset
from i3core.system import assets
from i3desk.models.catalog import MOST_RECENT, Catalog, Origin
from i3desk.paths import Paths
from i3desk.workers.background import BackgroundJobs

MINI = assets.models()[assets.BUNDLED_MODEL]


def copy_model(folder, **config):
    """A real model under another name."""
    shutil.copytree(MINI, folder, ignore=shutil.ignore_patterns("recipe", "README.md"))
    content = json.loads((folder / "config.json").read_text()) | config
    (folder / "config.json").write_text(json.dumps(content))
    return folder


def make_run(folder):
    """A finished training run with a checkpoint."""
    copy_model(folder / "checkpoints" / "best")
    (folder / "run.json").write_text(json.dumps({"started": time.time(), "model": "i3-mini"}))
    (folder / "status.json").write_text(json.dumps({"state": "finished", "step": 500, "pid": 1, "heartbeat": 1.0}))
    metrics = {"step": 500, "val_loss": 1.7, "val_perplexity": 5.6, "general_perplexity": 19.7}
    (folder / "metrics.jsonl").write_text(json.dumps(metrics) + "\n")
    return folder


@pytest.fixture
def here(tmp_path):
    return Paths.under(tmp_path / "user")


@pytest.fixture
def open_catalogue(qtbot, here):
    """Opens the catalogue as a start of the program does; waits until all folders are read."""
    threads = []

    def open_(**options) -> Catalog:
        background = BackgroundJobs()
        threads.append(background)
        catalogue = Catalog(here, background, **options)
        catalogue.refresh()
        settle(catalogue)
        return catalogue

    def settle(catalogue) -> None:
        qtbot.waitUntil(lambda: bool(catalogue.entries) and not catalogue.reading)

    open_.settle = settle
    yield open_
    for background in threads:
        with qtbot.waitSignal(background.stopped):
            background.shut_down()


def names(catalogue):
    return [(entry.name, entry.origin.value) for entry in catalogue.entries]


def test_models_of_all_origins_are_found_and_read(here, open_catalogue, tmp_path):
    copy_model(here.models_folder / "i3-80m", description="The original.")
    make_run(here.runs_folder / "pirate")
    (here.runs_folder / "just-begun").mkdir()
    (here.models_folder / "half.partial").mkdir()
    own = copy_model(tmp_path / "mine")
    catalogue = open_catalogue(own_folders=[str(own)])
    assert names(catalogue) == [
        ("i3-mini", "bundled"), ("i3-80m", "downloaded"), ("mine", "yours"), ("pirate", "fine-tuned"),
    ]  # fmt: skip
    assert all(entry.facts.parameters == preset("i3-mini").parameters for entry in catalogue.entries)
    assert catalogue.entry(None).name == "i3-mini"
    assert catalogue.entries[3].facts.training.best_val_perplexity == 5.6


def test_a_missing_and_a_damaged_folder_stay_with_what_is_wrong_and_can_be_removed(open_catalogue, tmp_path):
    damaged = copy_model(tmp_path / "damaged")
    (damaged / "model.safetensors").write_bytes(b"not weights")
    catalogue = open_catalogue(own_folders=[str(tmp_path / "gone"), str(damaged)])
    of_mine = {entry.name: entry for entry in catalogue.entries if entry.origin is Origin.OWN}
    assert str(tmp_path / "gone") in of_mine["gone"].what
    assert "model.safetensors" in of_mine["damaged"].what
    assert of_mine["damaged"].facts is None
    catalogue.remove(tmp_path / "gone")
    assert catalogue.own_folders == (str(damaged),)
    assert [entry.name for entry in catalogue.entries if entry.origin is Origin.OWN] == ["damaged"]
    assert damaged.is_dir()


def test_a_folder_is_added_once_by_itself_or_by_a_file_in_it(qtbot, open_catalogue, tmp_path):
    own = copy_model(tmp_path / "mine")
    catalogue = open_catalogue()
    with qtbot.waitSignals([catalogue.added, catalogue.kept_changed]):
        catalogue.add_folder(own)
    with qtbot.waitSignal(catalogue.added) as again:
        catalogue.add_folder(own / "model.safetensors")
    assert again.args == [str(own)]
    assert names(catalogue).count(("mine", "yours")) == 1
    reopened = open_catalogue(own_folders=catalogue.own_folders)
    assert ("mine", "yours") in names(reopened)


def test_what_changes_while_folders_are_read_stays_changed(qtbot, open_catalogue, tmp_path):
    own, other = copy_model(tmp_path / "mine"), copy_model(tmp_path / "other")
    catalogue = open_catalogue(own_folders=[str(other)])
    with qtbot.waitSignal(catalogue.added):
        catalogue.add_folder(own)
        catalogue.refresh()  # looks with the list from before
    open_catalogue.settle(catalogue)
    assert catalogue.entry(own).facts is not None
    catalogue.refresh()
    catalogue.remove(other)
    open_catalogue.settle(catalogue)
    assert catalogue.entry(other) is None


def test_a_folder_without_a_model_is_refused_with_a_reason(qtbot, open_catalogue, tmp_path):
    catalogue = open_catalogue()
    with qtbot.waitSignal(catalogue.failed) as failed:
        catalogue.add_folder(tmp_path)
    assert str(tmp_path) in failed.args[0]
    assert failed.args[1]
    assert catalogue.own_folders == ()


def test_used_models_come_first_and_are_remembered(here, open_catalogue, tmp_path):
    for name in ("a", "b"):
        copy_model(here.models_folder / name)
    elsewhere = copy_model(tmp_path / "elsewhere")
    catalogue = open_catalogue()
    for folder in (None, here.models_folder / "a", here.models_folder / "b", elsewhere):
        catalogue.remember_used(folder)
    open_catalogue.settle(catalogue)
    assert [entry.name for entry in catalogue.recent()] == ["elsewhere", "b", "a", "i3-mini"]
    reopened = open_catalogue(recent_models=catalogue.recent_models)
    assert [name for name, _ in names(reopened)] == ["i3-mini", "b", "a", "elsewhere"]
    for number in range(20):
        catalogue.remember_used(tmp_path / str(number))
    assert len(catalogue.recent_models) == MOST_RECENT
    assert catalogue.recent_models[0] == str(tmp_path / "19")


def test_a_downloaded_model_is_deleted_from_the_disk_and_a_bundled_one_is_not(qtbot, here, open_catalogue):
    folder = copy_model(here.models_folder / "i3-80m")
    catalogue = open_catalogue()
    with qtbot.waitSignal(catalogue.deleted) as deleted:
        catalogue.delete(folder)
    assert deleted.args == [str(folder)]
    assert not folder.exists()
    assert names(catalogue) == [("i3-mini", "bundled")]
    with qtbot.waitSignal(catalogue.delete_failed) as refused:
        catalogue.delete(MINI)
    assert refused.args[0] == str(MINI)
    assert (MINI / "model.safetensors").is_file()


def test_what_is_known_stays_while_folders_are_read_again(qtbot, here, open_catalogue):
    catalogue = open_catalogue()
    facts_seen = []
    catalogue.changed.connect(lambda: facts_seen.append(catalogue.entry(None).facts is not None))
    copy_model(here.models_folder / "new")
    catalogue.refresh()
    catalogue.refresh()
    qtbot.waitUntil(lambda: ("new", "downloaded") in names(catalogue) and not catalogue.reading)
    assert all(facts_seen)
