"""Rows as cells, as text of a clipboard and as a file that the trainer reads."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from i3core.data.documents import read_documents
from i3core.data.reading import ReadingNotes
from i3core.errors import I3Error
from i3desk.datasets.rows import (
    ASK,
    Row,
    export_rows,
    pasted_rows,
    read_rows,
    rows_of_messages,
    table_text,
    ways,
    write_rows,
)

WORDS = st.text("abc ?\u2028\té\"'", min_size=1, max_size=12).map(str.strip).filter(bool)
ROWS = st.builds(
    Row, st.lists(WORDS, min_size=1, max_size=3, unique=True).map(tuple), WORDS, st.booleans(), st.booleans()
)
KEY = Row(("where is the key?", "the key?"), "under the pot.")


def read(rows, folder):
    path = folder / "table.jsonl"
    path.write_text(write_rows(rows), encoding="utf-8")
    return path


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(ROWS, max_size=6))
def test_a_saved_table_is_the_same_when_it_is_opened_again(tmp_path, rows):
    rows[:1] = [Row(each.ask, each.answer, False, each.learn) for each in rows[:1]]  # nothing is above the first
    assert read_rows(read(rows, tmp_path)) == rows


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(ROWS, max_size=6))
def test_every_way_to_ask_is_trained_with_its_answer(tmp_path, rows):
    documents = list(read_documents(read(rows, tmp_path)))
    pairs = {
        (turns[n - 1]["content"], turns[n]["content"])
        for turns in (document.messages for document in documents)
        for n in range(1, len(turns), 2)
    }
    assert pairs == {(way, row.answer) for row in rows for way in row.ask}


def test_ways_to_ask_are_separated_by_lines_or_bars():
    assert ways(" where is it?|\n it?\n\n where is it? ") == ("where is it?", "it?")
    assert Row().with_cell(ASK, "a | b").cell(ASK) == "a\nb"


def test_rows_that_are_not_finished_are_kept_but_not_trained(tmp_path):
    rows = [Row(("who?",)), Row((), "mrs miller"), KEY]
    path, notes = read(rows, tmp_path), ReadingNotes()
    assert read_rows(path) == rows
    assert [document.texts for document in read_documents(path, notes=notes)] == [
        ["where is the key?", "under the pot."],
        ["the key?", "under the pot."],
    ]
    assert notes.left_out == {"rows without a question or an answer": 2}


def test_a_correction_is_learned_and_what_was_said_before_it_only_read(tmp_path):
    said = [
        {"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello", "weight": 0},
        {"role": "user", "content": "two|plus\ntwo?"}, {"role": "assistant", "content": "four"},
    ]  # fmt: skip
    rows = rows_of_messages(said)
    assert rows == [Row(("hi",), "hello", False, False), Row(("two/plus two?",), "four", True, True)]
    [document] = read_documents(read(rows, tmp_path))
    assert [turn["content"] for turn in document.messages] == ["hi", "hello", "two/plus two?", "four"]
    assert document.context == {1}


def test_rows_of_a_spreadsheet_keep_quoted_lines_and_lose_their_headings():
    text = 'Question\tAnswer\tNote\r\n"where is it?\nit?"\tin the ""hall""\tx\r\nwho?\t"say ""me"""\t\r\n'
    assert pasted_rows(text) == [
        (3, Row(("where is it?", "it?"), 'in the ""hall""')),
        (3, Row(("who?",), 'say "me"')),
    ]
    assert pasted_rows('a 5" nail\tlong\nb\tc') == [(2, Row(('a 5" nail',), "long")), (2, Row(("b",), "c"))]


@given(st.lists(st.lists(st.text('ab"\n|', min_size=1, max_size=5), min_size=2, max_size=2), min_size=1, max_size=5))
def test_copied_cells_can_be_pasted_again(cells):
    pasted = pasted_rows(table_text([["x", answer] for _, answer in cells]))
    assert [row.answer for _, row in pasted] == [answer.strip() for _, answer in cells]


def test_an_export_is_what_other_programs_read(tmp_path):
    rows = [KEY, Row(("and the cat?",), "outside", follows=True), Row(("half",))]
    (tmp_path / "a.csv").write_text(export_rows(rows, ".csv"), encoding="utf-8")
    (tmp_path / "a.jsonl").write_text(export_rows(rows, ".jsonl"), encoding="utf-8")
    wanted = [
        ["where is the key?", "under the pot.", "and the cat?", "outside"],
        ["the key?", "under the pot.", "and the cat?", "outside"],
    ]
    assert [document.texts for document in read_documents(tmp_path / "a.jsonl")] == wanted
    pairs = [pair for texts in wanted for pair in (texts[:2], texts[2:])]
    assert [document.texts for document in read_documents(tmp_path / "a.csv")] == pairs


@pytest.mark.parametrize("line", ["x", "[]", '{"ask": 5, "answer": "a"}', '{"text": "a"}'])
def test_a_file_that_is_no_table_says_which_line(tmp_path, line):
    (tmp_path / "table.jsonl").write_text(json.dumps({"ask": ["a"], "answer": "b"}) + f"\n{line}\n")
    with pytest.raises(I3Error, match="line 2: no row"):
        read_rows(tmp_path / "table.jsonl")
