"""Encodings, JSON that is not as its name says, and what a folder holds besides data."""

import json

import pytest

from i3core.cli.main import main
from i3core.data.documents import read_documents
from i3core.data.reading import Reading, ReadingNotes
from i3core.data.sources import data_files, files_left_out, parse_source
from i3core.errors import DataError

TEXTS = {
    "a.txt": "wie schön.\n\nja.", "a.md": "# wie schön.\n# ja.", "a.jsonl": '{"text": "wie schön."}\n{"text": "ja."}\n',
    "a.ndjson": '{"text": "wie schön."}\n{"text": "ja."}\n', "a.json": '[{"text": "wie schön."}, {"text": "ja."}]',
    "a.csv": "text\nwie schön.\nja.\n", "a.tsv": "text\tnr\nwie schön.\t1\nja.\t2\n",
}  # fmt: skip


def texts(path, **options):
    return [document.text.strip("# ") for document in read_documents(path, reading=Reading.parse(**options))]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("name", TEXTS)
def test_marked_encodings_are_recognised_in_every_type(tmp_path, name, encoding):
    (tmp_path / name).write_bytes(TEXTS[name].encode(encoding))
    assert texts(tmp_path / name) == ["wie schön.", "ja."]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("name", TEXTS)
def test_utf16_without_its_mark_is_called_so_and_can_be_read(tmp_path, name, encoding):
    (tmp_path / name).write_bytes(TEXTS[name].encode(encoding))
    with pytest.raises(DataError, match="UTF-16 text without its mark") as raised:
        texts(tmp_path / name)
    assert f"--encoding {encoding}" in raised.value.remedy
    assert "wie schön." in raised.value.remedy
    assert texts(tmp_path / name, encoding=encoding) == ["wie schön.", "ja."]


@pytest.mark.parametrize("name", TEXTS)
def test_encoding_of_windows_is_suggested_with_a_preview(tmp_path, name):
    (tmp_path / name).write_bytes(TEXTS[name].encode("cp1252"))
    with pytest.raises(DataError, match=r"line [12]: not UTF-8") as raised:
        texts(tmp_path / name)
    assert "--encoding cp1252" in raised.value.remedy
    assert "wie schön" in raised.value.remedy
    assert texts(tmp_path / name, encoding="cp1252") == ["wie schön.", "ja."]


def test_wrong_encoding_is_named(tmp_path):
    (tmp_path / "a.txt").write_text("wie schön", encoding="utf-8")
    with pytest.raises(DataError, match="not ascii text"):
        texts(tmp_path / "a.txt", encoding="ascii")


@pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson"])
@pytest.mark.parametrize(
    "content",
    [
        '{"text": "a b"},\n{"text": "c d"},\n', '[{"text": "a b"}, {"text": "c d"}]\n',
        '[\n{"text": "a b"},\n{"text": "c d"}\n]\n', '[{"text": "a b"},\n{"text": "c d"}]\n',
        '{\n "text": "a b"\n}\n{\n "text": "c d"\n}\n', '{"text":\n "a b"}\n{"text":\n "c d"}\n',
        '\n\n{"text": "a b"}\n\n{"text": "c d"}',
    ],
)  # fmt: skip
def test_json_lines_that_are_something_else_are_read(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    assert texts(tmp_path / name) == ["a b", "c d"]


def test_broken_json_is_named_by_line_and_column(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "a"}\n{"text": oh}\n')
    with pytest.raises(DataError, match=r"a\.jsonl, line 2: not JSON \(column 10: Expecting value\)"):
        texts(tmp_path / "a.jsonl")
    (tmp_path / "a.json").write_text('[{"text": "a"},\n {"text": oh}]\n')
    with pytest.raises(DataError, match=r"a\.json, line 2: not JSON \(column 11: Expecting value\)"):
        texts(tmp_path / "a.json")


def fill(folder, **files):
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


RECORD = json.dumps({"text": "to be learned"}) + "\n"
HELD = json.dumps({"text": "held back"}) + "\n"


def test_cloned_dataset_leaves_out_what_is_no_training_data_and_says_so(tmp_path):
    fill(
        tmp_path, README_md="---\nlicense: mit\n---\n# Card\n", dataset__infos_json="{}", train_jsonl=RECORD,
        test_jsonl=HELD, data__validation_jsonl=HELD, testimony_txt="a witness",
    )  # fmt: skip
    (tmp_path / "dataset_infos.json").write_text("{}")
    (tmp_path / "dataset" / "infos.json").unlink()
    notes = ReadingNotes()
    found = [document.text for document in read_documents(tmp_path, notes=notes)]
    assert found == ["a witness", "to be learned"]
    assert sorted(notes.left_out) == [
        "the file README.md (the card of the dataset)", "the file data/validation.jsonl (the validation split)",
        "the file dataset_infos.json (a description of the dataset)", "the file test.jsonl (the test split)",
    ]  # fmt: skip


def test_folder_of_texts_keeps_its_readme_and_tests(tmp_path):
    fill(tmp_path, README_md="# My diary\n", test_txt="a test")
    assert files_left_out(tmp_path) == []
    assert len(data_files(tmp_path)) == 2


def test_files_left_out_are_shown_by_the_command(tmp_path, capsys):
    fill(tmp_path, train_jsonl=RECORD, test_jsonl=HELD)
    main(["data", "--data", str(tmp_path)])
    assert "not used: the file test.jsonl (the test split)" in capsys.readouterr().out


def test_linked_folder_is_read_once_even_if_it_leads_back(tmp_path):
    fill(tmp_path, all__b_txt="in the folder", real__a_txt="in a linked folder")
    (tmp_path / "all" / "link").symlink_to(tmp_path / "real", target_is_directory=True)
    (tmp_path / "real" / "back").symlink_to(tmp_path / "all", target_is_directory=True)
    assert sorted(texts(tmp_path / "all")) == ["in a linked folder", "in the folder"]


@pytest.mark.parametrize("name", ["", " ", ":2"])
def test_source_without_a_name_is_not_the_current_folder(name):
    with pytest.raises(DataError, match="has no name"):
        parse_source(name)
