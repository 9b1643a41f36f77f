"""The models that are found on this computer, read by the real background thread from real folders."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from i3core.model.config import preset
from i3core.system import assets
from i3desk.models.catalog import MOST_RECENT, Catalog, Entry, Origin, distinct
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
def open_catalog(qtbot, here):
    """Opens the catalog as a start of the program does; waits until all folders are read."""
    threads = []

    def open_(**options) -> Catalog:
        background = BackgroundJobs()
        threads.append(background)
        catalog = Catalog(here, background, **options)
        catalog.refresh()
        settle(catalog)
        return catalog

    def settle(catalog) -> None:
        qtbot.waitUntil(lambda: bool(catalog.entries) and not catalog.reading)

    open_.settle = settle
    yield open_
    for background in threads:
        with qtbot.waitSignal(background.stopped, timeout=60_000):
            background.shut_down()


def names(catalog):
    return [(entry.name, entry.origin.value) for entry in catalog.entries]


def test_models_of_all_origins_are_found_and_read(here, open_catalog, tmp_path):
    copy_model(here.models_folder / "i3-80m", description="The original.")
    make_run(here.runs_folder / "pirate")
    (here.runs_folder / "just-begun").mkdir()
    (here.models_folder / "half.partial").mkdir()
    own = copy_model(tmp_path / "mine")
    catalog = open_catalog(own_folders=[str(own)])
    assert names(catalog) == [
        ("i3-mini", "bundled"), ("i3-80m", "downloaded"), ("mine", "yours"), ("pirate", "fine-tuned"),
    ]  # fmt: skip
    assert all(entry.facts.parameters == preset("i3-mini").parameters for entry in catalog.entries)
    assert catalog.entry(None).name == "i3-mini"
    assert catalog.entries[3].facts.training.best_val_perplexity == 5.6


def test_unreadable_folders_are_listed_with_error_and_can_be_removed(open_catalog, tmp_path):
    damaged = copy_model(tmp_path / "damaged")
    (damaged / "model.safetensors").write_bytes(b"not weights")
    catalog = open_catalog(own_folders=[str(tmp_path / "gone"), str(damaged)])
    of_mine = {entry.name: entry for entry in catalog.entries if entry.origin is Origin.OWN}
    assert str(tmp_path / "gone") in of_mine["gone"].what
    assert "model.safetensors" in of_mine["damaged"].what
    assert of_mine["damaged"].facts is None
    catalog.remove(tmp_path / "gone")
    assert catalog.own_folders == (str(damaged),)
    assert [entry.name for entry in catalog.entries if entry.origin is Origin.OWN] == ["damaged"]
    assert damaged.is_dir()


def test_folder_is_added_once_by_itself_or_by_a_file_in_it(qtbot, open_catalog, tmp_path):
    own = copy_model(tmp_path / "mine")
    catalog = open_catalog()
    with qtbot.waitSignals([catalog.added, catalog.saved_changed]):
        catalog.add_folder(own)
    with qtbot.waitSignal(catalog.added) as again:
        catalog.add_folder(own / "model.safetensors")
    assert again.args == [str(own)]
    assert names(catalog).count(("mine", "yours")) == 1
    reopened = open_catalog(own_folders=catalog.own_folders)
    assert ("mine", "yours") in names(reopened)


def test_change_during_reading_is_kept(qtbot, open_catalog, tmp_path):
    own, other = copy_model(tmp_path / "mine"), copy_model(tmp_path / "other")
    catalog = open_catalog(own_folders=[str(other)])
    with qtbot.waitSignal(catalog.added):
        catalog.add_folder(own)
        catalog.refresh()  # looks with the list from before
    open_catalog.settle(catalog)
    assert catalog.entry(own).facts is not None
    catalog.refresh()
    catalog.remove(other)
    open_catalog.settle(catalog)
    assert catalog.entry(other) is None


def test_folder_without_model_is_refused_with_reason(qtbot, open_catalog, tmp_path):
    catalog = open_catalog()
    with qtbot.waitSignal(catalog.failed) as failed:
        catalog.add_folder(tmp_path)
    assert str(tmp_path) in failed.args[0]
    assert failed.args[1]
    assert catalog.own_folders == ()


def test_used_models_come_first_and_are_saved(here, open_catalog, tmp_path):
    for name in ("a", "b"):
        copy_model(here.models_folder / name)
    elsewhere = copy_model(tmp_path / "elsewhere")
    catalog = open_catalog()
    for folder in (None, here.models_folder / "a", here.models_folder / "b", elsewhere):
        catalog.remember_used(folder)
    open_catalog.settle(catalog)
    assert [entry.name for entry in catalog.recent()] == ["elsewhere", "b", "a", "i3-mini"]
    reopened = open_catalog(recent_models=catalog.recent_models)
    assert [name for name, _ in names(reopened)] == ["i3-mini", "b", "a", "elsewhere"]
    for number in range(20):
        catalog.remember_used(tmp_path / str(number))
    assert len(catalog.recent_models) == MOST_RECENT
    assert catalog.recent_models[0] == str(tmp_path / "19")


def test_downloaded_model_can_be_deleted_but_not_the_bundled_one(qtbot, here, open_catalog):
    folder = copy_model(here.models_folder / "i3-80m")
    catalog = open_catalog()
    with qtbot.waitSignal(catalog.deleted) as deleted:
        catalog.delete(folder)
    assert deleted.args == [str(folder)]
    assert not folder.exists()
    assert names(catalog) == [("i3-mini", "bundled")]
    with qtbot.waitSignal(catalog.delete_failed) as refused:
        catalog.delete(MINI)
    assert refused.args[0] == str(MINI)
    assert (MINI / "model.safetensors").is_file()


def test_facts_are_kept_while_folders_are_read_again(qtbot, here, open_catalog):
    catalog = open_catalog()
    facts_seen = []
    catalog.changed.connect(lambda: facts_seen.append(catalog.entry(None).facts is not None))
    copy_model(here.models_folder / "new")
    catalog.refresh()
    catalog.refresh()
    qtbot.waitUntil(lambda: ("new", "downloaded") in names(catalog) and not catalog.reading)
    assert all(facts_seen)


# --------------------------------------------------------------------------------------------- names, and one card each


def test_a_run_is_one_model_also_after_its_checkpoint_was_used(here, open_catalog):
    run = make_run(here.runs_folder / "taught")
    copy_model(run / "checkpoints" / "last")
    checkpoint = str(run / "checkpoints" / "last")
    catalog = open_catalog(own_folders=[checkpoint], recent_models=[checkpoint])
    assert [(entry.folder, entry.origin.value) for entry in catalog.entries] == [(MINI, "bundled"), (run, "fine-tuned")]
    catalog.remember_used(checkpoint)
    open_catalog.settle(catalog)
    assert len(catalog.entries) == 2
    assert [entry.folder for entry in catalog.recent()] == [run]
    assert catalog.entry(checkpoint) == catalog.entry(run)


def test_models_of_one_name_are_told_apart_by_the_time_of_their_run(here, open_catalog):
    make_run(here.runs_folder / "taught")
    make_run(here.runs_folder / "taught-2")
    for folder in here.runs_folder.iterdir():
        (folder / "notes.json").write_text(json.dumps({"name": "Taught", "note": ""}))
    copy_model(here.models_folder / "taught", name="taught")
    shown = [entry for entry in open_catalog().entries if entry.origin is not Origin.BUNDLED]
    assert shown[0].name == "taught"
    assert all(entry.name.startswith(time.strftime("Taught · %d %b")) for entry in shown[1:])
    assert len({entry.name for entry in shown}) == 3


@given(st.lists(st.sampled_from(["a", "A", "b", "a · (2)"]), max_size=8))
def test_no_two_models_have_one_name(chosen):
    entries = [Entry(Path("/", str(n), name), Origin.OWN) for n, name in enumerate(chosen)]
    shown = distinct(entries)
    assert len({entry.name.lower() for entry in shown}) == len(chosen)
    assert [entry.folder for entry in shown] == [entry.folder for entry in entries]
    assert distinct(shown) == shown
