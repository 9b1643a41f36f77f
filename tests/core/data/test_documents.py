"""Documents from files and folders of every type, and errors of bad records."""

import gzip
import itertools
import json
import lzma
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from i3core.data import json_records, readers
from i3core.data.documents import Document, read_documents
from i3core.data.readers import cut_text
from i3core.data.records import BadRecordError, ReadLimit
from i3core.data.sources import data_files, parse_source
from i3core.errors import DataError

RECORDS = [{"text": "the cat"}, {"messages": [{"role": "user", "content": "hi"}], "src": "here"}]
JSONL = "\n\n".join(map(json.dumps, RECORDS)) + "\n"
OPENERS = {"": open, ".xz": lzma.open, ".gz": gzip.open}


def turns(*contents):
    return tuple(
        {"role": role, "content": content}
        for role, content in zip(itertools.cycle(["user", "assistant"]), contents, strict=False)
    )


def texts(path):
    return [document.text for document in read_documents(path)]


def texts_of(documents):
    return [document.text for document in documents]


def exchanges(path):
    return [tuple(document.texts) for document in read_documents(path)]


def write(path, content, packed=""):
    with OPENERS[packed](path, "wt", encoding="utf-8") as target:
        target.write(content)
    return path


# ------------------------------------------------------------------------------------------------------------ files


@pytest.mark.parametrize("packed", OPENERS)
def test_jsonl_records_are_read_from_plain_and_compressed_files(tmp_path, packed):
    path = write(tmp_path / f"data.jsonl{packed}", JSONL, packed)
    first, second = read_documents(path)
    assert first == Document("the cat", shape="text")
    assert second == Document(messages=turns("hi"), source="here", shape="messages")


@pytest.mark.parametrize("packed", OPENERS)
def test_plain_text_is_split_at_blank_lines(tmp_path, packed):
    path = write(tmp_path / f"data.txt{packed}", "\n\none\ntwo\n \nthree", packed)
    assert texts(path) == ["one\ntwo", "three"]


def test_byte_order_mark_is_not_text(tmp_path):
    mark = b"\xef\xbb\xbf"
    for name, content in {
        "a.jsonl": JSONL.encode(),
        "a.txt": b"one\r\ntwo",
        "a.json": b'[{"text": "one\\ntwo"}]',
        "a.csv": b'text\n"one\ntwo"',
        "a.md": b"# one\n# two",
    }.items():
        (tmp_path / name).write_bytes(mark + content)
    assert texts(tmp_path / "a.jsonl") == ["the cat", ""]
    assert texts(tmp_path / "a.txt") == texts(tmp_path / "a.json") == texts(tmp_path / "a.csv") == ["one\ntwo"]
    assert texts(tmp_path / "a.md") == ["# one", "# two"]


def test_markdown_is_split_at_headings_but_not_in_code(tmp_path):
    lines = [
        "before", "# One #", "text", "", "```sh", "# a comment", "~~~", "## still", "```", "after", "####### seven",
        "#hash", "   ## Two", "~~~~", "# no", "~~~", "# no", "~~~~", "``` a ` b", "# Three",
    ]  # fmt: skip
    path = write(tmp_path / "a.md", "\n".join(lines))
    at = [lines.index(heading) for heading in ("# One #", "   ## Two", "# Three")]
    parts = [lines[a:b] for a, b in itertools.pairwise([0, *at, len(lines)])]
    assert texts(path) == ["\n".join(part).strip() for part in parts]


@given(st.lists(st.sampled_from(["a", "bc", " ", "\n", "ddddddd"])).map("".join), st.integers(1, 12))
def test_long_text_is_split_at_white_space(text, longest):
    pieces = list(cut_text(text, longest))
    assert "".join(pieces) == text
    assert all(0 < len(piece) <= longest for piece in pieces) or pieces == [""]
    for piece in pieces[:-1]:
        assert piece[-1].isspace() or not any(c.isspace() for c in piece[longest // 2 :])


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.jsonl"])
def test_documents_are_never_longer_than_the_limit(tmp_path, monkeypatch, name):
    monkeypatch.setattr(readers, "LONGEST_TEXT", 100)
    monkeypatch.setattr(cut_text, "__defaults__", (100,))
    text = " ".join(f"word{i}" for i in range(400)) + "x" * 350
    path = write(tmp_path / name, json.dumps({"text": text}) if name == "a.jsonl" else text)
    pieces = texts(path)
    assert max(map(len, pieces)) <= 100
    assert "".join(pieces) == text


def test_folders(tmp_path):
    for name in ("b.txt", "a/z.md", "a/deep/c.jsonl.gz", ".hidden.txt", ".git/d.txt", "picture.png", "LICENSE"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(gzip.compress(b'{"text": "packed"}') if name.endswith("gz") else name.encode())
    assert data_files(tmp_path) == [tmp_path / name for name in ("a/deep/c.jsonl.gz", "a/z.md", "b.txt")]
    assert texts(tmp_path) == ["packed", "a/z.md", "b.txt"]
    assert data_files(str(tmp_path / "b.txt")) == [tmp_path / "b.txt"]


def test_missing_unknown_and_empty_sources_raise(tmp_path):
    (tmp_path / "a.odt").write_text("x")
    (tmp_path / "a.parquet.gz").write_text("x")
    (tmp_path / "empty").mkdir()
    for name, words in {
        "a.odt": r"odt.*\.jsonl.*\.parquet.*\.pdf", "a.parquet.gz": "are not read", "none.jsonl": "no data file.*none",
        "empty": r"empty holds no data.*\.csv", "": "holds no data files",
    }.items():  # fmt: skip
        with pytest.raises(DataError, match=words):
            data_files(tmp_path / name)


def test_file_and_weight(tmp_path):
    assert parse_source("a.jsonl") == (parse_source("a.jsonl:2")[0], 1.0)
    assert parse_source("a.jsonl:0.5")[1] == 0.5
    (tmp_path / "odd:2").write_text("x")
    assert parse_source(str(tmp_path / "odd:2")) == (tmp_path / "odd:2", 1.0)
    assert parse_source(f"{tmp_path}:3") == (tmp_path, 3.0)
    for wrong in ("a.jsonl:0", "a.jsonl:-1", "a.jsonl:nan", "a.jsonl:1e9"):
        with pytest.raises(DataError, match="weight"):
            parse_source(wrong)


# ------------------------------------------------------------------------------------------------------------- JSON


def nested():
    """JSON values of all types, including strings with brackets and quotes."""
    leaf = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text('a"\\[]{},é😀\n')
    return st.recursive(leaf, lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text("ab"), part))


@given(st.lists(nested(), max_size=6), st.integers(0, 3), st.booleans(), st.integers(1, 9))
def test_streamed_json_equals_json_read_at_once(tmp_path_factory, values, indent, listed, block):
    path = tmp_path_factory.getbasetemp() / "values.json"
    content = json.dumps(values, indent=indent or None) if listed else " \n".join(json.dumps(v) for v in values)
    if not listed and values and isinstance(values[0], list):
        return  # a list at the beginning is the list of records
    path.write_text(content, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_records, "BLOCK", block)
        assert [value for _, value in readers.read_records(path)] == values


def test_one_json_record_and_several(tmp_path):
    assert texts(write(tmp_path / "a.json", '{\n "text": "one"\n}\n')) == ["one"]
    assert texts(write(tmp_path / "a.json", '{"text": "one"}{"text": "two"}\n{"text": "three"}')) == [
        "one", "two", "three",
    ]  # fmt: skip
    assert texts(write(tmp_path / "a.json.xz", '[{"text": "one"}, {"text": "two"}]', ".xz")) == ["one", "two"]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ('[\n{"text": "a"},\n{"text": }\n]', 3),
        ('[\n{"text": "a"}\n{"text": "b"}]', 3),
        ('[{"text": "a"},\n]', 2),
        ('[{"text": "a"}\n', 2),
        ('[{"text": "a"}]\n\nmore', 3),
        ('{"text": "a"}\n{"text": "b', 2),
        ('{"text": "a"}\nfalsch', 2),
        ("[" + "\n" + "[" * 100_000, 2),
    ],
)
def test_broken_json_is_named_by_file_and_line_even_when_bad_records_are_skipped(tmp_path, content, line):
    path, bad = write(tmp_path / "data.json", content), []
    with pytest.raises(DataError, match=rf"data\.json, line {line}: "):
        list(read_documents(path, bad.append))
    assert bad == []


def test_json_records_of_unknown_shape_are_named_by_line_and_can_be_skipped(tmp_path):
    path, bad = write(tmp_path / "a.json", '[\n{"text": "one"},\n{"other": 1},\n3,\n{"text": "two"}]'), []
    with pytest.raises(DataError, match=r"a\.json, line 3: .*`other`"):
        list(read_documents(path))
    assert [d.text for d in read_documents(path, bad.append)] == ["one", "two"]
    assert [str(error).split(": ")[0][-6:] for error in bad] == ["line 3", "line 4"]


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv"])
def test_records_that_are_too_long_are_not_read_whole(tmp_path, monkeypatch, name):
    monkeypatch.setattr(json_records, "LONGEST_RECORD", 1000)
    monkeypatch.setattr(json_records, "BLOCK", 100)
    record = json.dumps({"text": "x" * 2000})
    content = {"a.jsonl": f'{{"text": "a"}}\n{record}\n{{"text": "b"}}', "a.json": f"[{record}]"}
    path = write(tmp_path / name, content.get(name, "text\n" + "x" * 2000))
    with pytest.raises(DataError, match=r"line [12]: .*longer than 64 MB"):
        list(read_documents(path))
    if name == "a.jsonl":
        bad = []
        assert [document.text for document in read_documents(path, bad.append)] == ["a", "b"]
        assert len(bad) == 1


def test_half_surrogate_pair_becomes_a_replacement_character(tmp_path):
    (tmp_path / "a.jsonl").write_text(r'{"text": "a \ud83d b \ud83d\ude00"}')
    assert texts(tmp_path / "a.jsonl") == ["a � b 😀"]


@pytest.mark.parametrize(
    "line",
    [
        "{", "[]", "3", "null", '"text"', '{"other": 1}', '{"text": 3}', '{"messages": []}', '{"messages": [3]}',
        '{"messages": [{"role": "system", "content": "x"}]}', '{"messages": [{"role": "user"}]}', "[" * 100_000,
        '{"messages": {"role": "user"}}', '{"text": " "}', '{"prompt": "x"}', '{"prompt": 3, "completion": "x"}',
        '{"ids": [1, -1]}', '{"ids": [1.5]}', '{"ids": [true]}', '{"ids": []}', '{"text": null}', "{}", '{"ids": 3}',
    ],
)  # fmt: skip
def test_bad_record_is_named_by_file_and_line_or_skipped(tmp_path, line):
    path = tmp_path / "data.jsonl"
    path.write_text(JSONL + line + "\n" + JSONL)
    with pytest.raises(DataError, match=r"data\.jsonl, line 4: ") as raised:
        list(read_documents(path))
    assert raised.value.remedy or "no text" in raised.value.what
    bad = []
    assert len(list(read_documents(path, bad.append))) == 4
    assert [str(error) for error in bad] == [str(raised.value)]


@pytest.mark.parametrize("name", ["data.jsonl", "data.txt", "data.md", "data.json", "data.csv"])
def test_text_in_another_encoding_is_named_by_file_and_line(tmp_path, name):
    path = tmp_path / name
    head = b"text\n" if name == "data.csv" else b"\n"
    path.write_bytes(head + b'{"text": "fine"}\n' * 70_000 + '{"text": "é"}\n'.encode("latin-1"))
    with pytest.raises(DataError, match=rf"{name}, line 70002: not UTF-8"):
        list(read_documents(path))


@pytest.mark.parametrize("packed", [".xz", ".gz"])
@pytest.mark.parametrize("damage", ["cut", "flipped", "other"])
def test_damaged_compressed_file_is_named(tmp_path, packed, damage):
    path = tmp_path / f"data.jsonl{packed}"
    with OPENERS[packed](path, "wt") as target:
        target.writelines(json.dumps({"text": f"line {i * 7919 % 1000}"}) + "\n" for i in range(3000))
    content = bytearray(path.read_bytes())
    if damage == "cut":
        del content[len(content) // 2 :]
    elif damage == "flipped":
        content[len(content) // 2 : len(content) // 2 + 40] = b"\xff" * 40
    else:
        content = bytearray(b"plain text")
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"data\.jsonl"):
        list(read_documents(path))


# ----------------------------------------------------------------------------------------------------------- shapes


@pytest.mark.parametrize(
    ("record", "shape", "expected"),
    [
        ({"text": "a", "id": 3}, "text", ["a"]),
        (
            {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]},
            "messages",
            ["q", "a"],
        ),
        (
            {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]},
            "ShareGPT conversations",
            ["q", "a"],
        ),
        ({"instruction": "do", "input": "this", "output": "done"}, "Alpaca instructions", ["do\nthis", "done"]),
        ({"instruction": "do", "input": "", "output": "done", "text": "x"}, "Alpaca instructions", ["do", "done"]),
        ({"instruction": "do", "context": "this", "response": "done"}, "Alpaca instructions", ["do\nthis", "done"]),
        ({"instruction": "do", "input": None, "output": "done"}, "Alpaca instructions", ["do", "done"]),
        ({"prompt": "q", "completion": "a"}, "prompt and completion", ["q", "a"]),
        ({"question": "q", "answer": "a"}, "prompt and completion", ["q", "a"]),
        ({"input": "q", "output": "a"}, "prompt and completion", ["q", "a"]),
        ({"ids": [1, 0, 7]}, "token ids", []),
    ],
)
def test_shapes(tmp_path, record, shape, expected):
    [document] = read_documents(write(tmp_path / "a.jsonl", json.dumps(record)))
    assert document.shape == shape
    assert document.texts == expected
    assert [m["role"] for m in document.messages] == (["user", "assistant"] if len(expected) == 2 else [])
    assert document.ids == tuple(record.get("ids", ()))


@pytest.mark.parametrize("role", ["role", "from"])
def test_system_prompt_comes_first(tmp_path, role):
    content = "content" if role == "role" else "value"
    key = "messages" if role == "role" else "conversations"
    said = [("system", "be kind"), ("Assistant", "hello"), ("human", "q"), ("bot", "a"), ("user", "q2")]
    record = {key: [{role: who, content: text} for who, text in said]}
    [document] = read_documents(write(tmp_path / "a.jsonl", json.dumps(record)))
    assert [(m["role"], m["content"]) for m in document.messages] == [
        ("system", "be kind"), ("assistant", "hello"), ("user", "q"), ("assistant", "a"), ("user", "q2"),
    ]  # fmt: skip


def marked(*marks):
    """A conversation of "q0" "a0" "q1" "a1" ..., the replies with these marks."""
    pairs = [({"role": "user", "content": f"q{n}"}, {"role": "assistant", "content": f"a{n}", **mark}) for n, mark in
             enumerate(marks)]  # fmt: skip
    return [turn for pair in pairs for turn in pair]


@pytest.mark.parametrize("key", ["messages", "conversations"])
def test_replies_can_be_marked_as_context(tmp_path, key):
    marks = (
        {"weight": 0},
        {"weight": 1},
        {"learn": False},
        {"learn": True},
        {"weight": None},
        {"weight": 1, "learn": False},
    )
    said = [{"role": "system", "content": "be kind"}, *marked(*marks)]
    [document] = read_documents(write(tmp_path / "a.jsonl", json.dumps({key: said})))
    assert [document.messages[i]["content"] for i in sorted(document.context)] == ["a0", "a2", "a5"]
    assert all(turn.keys() == {"role", "content"} for turn in document.messages)


def test_context_marks_stay_with_their_replies_after_a_system_prompt(tmp_path):
    said = [{"role": "system", "content": "be kind"}, {"role": "assistant", "content": "a", "weight": 0}]
    [document] = read_documents(write(tmp_path / "a.jsonl", json.dumps({"messages": said})))
    assert [turn["role"] for turn in document.messages] == ["system", "assistant"]
    assert document.context == {1}


@pytest.mark.parametrize("mark", [{"weight": 0.5}, {"weight": 2}, {"weight": "0"}, {"weight": True}, {"learn": 0}])
def test_invalid_weight_or_learn_mark_is_a_bad_record(tmp_path, mark):
    path = write(tmp_path / "a.jsonl", json.dumps({"messages": marked({}, mark)}))
    with pytest.raises(DataError, match=r"line 1: a turn .*(weight|learn)") as raised:
        list(read_documents(path))
    assert "context only" in raised.value.remedy


@pytest.mark.parametrize("role", ["narrator", "3", ""])
def test_unknown_role_is_named(tmp_path, role):
    record = {"messages": [{"role": "user", "content": "q"}, {"role": role, "content": "3"}]}
    with pytest.raises(DataError, match=f"line 1: .*{role!r}"):
        list(read_documents(write(tmp_path / "a.jsonl", json.dumps(record))))


def test_ids_outside_the_vocabulary_are_bad(tmp_path):
    path = write(tmp_path / "a.jsonl", '{"ids": [9]}\n{"ids": [10]}\n')
    assert len(list(read_documents(path))) == 2
    with pytest.raises(DataError, match=r"line 2: .*10"):
        list(read_documents(path, vocab_size=10))


# ----------------------------------------------------------------------------------------------------------- tables


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.csv", 'hi,"hello, you"\nbye,see you\n', [("hi", "hello, you"), ("bye", "see you")]),
        ("a.csv", "hi, there;hello, you\nbye;see you\n", [("hi, there", "hello, you"), ("bye", "see you")]),
        ("a.csv", "Prompt;Completion\nq,1;a,2\n", [("q,1", "a,2")]),
        ("a.csv", "id\tQuestion\tAnswer\n1\tq, x\ta\n", [("q, x", "a")]),
        ("a.csv", "response,n,instruction,input\na,1,do,this\nb,2,go,\n", [("do\nthis", "a"), ("go", "b")]),
        ("a.csv", 'n,text\n1,"one\ntwo"\n\n2,three', [("one\ntwo",), ("three",)]),
        ("a.tsv", 'user\tassistant\n"q"\ta, b; c', [("q", "a, b; c")]),
    ],
)
def test_tables(tmp_path, name, content, expected):
    assert exchanges(write(tmp_path / name, content)) == expected


def test_table_of_unknown_columns_names_them(tmp_path):
    path = write(tmp_path / "a.csv", "name,age,town\nx,3,y\n")
    with pytest.raises(DataError, match=r"a\.csv, line 1: .*'name', 'age', 'town'.*`prompt`"):
        list(read_documents(path))


@pytest.mark.parametrize("bad_row", ["only", "a,b,c", '" "," "'])
def test_bad_rows_are_named_by_line_or_skipped(tmp_path, bad_row):
    path = write(tmp_path / "a.csv", f'prompt,completion\n"two\nlines",a\n{bad_row}\nq,b\n')
    with pytest.raises(DataError, match=r"a\.csv, line 4: "):
        list(read_documents(path))
    bad = []
    assert [d.texts for d in read_documents(path, bad.append)] == [["two\nlines", "a"], ["q", "b"]]
    assert len(bad) == 1


def test_cells_may_be_longer_than_the_csv_module_expects(tmp_path):
    long = "x" * 300_000
    assert exchanges(write(tmp_path / "a.csv", f"q,{long}\nq,b\n")) == [("q", long), ("q", "b")]


def test_quote_that_is_never_closed_does_not_fill_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(json_records, "LONGEST_RECORD", 100_000)
    path = write(tmp_path / "a.csv", 'prompt,completion\nq,"a\n' + "some line\n" * 50_000)
    with pytest.raises(DataError, match=r"a\.csv, line 2: .*quotes"):
        list(read_documents(path))


def test_parquet(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    messages = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    rows = [{"text": "one", "messages": None}, {"text": None, "messages": messages}, {"text": " ", "messages": None}]
    parquet.write_table(pyarrow.Table.from_pylist(rows * 400), tmp_path / "a.parquet", row_group_size=500)
    with pytest.raises(DataError, match=r"a\.parquet, row 3: holds no text"):
        list(read_documents(tmp_path / "a.parquet"))
    bad = []
    documents = list(read_documents(tmp_path, bad.append))
    assert len(bad) == 400
    assert documents == [Document("one", shape="text"), Document(messages=turns("q", "a"), shape="messages")] * 400
    content = (tmp_path / "a.parquet").read_bytes()
    for damaged in (content[: len(content) // 2], b"plain"):
        (tmp_path / "a.parquet").write_bytes(damaged)
        with pytest.raises(DataError, match=r"a\.parquet cannot be read"):
            list(read_documents(tmp_path / "a.parquet"))


def test_parquet_without_its_package_says_how_to_install_it(process, tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"x")
    code = (
        "import sys; sys.modules['pyarrow'] = None\n"
        "from i3core.data.documents import read_documents\n"
        "try: list(read_documents('a.parquet'))\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    assert process(code=code).out.startswith("DataError")
    assert 'pip install "i3desk[parquet]"' in process(code=code).out


@pytest.mark.parametrize(
    "line",
    [
        '{"prompt": "what is up?", "completion": ""}', '{"prompt": "what is up?", "completion": "  "}',
        '{"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "\\n"}]}',
    ],
)  # fmt: skip
def test_empty_reply_is_a_bad_record(tmp_path, line):
    (tmp_path / "a.jsonl").write_text('{"text": "fine"}\n' + line + "\n")
    with pytest.raises(DataError, match="line 2: a reply is empty"):
        list(read_documents(tmp_path / "a.jsonl"))


# --------------------------------------------------------------------------------------------- complaints, beginnings


EMPTY_QUESTIONS = {
    "a.jsonl": [
        '{"prompt": "", "completion": "yes."}', '{"instruction": " ", "output": "yes."}',
        '{"messages": [{"role": "user", "content": " "}, {"role": "assistant", "content": "yes."}]}',
        '{"conversations": [{"from": "human", "value": ""}, {"from": "gpt", "value": "yes."}]}',
        '{"dialog": ["hi", "hello", "", "yes."]}', '{"system": "be brief.", "question": "", "answer": "yes."}',
    ],
    "a.csv": [",yes.", '"  ",yes.', '"\t",yes.'],
}  # fmt: skip


@pytest.mark.parametrize(("name", "line"), [(name, line) for name, lines in EMPTY_QUESTIONS.items() for line in lines])
def test_empty_question_is_a_bad_record(tmp_path, name, line):
    first = "prompt,completion" if name == "a.csv" else '{"text": "fine"}'
    path = write(tmp_path / name, f"{first}\n{line}\n")
    with pytest.raises(DataError, match="line 2: a question is empty"):
        list(read_documents(path))


def test_question_that_stands_in_the_input_alone_is_not_empty(tmp_path):
    path = write(tmp_path / "a.jsonl", '{"instruction": "", "input": "what?", "output": "this."}\n')
    (document,) = read_documents(path)
    assert document.messages[0]["content"].strip() == "what?"


def test_bad_record_error_has_file_line_and_reason(tmp_path):
    path = write(tmp_path / "a.jsonl", '{"text": "fine"}\n{"text"\n{"other": 1}\n')
    bad = []
    assert len(list(read_documents(path, bad.append))) == 1
    assert all(isinstance(error, BadRecordError) for error in bad)
    assert [(error.location.file, error.location.number) for error in bad] == [(str(path), 2), (str(path), 3)]
    assert [error.what for error in bad] == [f"{path}, line {n}: {e.reason}" for n, e in zip((2, 3), bad, strict=True)]


@pytest.mark.parametrize("packed", ["", ".gz", ".xz"])
@pytest.mark.parametrize("kind", [".jsonl", ".json", ".txt", ".md", ".csv"])
def test_read_limit_reads_only_the_start_of_large_files(tmp_path, kind, packed):
    source = random.Random(0)
    words = [source.randbytes(100).hex() for _ in range(5000)]
    content = {
        ".jsonl": "\n".join(json.dumps({"text": text}) for text in words),
        ".json": json.dumps([{"text": text} for text in words]),
        ".txt": "\n\n".join(words),
        ".md": "\n".join(f"# {text}" for text in words),
        ".csv": "text,n\n" + "\n".join(f'"{text}",1' for text in words),
    }[kind]
    path = write(tmp_path / f"a{kind}{packed}", content, packed)
    limit = ReadLimit(len(content) // 4)
    found = texts_of(read_documents(path, limit=limit))
    whole = texts(path)
    assert len(whole) == 5000
    assert found == whole[: len(found)]
    assert 0.2 < len(found) / len(whole) < 0.3
    assert abs(limit.disk_bytes / path.stat().st_size - len(found) / len(whole)) < (0.2 if packed else 0.05)


def test_read_limit_above_the_files_size_reads_everything(tmp_path):
    write(tmp_path / "a.jsonl", '{"text": "one"}\n')
    write(tmp_path / "b.txt", "two")
    limit = ReadLimit(1000)
    assert texts_of(read_documents(tmp_path, limit=limit)) == ["one", "two"]
    assert limit.text_bytes == limit.disk_bytes == sum(p.stat().st_size for p in tmp_path.iterdir())


def test_read_limit_stops_at_bad_lines_too(tmp_path):
    path, bad = write(tmp_path / "a.jsonl", "nothing\n" * 1000), []
    assert list(read_documents(path, bad.append, limit=ReadLimit(80))) == []
    assert len(bad) == 10
