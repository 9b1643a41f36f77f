"""Tables: quotes, delimiters, headers, and what columns are taken for."""

import csv
import io

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from i3core.data.documents import read_documents
from i3core.data.reading import Reading, ReadingNotes
from i3core.errors import DataError


def read(path, content, columns="", encoding="utf-8"):
    """Pairs of the table, what is bad by line, and what columns were taken for."""
    path.write_bytes(content.encode(encoding))
    bad, notes = [], ReadingNotes()
    documents = list(read_documents(path, bad.append, reading=Reading.parse(columns), notes=notes))
    return [tuple(document.texts) for document in documents], {e.location.number: e.reason for e in bad}, notes.columns


@pytest.mark.parametrize(
    ("content", "pairs", "bad"),
    [
        ('size,"5 wide\nc,d\ne,"f"\ng,h\n', [("c", "d"), ("e", "f"), ("g", "h")], {2: "behind a closing quote"}),
        ('"hello,hi\na,b\nc,d\n', [("a", "b"), ("c", "d")], {2: "not closed"}),
        ('a,b\n"c,d\n', [("a", "b")], {3: "not closed"}),
        ('a,b\n"x" y,z\nc,d\n', [("a", "b"), ("c", "d")], {3: "behind a closing quote"}),
        ('"x,y\nc,d\n","e\n', [("c", "d")], {2: "quote", 4: "quote"}),
        ('"one\ntwo","three\n\nfour"\n', [("one\ntwo", "three\n\nfour")], {}),
        ('he said "hi",she said "ho"\n', [('he said "hi"', 'she said "ho"')], {}),
        ('"say ""hi""", "a, b"\n', [('say "hi"', "a, b")], {}),
    ],
)
def test_stray_quote_is_a_bad_record_and_joins_no_rows(tmp_path, content, pairs, bad):
    found, reported, _ = read(tmp_path / "a.csv", "prompt,completion\n" + content)
    assert found == pairs
    assert reported.keys() == bad.keys()
    assert all(why in reported[line] for line, why in bad.items())


def test_many_rows_behind_an_unclosed_quote_are_all_read(tmp_path):
    rows = [(f"question {i}", f"answer {i}") for i in range(3000)]
    content = 'prompt,completion\n"hello,hi\n' + "".join(f"{q},{a}\n" for q, a in rows)
    found, reported, _ = read(tmp_path / "a.csv", content)
    assert found == rows
    assert list(reported) == [2]


def test_quotes_are_text_where_tabs_separate(tmp_path):
    content = 'prompt\tcompletion\n"well" he said\tand left\n"quoted start\tanswer\nsecond\tends with "\n"a ""b"\tc\n'
    found, reported, _ = read(tmp_path / "a.tsv", content)
    assert found == [
        ('"well" he said', "and left"), ('"quoted start', "answer"), ("second", 'ends with "'), ('a "b', "c"),
    ]  # fmt: skip
    assert reported == {}


CELLS = st.text(st.sampled_from('ab",;|\t\n .é'), min_size=1).map(str.strip).filter(bool)


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=6), st.sampled_from(",;\t|"), st.booleans())
def test_written_table_is_read_back_whole(tmp_path_factory, rows, delimiter, crlf):
    target = io.StringIO(newline="")
    writer = csv.writer(target, delimiter=delimiter, quoting=csv.QUOTE_ALL, lineterminator="\r\n" if crlf else "\n")
    writer.writerows([("prompt", "completion"), *rows])
    found, reported, _ = read(tmp_path_factory.getbasetemp() / "a.csv", target.getvalue())
    assert found == rows
    assert reported == {}


LINES = st.lists(
    st.text(st.sampled_from('ab", '), min_size=1, max_size=8).filter(lambda line: line.strip()), max_size=8
)


@given(LINES)
def test_each_line_of_any_table_is_read_or_reported(tmp_path_factory, lines):
    content = "prompt,completion\n" + "".join(f"{line}\n" for line in lines)
    path = tmp_path_factory.getbasetemp() / "any.csv"
    found, reported, _ = read(path, content)
    assume(
        not any("empty" in reason or "no text" in reason for reason in reported.values())
    )  # they may have more lines
    covered = sum(1 + "".join(pair).count("\n") for pair in found) + len(reported)
    assert covered == len(lines)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_line_of_excel_names_the_separator(tmp_path, separator, encoding):
    content = f"sep={separator}\r\nprompt{separator}completion\r\nhello{separator}hi there\r\n"
    assert read(tmp_path / "a.csv", content, encoding=encoding)[0] == [("hello", "hi there")]


@pytest.mark.parametrize(
    ("content", "pairs"),
    [
        ("hello, you;hi there friend\nhow are you, friend;i am fine\n", None),
        ("it costs 1,5;so much\nit costs 2,25;even more\n", None),
        ("prompt;completion\na, b, c;d, e, f\n", [("a, b, c", "d, e, f")]),
        ("prompt|completion\na, b; c|d, e\n", [("a, b; c", "d, e")]),
        ("frage;antwort\nwie viel?;1,5\nund?;2,7\n", [("wie viel?", "1,5"), ("und?", "2,7")]),
        ("pregunta|respuesta\n¿dónde?|aquí\n", [("¿dónde?", "aquí")]),
        ("prompt\tcompletion\na, b;c\td, e;f\n", [("a, b;c", "d, e;f")]),
    ],
)
def test_separator_is_the_one_that_is_not_prose(tmp_path, content, pairs):
    expected = pairs or [tuple(line.split(";")) for line in content.splitlines()]
    assert read(tmp_path / "a.csv", content)[0] == expected


@pytest.mark.parametrize(
    ("header", "user", "assistant"),
    [
        ("User Message,Bot Reply", 0, 1), ("bot_message,user_message", 1, 0), ("nr,ai answer,customer ask", 2, 1),
        ("Frage,Antwort", 0, 1), ("Q,A", 0, 1),
    ],
)  # fmt: skip
def test_header_of_unknown_names_is_not_data(tmp_path, header, user, assistant):
    cells = ["how are you today, my friend?", "i am fine, thank you.", "the weather is nice."]
    names = header.split(",")
    row = ",".join(f'"{cell}"' for cell in cells[: len(names)])
    found, _, columns = read(tmp_path / "a.csv", f"{header}\n" + f"{row}\n" * 4)
    assert found == [(cells[user], cells[assistant])] * 4
    assert columns == {"user": names[user], "assistant": names[assistant]}


def test_first_row_of_data_is_no_header(tmp_path):
    found, _, columns = read(tmp_path / "a.csv", "hello,hi there\nhow are you,i am fine\nbye,see you\n")
    assert found[0] == ("hello", "hi there")
    assert columns == {"user": "column 1", "assistant": "column 2"}


@pytest.mark.parametrize(
    ("above", "header"),
    [
        ("Our questions\n", "prompt,completion"), ("Our questions,\n", "prompt,completion"),
        ("Our questions,\nof 2024,\n\n", "Frage,Antwort"),
        ('"Our questions, all"\n', "Question,Answer"), ("\n\n", "Question,Answer"),
    ],
)  # fmt: skip
def test_title_above_a_header_is_not_data(tmp_path, above, header):
    assert read(tmp_path / "a.csv", f"{above}{header}\na,b\nc,d\n")[0] == [("a", "b"), ("c", "d")]


def test_first_row_of_a_table_without_header_is_no_title(tmp_path):
    content = "what is a question?,an answer asks for it\nprompt,a word for a question\nand you?,i am fine\n"
    assert len(read(tmp_path / "a.csv", content)[0]) == 3


def test_row_with_too_few_cells_is_told_to_be_filled(tmp_path):
    path, bad = tmp_path / "a.csv", []
    path.write_text("prompt,completion,topic\na,b\nc,d,e\nf,g,h,i\n")
    assert len(list(read_documents(path, bad.append))) == 1
    assert ["Fill in" in error.remedy for error in bad] == [True, False]


@pytest.mark.parametrize("columns", ["user=Frage,assistant=Antwort", "user=frage, assistant=ANTWORT"])
def test_columns_can_be_named(tmp_path, columns):
    found, _, _ = read(tmp_path / "a.csv", "Nr,Frage,Antwort\n1,wo?,hier.\n", columns)
    assert found == [("wo?", "hier.")]


def test_columns_without_a_header_can_be_numbered(tmp_path):
    found, _, columns = read(tmp_path / "a.csv", "1,wo?,hier.\n2,wer?,ich.\n", "user=2,assistant=3")
    assert found == [("wo?", "hier."), ("wer?", "ich.")]
    assert columns == {"user": "2", "assistant": "3"}


def test_columns_can_be_named_in_other_files(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"Frage": "wo?", "Antwort": "hier."}\n{"Frage": "wer?", "Antwort": "ich."}\n')
    how = Reading.parse("user=Frage,assistant=Antwort")
    assert [tuple(d.texts) for d in read_documents(tmp_path / "a.jsonl", reading=how)] == [
        ("wo?", "hier."), ("wer?", "ich."),
    ]  # fmt: skip


def test_column_that_is_not_there_is_named_with_those_that_are(tmp_path):
    with pytest.raises(DataError, match=r"no column 'Reply'\. It has: Nr, Frage, Antwort") as raised:
        read(tmp_path / "a.csv", "Nr,Frage,Antwort\n1,wo?,hier.\n", "user=Frage,assistant=Reply")
    assert "--columns" in raised.value.remedy


def test_table_of_turns_is_split_by_its_conversations(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("conversation_id,role,content\n1,user,a\n1,assistant,b\n2,user,c\n2,assistant,d\n")
    assert [document.texts for document in read_documents(path)] == [["a", "b"], ["c", "d"]]
    path.write_text("role,content\nsystem,x\nuser,a\nassistant,b\nsystem,y\nuser,c\nassistant,d\n")
    assert [document.texts for document in read_documents(path)] == [["x", "a", "b"], ["y", "c", "d"]]


def test_list_of_turns_in_a_cell_is_read(tmp_path):
    target = io.StringIO(newline="")
    csv.writer(target).writerows(
        [("id", "messages"), ("1", '[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]')]
    )
    assert read(tmp_path / "a.csv", target.getvalue())[0] == [("a", "b")]


def test_empty_columns_at_the_end_are_no_columns(tmp_path):
    assert read(tmp_path / "a.csv", "prompt,completion,,\na,b,,\nc,d\n")[0] == [("a", "b"), ("c", "d")]


def test_second_column_of_one_name_is_left_out_by_its_number(tmp_path):
    path, notes = tmp_path / "a.csv", ReadingNotes()
    path.write_text("prompt,completion,Prompt\na,b,c\n")
    assert [document.texts for document in read_documents(path, notes=notes)] == [["a", "b"]]
    assert notes.left_out == {"field `column 3`": 1}


def test_table_of_texts_keeps_the_rows_above_one_that_ends_in_text(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('text\nhello there\nanother, text\n"third, text"\n')
    bad = []
    assert [document.text for document in read_documents(path, bad.append)] == ["hello there", "third, text"]
    assert [error.location.number for error in bad] == [3]


def test_parquet_reads_only_the_columns_that_it_needs(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = pyarrow.table({"text": ["hello there"], "seen": pyarrow.array([2**60], pyarrow.timestamp("ms"))})
    parquet.write_table(table, tmp_path / "a.parquet")
    notes = ReadingNotes()
    assert [document.text for document in read_documents(tmp_path / "a.parquet", notes=notes)] == ["hello there"]
    assert notes.left_out == {"field `seen`": 1}
    turns = pyarrow.array(
        [[[("role", "user"), ("content", "hi")], [("role", "assistant"), ("content", "hello")]]],
        pyarrow.list_(pyarrow.map_(pyarrow.string(), pyarrow.string())),
    )
    parquet.write_table(pyarrow.table({"messages": turns}), tmp_path / "b.parquet")
    assert [document.texts for document in read_documents(tmp_path / "b.parquet")] == [["hi", "hello"]]
    parquet.write_table(pyarrow.table({"Story": ["once"]}), tmp_path / "c.parquet")
    with pytest.raises(DataError, match="Story are not known"):
        list(read_documents(tmp_path / "c.parquet"))
    [document] = read_documents(tmp_path / "c.parquet", reading=Reading.parse("text=Story"))
    assert document.text == "once"
