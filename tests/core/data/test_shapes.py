"""Every shape of data: what is read, what is learned, and that nothing is left out without a note.

Run as a script (with tests/support on the path), it writes the table in docs/data.md.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from data_shapes import SHAPES, Shape
from hypothesis import given
from hypothesis import strategies as st
from paths import REPOSITORY

from i3core.data.documents import Document, read_documents
from i3core.data.reading import Reading, ReadingNotes
from i3core.errors import DataError, I3Error

DOCS = REPOSITORY / "docs" / "data.md"
BEGIN, END = "<!-- shapes: begin -->", "<!-- shapes: end -->"
LONGEST_EXAMPLE = 150


def turns_of(document: Document) -> list[tuple[str, str]]:
    if not document.messages:
        return [("text", document.text)]
    return [
        ("context" if number in document.context else turn["role"], turn["content"])
        for number, turn in enumerate(document.messages)
    ]


def read(shape: Shape, folder: Path) -> tuple[list[tuple[str, str]], ReadingNotes]:
    path, notes = folder / shape.file, ReadingNotes()
    content = shape.content if isinstance(shape.content, bytes) else shape.content.encode("utf-8")
    path.write_bytes(content)
    documents = list(read_documents(path, reading=Reading.parse(**shape.options), notes=notes))
    return [turn for document in documents for turn in turns_of(document)], notes


def table() -> str:
    """The rows of docs/data.md, from what the readers make of the examples."""
    lines = ["| data | for example | read as | not used |", "|---|---|---|---|"]
    with tempfile.TemporaryDirectory() as folder:
        for shape in SHAPES:
            turns, notes = read(shape, Path(folder))
            example = _example(shape.content)
            options = "".join(f" `--{key.replace('_', '-')} {value}`" for key, value in shape.options.items())
            columns = "".join(f"; {role} is `{name}`" for role, name in notes.columns.items())
            said = "<br>".join(f"{role}: {text}".replace("\n", " ⏎ ") for role, text in turns)
            cells = (
                f"{shape.title} (`{shape.file.rpartition('.')[2]}`){options}", example.replace("|", "\\|"),
                (said + columns).replace("|", "\\|"), ", ".join(notes.left_out),
            )  # fmt: skip
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _example(content: str | bytes) -> str:
    if isinstance(content, bytes):
        return "a binary file"
    example = " ⏎ ".join(content.splitlines()[:3])
    return f"`` {example[:LONGEST_EXAMPLE].rstrip() + ' …' if len(example) > LONGEST_EXAMPLE else example} ``"


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.title)
def test_shape_is_read_whole_or_named(shape, tmp_path):
    turns, notes = read(shape, tmp_path)
    assert tuple(turns) == shape.turns
    assert sorted(notes.left_out) == sorted(shape.left_out)


def test_table_in_the_documentation_is_what_the_readers_do():
    content = DOCS.read_text(encoding="utf-8")
    assert content.partition(BEGIN)[2].partition(END)[0].strip() == table()


WORDS = st.integers(0, 10**6).map(lambda number: f"word{number}")
KEYS = st.sampled_from(
    ["text", "prompt", "completion", "instruction", "input", "output", "system", "system_prompt", "context", "answer",
     "question", "history", "id", "source", "chosen", "name", "response", "src"]
)  # fmt: skip
TURNS = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "assistant", "system", "tool", "developer", "human"]),
         "content": WORDS | st.lists(st.fixed_dictionaries({"type": st.just("text"), "text": WORDS}), min_size=1)},
        optional={"name": WORDS, "weight": st.sampled_from([0, 1]), "reasoning": WORDS},
    ),
    min_size=1, max_size=5,
)  # fmt: skip
RECORDS = st.tuples(st.dictionaries(KEYS, WORDS, max_size=6), st.none() | TURNS).map(
    lambda pair: pair[0] if pair[1] is None else {**pair[0], "messages": pair[1]}
)


@given(RECORDS)
def test_every_field_of_a_record_is_read_or_named_or_the_record_is_bad(tmp_path_factory, record):
    path, notes = tmp_path_factory.getbasetemp() / "any.jsonl", ReadingNotes()
    path.write_text(json.dumps(record))
    try:
        [document] = read_documents(path, notes=notes)
    except DataError:
        return
    read = "\n".join([*document.texts, document.source])
    for key, value in record.items():
        if isinstance(value, str):
            assert value in read or f"field `{key}`" in notes.left_out
    for turn in record.get("messages", ()):
        content = turn["content"]
        for text in [content] if isinstance(content, str) else [part["text"] for part in content]:
            assert text in read
        for key in turn.keys() & {"name", "reasoning"}:
            assert turn[key] in read or f"field `{key}` of a turn" in notes.left_out or turn["role"] == "tool"


ANYTHING = st.sampled_from([None, True, 3, -1.5, "", "word", [], ["a"], [3], [None], {}, {"a": 1}, [[]], [{}]])
EXPORTS = [shape for shape in SHAPES if shape.file.endswith(".json")]


def places(value, path=()):
    """Paths of all values in a JSON value."""
    yield path
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in entries:
        yield from places(inner, (*path, key))


@given(st.sampled_from(EXPORTS), ANYTHING, st.data())
def test_damaged_export_is_read_or_refused_in_words(tmp_path_factory, shape, damage, data):
    content = json.loads(shape.content)
    path = data.draw(st.sampled_from([place for place in places(content) if place]))
    inner = content
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = damage
    file = tmp_path_factory.getbasetemp() / "damaged.json"
    file.write_text(json.dumps(content))
    try:
        documents = list(read_documents(file, reading=Reading.parse(**shape.options)))
    except DataError as error:
        assert error.what.startswith(str(file)), error.what  # noqa: PT017 (either outcome is right)
    else:
        assert all(isinstance(text, str) for document in documents for text in document.texts)


@pytest.mark.parametrize("key", ["train", "training", "trainable", "loss", "learn", "weight"])
def test_marks_of_several_programs_keep_a_reply_from_being_learned(tmp_path, key):
    no, yes = (0, 1) if key == "weight" else (False, True)
    turns = [
        ("user", "hi", {}),
        ("assistant", "wrong", {key: no}),
        ("user", "no", {}),
        ("assistant", "right", {key: yes}),
    ]
    record = {"messages": [{"role": role, "content": text, **mark} for role, text, mark in turns]}
    (tmp_path / "a.jsonl").write_text(json.dumps(record))
    [document] = read_documents(tmp_path / "a.jsonl")
    assert document.context == {1}


@pytest.mark.parametrize("mark", [{"mask": True}, {"train": "no"}, {"loss": 0.5}])
def test_unclear_mark_is_a_bad_record_with_its_turn(tmp_path, mark):
    record = {"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "x", **mark}]}
    (tmp_path / "a.jsonl").write_text(json.dumps(record))
    with pytest.raises(DataError, match=rf"line 1: a turn has .*{next(iter(mark))}.*turn 2"):
        list(read_documents(tmp_path / "a.jsonl"))


@pytest.mark.parametrize(
    ("turn", "why"),
    [
        ({"role": "assistant", "content": None}, "turn 2 (assistant) has no text: `content` is null"),
        ({"role": "assistant"}, "turn 2 (assistant) has no text: it has no `content`"),
        ({"content": "x"}, "turn 2 has no role"),
        ({"role": "assistant", "content": 3}, "the content of turn 2 is not text: 3"),
        ({"role": "narrator", "content": "x"}, "a turn has the role 'narrator' (turn 2)"),
    ],
)
def test_message_about_a_bad_turn_says_what_is_wrong(tmp_path, turn, why):
    (tmp_path / "a.jsonl").write_text(json.dumps({"messages": [{"role": "user", "content": "hi"}, turn]}))
    with pytest.raises(DataError) as raised:
        list(read_documents(tmp_path / "a.jsonl"))
    assert why in raised.value.what


def test_turn_with_an_empty_list_of_calls_and_no_text_is_left_out_by_name(tmp_path):
    turns = [{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": None, "tool_calls": []},
             {"role": "assistant", "content": "4"}]  # fmt: skip
    (tmp_path / "a.jsonl").write_text(json.dumps({"messages": turns}))
    notes = ReadingNotes()
    [document] = read_documents(tmp_path / "a.jsonl", notes=notes)
    assert document.texts == ["2+2?", "4"]
    assert notes.left_out == {"turns without text": 1}


@pytest.mark.parametrize("title", ["WhatsApp", "Telegram", "Discord"])
def test_chat_between_people_asks_who_i3_shall_be(tmp_path, title):
    shape = next(shape for shape in SHAPES if shape.title == title)
    path = tmp_path / shape.file
    path.write_text(shape.content, encoding="utf-8")
    with pytest.raises(DataError, match="a chat between people: ") as raised:
        list(read_documents(path))
    assert "--i3-is" in raised.value.remedy
    assert "Ben" in raised.value.what


@pytest.mark.parametrize(
    ("day", "asked", "said", "left_out"),
    [
        ("[31.12.2023 um 22:00:01] {}: {}", "wo?", "da.", {}),
        ("31/12/2023, 10:00\u00a0p.\u00a0m. - {}: {}", "wo?", "da.", {}),
        ("31.12.23, 22:00 - {}: {}", "wo?", "da. \u200e<This message was edited>", {}),
        ("31.12.23, 22:00 - {}: {}", "wo?", "da. <Diese Nachricht wurde bearbeitet.>", {}),
        ("31.12.23, 22:00 - {}: {}", "wo?", "da.\n31.12.23, 22:00 - Ben: This message was deleted",
         {"deleted messages": 1}),
        ("31.12.23, 22:00 - {}: {}", "wo?", "da.\n31.12.23, 22:00 - Ben: Diese Nachricht wurde gelöscht.",
         {"deleted messages": 1}),
    ],
)  # fmt: skip
def test_whatsapp_of_other_phones_is_read_without_its_own_words(tmp_path, day, asked, said, left_out):
    path, notes = tmp_path / "chat.txt", ReadingNotes()
    path.write_text(f"{day.format('Anna', asked)}\n{day.format('Ben', said)}\n", encoding="utf-8")
    [document] = read_documents(path, reading=Reading(i3_is="Ben"), notes=notes)
    assert document.texts == ["wo?", "da."]
    assert notes.left_out == left_out


def test_discord_notices_and_attachments_are_not_said_by_anybody(tmp_path):
    said = [
        ("Default", "Anna", "where?", []),
        ("Reply", "Ben", "here.", [{"url": "x"}]),
        ("GuildMemberJoin", "Cleo", "joined", []),
    ]
    messages = [
        {"type": kind, "timestamp": "2023-12-31", "content": text, "author": {"name": name}, "attachments": files}
        for kind, name, text, files in said
    ]  # fmt: skip
    (tmp_path / "a.json").write_text(json.dumps({"guild": {}, "channel": {}, "messages": messages}))
    notes = ReadingNotes()
    [document] = read_documents(tmp_path / "a.json", reading=Reading(i3_is="Ben"), notes=notes)
    assert document.texts == ["where?", "here."]
    assert notes.left_out == {"notices of the program": 1, "pictures and other media": 1}


def test_lines_with_role_and_text_are_turns(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"role": "user", "text": "where?"}\n{"role": "assistant", "text": "here."}\n')
    [document] = read_documents(tmp_path / "a.jsonl")
    assert turns_of(document) == [("user", "where?"), ("assistant", "here.")]


@pytest.mark.parametrize(
    "options", [{"columns": "user"}, {"columns": "who=Question"}, {"encoding": "utf-99"}, {"encoding": "base64"}]
)
def test_wrong_option_of_reading_is_named(options):
    with pytest.raises(I3Error) as raised:
        Reading.parse(**options)
    assert raised.value.remedy.startswith("For example")


if __name__ == "__main__":
    text = DOCS.read_text(encoding="utf-8")
    head, _, rest = text.partition(BEGIN)
    DOCS.write_text(f"{head}{BEGIN}\n{table()}\n{END}{rest.partition(END)[2]}", encoding="utf-8")
