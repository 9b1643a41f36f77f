"""Conversations as files: nothing is lost on the way out and back, and nothing foreign gets in unchecked."""

from __future__ import annotations

import csv
import io
import json
import struct

import pytest
from data_shapes import ASKED, SAID, SHAPES
from gpt4all_chats import NEWEST, asked, chat_file, said
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QByteArray, QDataStream, QIODevice

from i3core.errors import I3Error
from i3core.generation.config import SamplingConfig
from i3core.generation.outputs import Alternative, Chunk
from i3desk.conversations.conversation import ASSISTANT, ENDED, USER, ChatSettings, Conversation, Message, ReplyState
from i3desk.conversations.import_export import (
    chunks_to_csv,
    conversations_from,
    from_json,
    read_file,
    to_json,
    to_markdown,
    write_file,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
COUNT = st.integers(0, 5000)
TIME = st.floats(0, 1e11)
PROBABILITY = st.floats(0, 1)
CHUNKS = st.builds(
    Chunk, COUNT, TEXT, PROBABILITY, st.lists(st.builds(Alternative, COUNT, TEXT, PROBABILITY), max_size=2).map(tuple)
)
SAMPLING = st.builds(
    SamplingConfig,
    temperature=st.floats(0, 2),
    top_k=st.integers(0, 200),
    seed=st.none() | st.integers(0, 2**31 - 1),
    stop=st.lists(TEXT.filter(bool), max_size=2).map(tuple),
    allow_unk=st.booleans(),
)


@st.composite
def conversations(draw) -> Conversation:
    """Any tree of messages with anything that a message can hold."""
    messages: dict[int, Message] = {}
    for number in draw(st.lists(st.integers(1, 2**20 - 1), unique=True, max_size=6).map(sorted)):
        is_reply = draw(st.booleans())
        messages[number] = Message(
            number=number,
            parent=draw(st.sampled_from([None, *messages])),
            role=ASSISTANT if is_reply else USER,
            text=draw(TEXT),
            created_at=draw(TIME),
            state=draw(st.sampled_from(ENDED)),
            chunks=draw(st.lists(CHUNKS, max_size=2)),
            given_tokens=draw(COUNT),
            new_tokens=draw(COUNT),
            tokens_per_second=draw(st.floats(0, 1e6)),
            seconds_to_first_token=draw(st.none() | st.floats(0, 1e6)),
            seed=draw(st.none() | st.integers(0, 2**31 - 1)),
            finish_reason=draw(st.sampled_from([None, "stop", "length"])),
            what_failed=draw(TEXT),
            remedy=draw(TEXT),
            model=draw(TEXT),
            sampling=draw(st.none() | SAMPLING),
        )
    return Conversation(
        title=draw(TEXT),
        has_own_title=draw(st.booleans()),
        pinned=draw(st.booleans()),
        created_at=draw(TIME),
        updated_at=draw(TIME),
        settings=ChatSettings(draw(SAMPLING), draw(st.sampled_from(["chat", "raw"])), draw(TEXT)),
        messages=messages,
        leaf=draw(st.sampled_from([None, *messages])),
        draft=draw(TEXT),
        window_used=draw(COUNT),
        window=draw(COUNT),
        first_seen=draw(st.sampled_from([None, *messages])),
    )


@given(conversations())
def test_conversation_is_read_back_from_json_unchanged(conversation):
    assert from_json(json.loads(json.dumps(to_json(conversation)))) == conversation


def tree() -> Conversation:
    conversation = Conversation(created_at=1_700_000_000.0)
    question = conversation.add(USER, "what is the moon?", created_at=1_700_000_000.0)
    conversation.add(ASSISTANT, " a cheese.", question.number, model="i3-mini")
    conversation.add(ASSISTANT, " a rock, mostly", question.number, model="i3-mini", state=ReplyState.STOPPED)
    return conversation


@given(data=st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | TEXT, lambda inner: st.lists(inner)))
def test_any_json_is_read_or_refused_with_an_explanation(data):
    with pytest.raises(I3Error, match="not a conversation"):
        from_json(data)


@given(st.data())
def test_damaged_export_is_refused_or_repaired(data):
    exported = json.loads(json.dumps(to_json(tree())))
    target = data.draw(st.sampled_from([exported, *exported["messages"]]))
    key = data.draw(st.sampled_from(sorted(target)))
    target[key] = data.draw(
        st.none()
        | st.integers()
        | st.floats()
        | TEXT
        | st.lists(st.integers(), max_size=3)
        | st.just({"temperature": -1})
    )
    try:
        conversation = from_json(exported)
    except I3Error:
        return
    assert to_markdown(conversation)
    assert all(message.ended for message in conversation.messages.values())
    for message in conversation.messages.values():
        conversation.select(message.number)
        assert message in conversation.path()


def test_unfinished_reply_is_imported_as_cut():
    conversation = tree()
    conversation.last.state = ReplyState.STREAMING
    assert from_json(to_json(conversation)).last.state is ReplyState.CUT


def test_conversations_of_other_programs_become_chats():
    turns = [
        {"role": "system", "content": "you are a pirate"},
        {"role": "user", "content": "hello\nthere"},
        {"role": "assistant", "content": "ahoy"},
    ]
    for data in (turns, {"messages": turns}):
        conversation = from_json(data)
        assert [(message.role, message.text) for message in conversation.path()] == [
            (USER, "hello\nthere"),
            (ASSISTANT, "ahoy"),
        ]
        assert conversation.title == "hello"
        assert conversation.settings.persona == "you are a pirate"
    assert len(conversations_from([turns, turns])) == 2
    assert len(conversations_from([{"messages": turns}, to_json(tree())])) == 2
    assert len(conversations_from({"conversations": [turns]})) == 1


CHATS = [shape for shape in SHAPES if shape.title in (
    "ChatGPT", "Claude", "Open WebUI", "LM Studio", "SillyTavern", "Jan", "text-generation-webui", "GPT4All",
    "ShareGPT", "messages", "content in parts", "a list of turns", "a turn on each line",
)]  # fmt: skip


@pytest.mark.parametrize("shape", CHATS, ids=lambda shape: shape.title)
def test_export_of_another_program_becomes_the_chat_that_was_on_its_screen(tmp_path, shape):
    path = tmp_path / shape.file
    path.write_bytes(shape.content if isinstance(shape.content, bytes) else shape.content.encode())
    (conversation,) = read_file(path)
    turns = [(message.role, message.text) for message in conversation.path()]
    assert turns[-2:] == [("user", ASKED), ("assistant", SAID)]
    assert len(conversation.messages) == len(turns)
    assert conversation.settings.persona == ("be brief." if shape.title == "Open WebUI" else "")
    if isinstance(shape.content, bytes) or "title" in shape.content or "name" in shape.content:
        assert conversation.title


@pytest.mark.parametrize("version", range(1, NEWEST + 1))
def test_chat_of_gpt4all_is_read_as_qt_wrote_it(tmp_path, version):
    """The examples of other tests are made with struct; this one with the streams that GPT4All uses."""
    path = tmp_path / "gpt4all-1.chat"
    path.write_bytes(written_by_qt(version))
    assert path.read_bytes() == chat_file(asked(ASKED), said(SAID), version=version)
    (conversation,) = read_file(path)
    assert [message.text for message in conversation.path()] == [ASKED, SAID]
    assert (conversation.title, conversation.created_at) == ("The lamp", 1_700_000_000)
    path.write_bytes(written_by_qt(version)[:-5])
    with pytest.raises(I3Error, match=r"gpt4all-1\.chat is not a whole chat of GPT4All: it is cut short"):
        read_file(path)


def written_by_qt(version: int) -> bytes:
    content = QByteArray()
    out = QDataStream(content, QIODevice.OpenModeFlag.WriteOnly)
    out.setVersion(QDataStream.Version.Qt_6_2)
    out.writeUInt32(0xF5D553CC)
    out.writeInt32(version)
    out.writeInt64(1_700_000_000)
    for text in ("id", "The lamp", "Human", "model.gguf"):
        out.writeQString(text)
    if version >= 3:
        out.writeQStringList(["my notes"])
    if 6 <= version < 11:
        out.writeBool(False)
    if 2 <= version < 11:
        out.writeInt32(1)
        out.writeInt32(0)
    if version < 11:
        for text in ("the last response", "The lamp"):
            out.writeQString(text)
        out.writeUInt32(17)
    if version < 6:
        for _ in range(2 if version < 4 else 1):
            out.writeInt32(0)
        out.writeUInt64(2)
        out.writeRawData(struct.pack(">2f", 0.5, 0.25))
        out.writeUInt64(3)
        out.writeRawData(struct.pack(">3i", 5, 6, 7))
        out << QByteArray(b"\x01\x02")
    out.writeInt32(2)
    for number, (name, text) in enumerate([("Prompt: ", ASKED), ("Response: ", SAID)]):
        if version < 12:
            out.writeInt32(number)
        for value in (name, text, *(["the prompt"] if version < 10 else [])):
            out.writeQString(value)
        out.writeUInt32(0xFFFFFFFF)  # a QString that is null
        for _ in range(5 if version >= 11 and number == 1 else 4):
            out.writeBool(False)
        if version >= 8:
            out.writeInt64(0)
        elif version >= 3:
            out.writeQString("1. In a.txt.")
            out.writeQStringList([])
        for first in (10, 12):
            if version >= first:
                out.writeInt64(0)
    return content.data()


ANYTHING = st.sampled_from([None, True, 3, -1.5, "", "word", [], ["a"], [3], [None], {}, {"a": 1}, [[]], [{}]])


@given(st.sampled_from([shape for shape in CHATS if shape.file.endswith(".json")]), ANYTHING, st.data())
def test_damaged_export_of_another_program_is_read_or_refused_in_words(shape, damage, data):
    target = content = json.loads(shape.content)
    while isinstance(target, dict | list) and target:
        keys = sorted(target) if isinstance(target, dict) else range(len(target))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(target[key], dict | list) or data.draw(st.booleans()):
            target[key] = damage
            break
        target = target[key]
    try:
        found = conversations_from(content)
    except I3Error as error:
        assert error.remedy  # noqa: PT017 (either outcome is right)
    else:
        assert all(conversation.messages for conversation in found)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ([{"role": "user"}], "turn 1"),
        ([{"role": "user", "content": "a"}, {"role": "narrator", "content": "b"}], "turn 2"),
        ([{"role": "user", "content": 3}], "turn 1"),
        ({"messages": []}, "no messages"),
        ({"messages": 3}, "no list"),
        ({"i3desk_conversation": 99, "messages": []}, "newer i3desk"),
        (
            {"i3desk_conversation": 1, "messages": [{"number": 1, "role": "user", "content": "a", "parent": 1}]},
            "follows",
        ),
    ],
)
def test_invalid_import_is_refused_with_its_reason(data, why):
    with pytest.raises(I3Error, match=why):
        from_json(data)


def test_markdown_has_title_dates_authors_and_only_the_path_on_screen():
    text = to_markdown(tree())
    assert text.startswith("# what is the moon?\n")
    assert "**You** · 2023-11-1" in text
    assert "**i3-mini** · " in text
    assert "a rock, mostly\n\n*(stopped)*" in text
    assert "cheese" not in text


def test_files_are_read_back(tmp_path):
    conversation = tree()
    write_file(tmp_path / "one.json", to_json(conversation))
    assert read_file(tmp_path / "one.json") == [conversation]
    write_file(tmp_path / "all.json", [to_json(tree()), to_json(tree())])
    assert len(read_file(tmp_path / "all.json")) == 2
    line = json.dumps({"messages": [{"role": "user", "content": "a\u2028b"}]}, ensure_ascii=False)
    (tmp_path / "lines.jsonl").write_text(f"{line}\n\n{line}\n", encoding="utf-8")
    assert [conversation.last.text for conversation in read_file(tmp_path / "lines.jsonl")] == ["a\u2028b"] * 2


def test_lone_surrogate_does_not_damage_the_file(tmp_path):
    (tmp_path / "cut.json").write_text('[{"role": "user", "content": "moon \\ud83c"}]')
    (conversation,) = read_file(tmp_path / "cut.json")
    assert conversation.last.text == "moon ?"
    write_file(tmp_path / "cut.md", "moon \ud83c")
    assert (tmp_path / "cut.md").read_text(encoding="utf-8") == "moon ?"


def test_error_names_an_unreadable_file(tmp_path, monkeypatch):
    (tmp_path / "latin.json").write_bytes('["é"]'.encode("latin-1"))
    (tmp_path / "text.json").write_text("hello")
    (tmp_path / "deep.json").write_text("[" * 200_000)
    (tmp_path / "lines.jsonl").write_text('[{"role": "user", "content": "a"}]\n[{"role"')
    for name, why in (("latin", "UTF-8"), ("text", "not JSON"), ("deep", "not JSON"), ("missing", "cannot be read")):
        with pytest.raises(I3Error, match=rf"{name}\.json.*{why}"):
            read_file(tmp_path / f"{name}.json")
    with pytest.raises(I3Error, match="line 2"):
        read_file(tmp_path / "lines.jsonl")
    monkeypatch.setattr("i3desk.conversations.import_export.LARGEST_FILE", 3)
    with pytest.raises(I3Error, match="larger than"):
        read_file(tmp_path / "text.json")


def test_failed_write_keeps_the_old_file(tmp_path):
    (tmp_path / "blocked").write_text("a file, not a folder")
    with pytest.raises(I3Error, match="could not be written"):
        write_file(tmp_path / "blocked" / "chat.md", "text")


def test_csv_of_chunks_survives_quotes_and_line_ends():
    alternatives = (Alternative(7, 'a "b",\n', 0.25), Alternative(8, "\r\n", 0.125))
    chunks = [Chunk(7, 'a "b",\n', 0.25, alternatives), Chunk(9, "zz", 0.0), Chunk(3, "sure", 1.0)]
    rows = list(csv.DictReader(io.StringIO(chunks_to_csv(Message(2, 1, ASSISTANT, chunks=chunks)), newline="")))
    assert [row["text"] for row in rows] == ['a "b",\n', "zz", "sure"]
    assert [float(row["surprise_bits"]) for row in rows] == [2.0, pytest.approx(39.86, abs=0.01), 0.0]
    assert [row["index"] for row in rows] == ["0", "1", "2"]
    assert (rows[0]["alternative_2_text"], rows[0]["alternative_2_probability"]) == ("\r\n", "0.125")
    assert rows[0]["alternative_10_text"] == rows[1]["alternative_1_text"] == ""


@pytest.mark.parametrize("probability", [10**400, -(10**400), 1e300, "0.5", None, True])
def test_impossible_probabilities_are_refused(probability):
    data = to_json(Conversation())
    chunks = [[1, "a", probability, []]]
    data["messages"] = [{"number": 1, "role": "assistant", "content": "a", "chunks": chunks}]
    with pytest.raises(I3Error, match="the chunks of message 1 are damaged"):
        from_json(data)
