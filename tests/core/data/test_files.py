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


LINE = '{"text": "a\u2028b"}'


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\r\r\n", ", ", "", " ", "\u2028", "\x85"])
@pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson"])
def test_json_lines_end_in_any_way(tmp_path, name, end):
    (tmp_path / name).write_text(end.join([LINE] * 3) + end, "utf-8", newline="")
    assert texts(tmp_path / name) == ["a\u2028b"] * 3


def test_files_of_json_lines_that_were_put_together_are_read(tmp_path):
    (tmp_path / "a.jsonl").write_text(f"\ufeff{LINE}\n\ufeff{LINE}\n", "utf-8")
    assert len(texts(tmp_path / "a.jsonl")) == 2


def test_text_behind_a_record_is_a_bad_record(tmp_path):
    (tmp_path / "a.jsonl").write_text(f"{LINE}\n{LINE} 5\n{LINE}{{\n{LINE} x\n", "utf-8")
    bad = []
    assert len(list(read_documents(tmp_path / "a.jsonl", bad.append))) == 1
    assert [error.location.number for error in bad] == [2, 3, 4]
    assert all("not JSON" in error.reason for error in bad)


def test_row_of_columns_is_named_by_its_number(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps({"question": ["a", "", "c"], "answer": ["d", "e", ""]}))
    bad = []
    assert [document.texts for document in read_documents(tmp_path / "a.json", bad.append)] == [["a", "d"]]
    assert [str(error.location).partition(", ")[2] for error in bad] == ["row 2", "row 3"]


def test_columns_of_different_lengths_are_named(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps({"question": ["a", "b"], "answer": ["c"]}))
    with pytest.raises(DataError, match="different lengths: `question` 2, `answer` 1"):
        texts(tmp_path / "a.json")


def test_columns_in_one_object_can_be_named(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps({"Frage": ["a", "b"], "Antwort": ["c", "d"], "nr": [1, 2]}))
    documents = read_documents(tmp_path / "a.json", reading=Reading.parse("user=Frage,assistant=Antwort"))
    assert [document.texts for document in documents] == [["a", "c"], ["b", "d"]]


@pytest.mark.parametrize("value", ["3", "true", "NaN", "{}"])
def test_answer_that_is_no_text_is_a_bad_record(tmp_path, value):
    (tmp_path / "a.jsonl").write_text(f'{{"question": "q", "answer": {value}}}\n')
    with pytest.raises(DataError, match="`answer` is not text"):
        list(read_documents(tmp_path / "a.jsonl"))


@pytest.mark.parametrize("names", [("Question", "Answer"), ("PROMPT", "Completion"), (" prompt", "completion ")])
def test_names_of_fields_may_have_capitals_and_spaces(tmp_path, names):
    (tmp_path / "a.jsonl").write_text(json.dumps(dict(zip(names, ("a", "b"), strict=True))) + "\n")
    assert [document.texts for document in read_documents(tmp_path / "a.jsonl")] == [["a", "b"]]


@pytest.mark.parametrize("mark", [{"weight": 0.5}, {"weight": 1}, {"train": True}])
def test_weight_of_a_record_that_is_not_nothing_leaves_it_learned(tmp_path, mark):
    (tmp_path / "a.jsonl").write_text(json.dumps({"prompt": "a", "completion": "b", **mark}) + "\n")
    notes = ReadingNotes()
    (document,) = read_documents(tmp_path / "a.jsonl", notes=notes)
    assert not document.context
    assert list(notes.left_out) == (["field `weight`"] if 0.5 in mark.values() else [])


@pytest.mark.parametrize(
    ("start", "what"),
    [
        (b"PK\x03\x04", "ZIP"), (b"%PDF-1.7", "PDF"), (b"\x1f\x8b\x08", "gzip"), (b"\xfd7zXZ\0", "xz"),
        (b"{\\rtf1", "RTF"), (b"PAR1", "Parquet"), (b"\xd0\xcf\x11\xe0", "office"), (b"SQLite format 3\0", "database"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", TEXTS)
def test_other_file_under_the_name_of_a_text_is_called_what_it_is(tmp_path, name, start, what):
    (tmp_path / name).write_bytes(start + bytes(range(256)))
    with pytest.raises(DataError, match=f"is not text: it is .*{what}"):
        texts(tmp_path / name, encoding="latin-1")


@pytest.mark.parametrize("name", [*TEXTS, "a.parquet"])
def test_pointer_of_git_lfs_is_called_one(tmp_path, name):
    (tmp_path / name).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n")
    with pytest.raises(DataError, match="pointer of Git LFS"):
        texts(tmp_path / name)


@pytest.mark.parametrize("name", ["a.csv", "a.json", "a.jsonl", "a.parquet"])
def test_web_page_in_place_of_records_is_called_one(tmp_path, name):
    (tmp_path / name).write_text("<!DOCTYPE html><html>sign in</html>")
    with pytest.raises(DataError, match="is a web page"):
        texts(tmp_path / name)


def test_json_under_the_name_of_a_table_is_called_so(tmp_path):
    (tmp_path / "a.csv").write_text(LINE, "utf-8")
    with pytest.raises(DataError, match=r"holds JSON, not a table.*\.jsonl"):
        texts(tmp_path / "a.csv")


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
