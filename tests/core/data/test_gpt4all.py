"""The binary chats of GPT4All, of every version that it has written."""

from __future__ import annotations

import pytest
from gpt4all_chats import NEWEST, Item, asked, chat_file, said
from hypothesis import given
from hypothesis import strategies as st

from i3core.data.documents import read_documents
from i3core.data.gpt4all import KEY, read_chat
from i3core.data.reading import ReadingNotes
from i3core.errors import DataError

VERSIONS = range(1, NEWEST + 1)
ITEMS = (asked("where is the lamp? 💡"), said("in the hall."), asked("and the key?"), said("under the mat."))
TEXTS = [item.text for item in ITEMS]


def texts(path, notes=None):
    return [text for document in read_documents(path, notes=notes) for text in document.texts]


@pytest.mark.parametrize("state", [None, b"\0" * 5000], ids=["no state", "state"])
@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_is_read(tmp_path, version, state):
    (tmp_path / "a.chat").write_bytes(chat_file(*ITEMS, version=version, state=state))
    [document] = read_documents(tmp_path / "a.chat")
    assert document.texts == TEXTS
    assert [turn["role"] for turn in document.messages] == ["user", "assistant"] * 2
    assert document.shape == "chat of GPT4All"
    read = read_chat(tmp_path / "a.chat", lambda what: None)
    assert (read["title"], read["created_at"]) == ("The lamp", 1_700_000_000)


def test_what_is_not_text_is_named(tmp_path):
    items = (
        asked("look", attached=(("my notes.txt", b"the lamp is old."), ("a.xlsx", b"PK\x03\x04\0\xff"))),
        said("old.", passages=("one", "two"), parts=(("Think: ", "hm"), ("Text: ", "let me see. "),
             ("ToolCall: ", "1 + 1"), ("ToolResponse: ", "2"))),
        asked("never answered"),
        said("", failed=True),
        asked("good?"),
        said("yes."),
    )  # fmt: skip
    (tmp_path / "a.chat").write_bytes(chat_file(*items))
    notes = ReadingNotes()
    assert texts(tmp_path / "a.chat", notes) == [
        "## Attached: my notes.txt\n\nthe lamp is old.\n\nlook", "let me see. old.", "good?", "yes.",
    ]  # fmt: skip
    assert notes.left_out == {
        "attachments": 1, "passages of documents": 2, "think parts of turns": 1, "tool calls": 1,
        "results of tools": 1, "empty or failed replies": 1, "questions without a reply": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it does not start like one"),
        (b'{"messages": []}', "it does not start like one"),
        (chat_file(*ITEMS, version=13), "its version is 13, and known are 1 to 12"),
        (chat_file(*ITEMS)[:-3], "it is cut short"),
        (chat_file(Item("Nobody: ", "x")), "a message is called 'Nobody: '"),
        (chat_file(said("x", parts=(("Odd: ", "y"),))), "a part of a response is called 'Odd: '"),
    ],
    ids=["empty", "JSON", "newer", "cut", "role", "part"],
)
def test_damaged_chat_is_a_bad_record_with_the_reason(tmp_path, content, why):
    (tmp_path / "a.chat").write_bytes(content)
    (tmp_path / "b.chat").write_bytes(chat_file(*ITEMS))
    bad = []
    assert [d.texts for d in read_documents(tmp_path, bad.append)] == [TEXTS]
    assert [(error.location.file, why in error.what) for error in bad] == [(str(tmp_path / "a.chat"), True)]
    with pytest.raises(DataError, match="is not a whole chat of GPT4All") as raised:
        texts(tmp_path)
    assert why in raised.value.what


@given(st.integers(1, NEWEST), st.data())
def test_any_damage_is_refused_in_words_or_reads_as_texts(tmp_path_factory, version, data):
    content = bytearray(chat_file(*ITEMS, asked("look", attached=(("a.txt", b"x"),), passages=("p",)), version=version))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(8, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged.chat"
    path.write_bytes(content[: data.draw(st.integers(8, len(content)))])
    try:
        turns = read_chat(path, lambda what: None)[KEY]
    except DataError as error:
        assert str(path) in error.what  # noqa: PT017 (either outcome is right)
    else:
        assert all(isinstance(turn["content"], str) for turn in turns)


def test_folder_of_chats_is_read_as_conversations_beside_other_files(tmp_path):
    for number in range(3):
        (tmp_path / f"gpt4all-{number}.chat").write_bytes(chat_file(*ITEMS[:2], version=NEWEST - number))
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    assert texts(tmp_path) == TEXTS[:2] * 3
