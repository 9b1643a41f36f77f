"""Deleted folders come back as they were, under a free name, and leave for good after 30 days."""

import time

import pytest

from i3core.errors import I3Error
from i3core.system import recently_deleted
from i3core.system.recently_deleted import FOLDER, KEPT_S, deleted_in, remove, remove_old, restore, set_aside


def folder_in(parent, name="model", content="weights"):
    folder = parent / name
    folder.mkdir()
    (folder / "file").write_text(content)
    return folder


def test_deleted_folder_is_restored_as_it_was(tmp_path):
    folder = folder_in(tmp_path, "a - b.c")
    deleted = set_aside(folder)
    assert not folder.exists()
    assert deleted_in(tmp_path) == [deleted]
    assert deleted.original == folder
    assert abs(deleted.deleted_at - time.time()) < 60
    assert restore(deleted) == folder
    assert (folder / "file").read_text() == "weights"
    assert [path.name for path in tmp_path.iterdir()] == ["a - b.c"]
    with pytest.raises(I3Error, match="cannot be restored"):
        restore(deleted)


def test_folders_of_one_name_are_kept_apart(tmp_path):
    first = set_aside(folder_in(tmp_path, content="1"))
    second = set_aside(folder_in(tmp_path, content="2"))
    assert deleted_in(tmp_path) == [second, first]
    assert restore(first) == tmp_path / "model"
    assert restore(second) == tmp_path / "model-2"
    assert (tmp_path / "model-2" / "file").read_text() == "2"


def test_old_ones_are_removed_for_good_and_others_stay(tmp_path, monkeypatch):
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - KEPT_S - 10)
    set_aside(folder_in(tmp_path, "old"))
    monkeypatch.setattr(time, "time", lambda: now)
    young = set_aside(folder_in(tmp_path, "young"))
    (tmp_path / FOLDER / "not ours").mkdir()
    remove_old(tmp_path)
    assert deleted_in(tmp_path) == [young]
    assert (tmp_path / FOLDER / "not ours").is_dir()
    remove(young)
    assert deleted_in(tmp_path) == []


def test_folder_that_cannot_be_moved_stays(tmp_path):
    folder = folder_in(tmp_path)
    (tmp_path / FOLDER).write_text("a file in the way")
    with pytest.raises(I3Error, match="cannot be deleted"):
        set_aside(folder)
    assert (folder / "file").exists()
    assert recently_deleted.deleted_in(tmp_path / "none") == []
