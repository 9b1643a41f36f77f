"""Files are replaced as a whole or not at all."""

import errno
import os

import pytest

from i3core.errors import I3Error
from i3core.system.files import read_json, replaced, write_json


def test_round_trip(tmp_path):
    write_json(tmp_path / "deep" / "a.json", {"é": [1, "😀"]})
    assert read_json(tmp_path / "deep" / "a.json") == {"é": [1, "😀"]}
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["a.json"]


def test_failed_replacement_changes_nothing(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, 1)

    def half() -> None:
        with replaced(path) as temporary:
            temporary.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    assert read_json(path) == 1
    assert list(tmp_path.iterdir()) == [path]


def test_disk_error_names_the_file(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(I3Error, match="could not be written"):
        write_json(tmp_path / "file" / "a.json", 1)


@pytest.mark.parametrize("name", ["é" * 120 + ".json", "語" * 83 + ".json", "a" * 250])
def test_longest_name_that_the_system_allows_is_written(tmp_path, name):
    write_json(tmp_path / name, 1)
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    ("reason", "remedy"),
    [
        (errno.ENAMETOOLONG, "shorter name"), (errno.ENOSPC, "disk space"), (errno.EROFS, "permissions"),
        (errno.EACCES, "permissions"), (errno.EIO, "check the disk"),
    ],
)  # fmt: skip
def test_remedy_is_for_the_reason(tmp_path, reason, remedy):
    with pytest.raises(I3Error, match=f"{remedy}.* What was there before"), replaced(tmp_path / "a"):
        raise OSError(reason, os.strerror(reason))


def test_files_are_readable_like_any_other(tmp_path):
    write_json(tmp_path / "a.json", 1)
    (tmp_path / "plain").write_text("")
    assert os.stat(tmp_path / "a.json").st_mode == os.stat(tmp_path / "plain").st_mode


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000])
def test_damaged_json_is_named(tmp_path, content):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(I3Error, match=r"a\.json"):
        read_json(tmp_path / "a.json")


def test_missing_json_is_named(tmp_path):
    with pytest.raises(I3Error, match=r"a\.json"):
        read_json(tmp_path / "a.json")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in folders here")
def test_json_is_read_from_files_only_and_not_from_huge_ones(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "folder.json").mkdir()
    for name in ("pipe.json", "folder.json"):
        with pytest.raises(I3Error, match="not a regular file"):
            read_json(tmp_path / name)
    with open(tmp_path / "huge.json", "wb") as file:
        file.truncate(180_000_000)
    with pytest.raises(I3Error, match="180,000,000 bytes"):
        read_json(tmp_path / "huge.json")
