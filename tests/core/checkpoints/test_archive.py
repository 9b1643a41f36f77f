"""A model as one file: what is packed comes out the same, and nothing else comes out."""

from __future__ import annotations

import shutil
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from i3core.checkpoints.archive import pack, unpack
from i3core.checkpoints.model_info import inspect
from i3core.errors import CheckpointError, I3Error
from i3core.system import assets


@pytest.fixture
def model(tmp_path):
    """A copy of the bundled model, small files only but for the weights."""
    folder = tmp_path / "my model"
    folder.mkdir()
    for name in ("config.json", "model.safetensors", "tokenizer.json", "README.md"):
        shutil.copy(assets.models()[assets.BUNDLED_MODEL] / name, folder / name)
    return folder


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_packed_model_comes_out_as_it_was(model, tmp_path):
    (model / "trainer.pt").write_bytes(b"the optimizer")
    (model / ".hidden").write_text("x")
    file = pack(model, tmp_path / "for a friend")
    assert file.name == "for a friend.i3model"
    there = unpack(file, tmp_path / "models")
    assert there.name == "my model"
    wanted = contents(model)
    del wanted["trainer.pt"], wanted[".hidden"]
    assert contents(there) == wanted
    assert inspect(there).parameters == inspect(model).parameters
    assert unpack(file, tmp_path / "models").name == "my model-2"  # never over another


def test_folder_without_a_model_is_not_packed(tmp_path):
    with pytest.raises(CheckpointError, match="no model"):
        pack(tmp_path, tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "names",
    [
        ("../../out.json",),
        ("/etc/out.json",),
        ("a/b/config.json",),
        ("a/run.py",),
        ("a/x.json", "b/y.json"),
        ("C:\\x.json",),
    ],
)
def test_archive_with_other_files_is_refused_and_nothing_is_left(tmp_path, names):
    file = tmp_path / "evil.i3model"
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, "{}")
    with pytest.raises(CheckpointError, match=r"evil\.i3model holds"):
        unpack(file, tmp_path / "models")
    assert [path.name for path in tmp_path.iterdir() if path != file] in ([], ["models"])
    assert list((tmp_path / "models").glob("*")) == []


@settings(max_examples=30, deadline=None)
@given(data=st.binary(max_size=200), cut=st.floats(0, 0.99))
def test_damaged_file_gives_one_clear_error(tmp_path_factory, data, cut):
    folder = tmp_path_factory.mktemp("damaged")
    good = folder / "good.i3model"
    with zipfile.ZipFile(good, "w") as archive:
        archive.writestr("m/config.json", "{}" * 50)
    for content in (data, good.read_bytes()[: int(cut * good.stat().st_size)], good.read_bytes()):
        file = folder / "broken.i3model"
        file.write_bytes(content)
        with pytest.raises(I3Error):
            unpack(file, folder / "models")
        assert list((folder / "models").glob("*")) == []
