"""The store of conversations, with real files, connections and threads: nothing that was written is lost."""

from __future__ import annotations

import resource
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from paths import REPOSITORY

from i3core.errors import I3Error
from i3core.generation.config import SamplingConfig
from i3core.generation.outputs import Alternative, Chunk
from i3desk.conversations.conversation import ASSISTANT, USER, ChatSettings, Conversation, ReplyState
from i3desk.conversations.store import Store, check, checkpoint, index_more, search, tidy
from i3desk.conversations.store.database import MIGRATIONS, damage_mark
from i3desk.conversations.store.search import query_for
from i3desk.conversations.store.search_index import MANY_MESSAGES


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "user" / "conversations.sqlite3"


@pytest.fixture
def store(path):
    with closing(Store(path)) as store:
        yield store


def chat(*texts: str, **fields) -> Conversation:
    """A conversation in which both sides take turns."""
    conversation = Conversation(**fields)
    parent = None
    for index, text in enumerate(texts):
        parent = conversation.add(ASSISTANT if index % 2 else USER, text, parent).number
    return conversation


def chunk(number: int) -> Chunk:
    others = tuple(Alternative(number + i, f"t{i}", 0.5 / (i + 1)) for i in range(10))
    return Chunk(number, f"t{number}", 0.25, others)


def execute(path: Path, command: str) -> None:
    """Change the database behind the store's back; foreign keys are not checked."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(command)


def found(path: Path, text: str) -> list[tuple[str, int | None]]:
    return [(hit.title, hit.message_number) for hit in search(path, text)]


def test_conversation_is_read_back_with_all_its_fields(path, store):
    conversation = chat("what is the moon?", pinned=True, draft="and mars?", window_used=7, window=256)
    reply = conversation.add(ASSISTANT, " a rock", 1, seed=7321, new_tokens=3, given_tokens=1, finish_reason="length")
    reply.sampling, reply.model = SamplingConfig(temperature=0.5, stop=("x",)), "i3-mini"
    reply.seconds_to_first_token, reply.tokens_per_second = 0.25, 181.5
    conversation.add(ASSISTANT, "the model failed", 1, state=ReplyState.FAILED, what_failed="no memory", remedy="wait")
    conversation.select(2)
    conversation.settings = ChatSettings(SamplingConfig(top_k=3), "raw", "a pirate")
    conversation.first_seen = 2
    number = store.add(conversation)
    assert number == conversation.id
    store.close()
    with closing(Store(path)) as again:
        assert again.open(number) == conversation
        assert again.open(number).last.number == 2


def test_list_has_pinned_conversations_first_then_the_newest(store):
    for age, title in enumerate(("new", "pinned", "old")):
        conversation = chat(f"{title}\nsecond line", f"\n\n reply to {title} \nmore", updated_at=0)
        conversation.updated_at = 1000.0 - age
        store.add(conversation)
    store.set_pinned(2, True)
    store.add(Conversation(updated_at=5.0))
    rows = store.rows()
    assert [(row.title, row.preview, row.pinned, row.message_count) for row in rows] == [
        ("pinned", "reply to pinned", True, 2),
        ("new", "reply to new", False, 2),
        ("old", "reply to old", False, 2),
        ("New chat", "", False, 0),
    ]


def test_streaming_reply_is_stored_with_its_chunks(path, store):
    conversation = chat("hello")
    store.add(conversation)
    reply = conversation.add(ASSISTANT, parent=1, state=ReplyState.WAITING)
    store.save_message(conversation, reply)
    with closing(Store(path)) as other:
        for count in range(1, 6):
            reply.state = ReplyState.STREAMING
            for _ in range(10):
                reply.chunks.append(chunk(len(reply.chunks)))
            reply.text = "word " * count
            store.save_message(conversation, reply)
            assert other.open(conversation.id).last.text == reply.text
            assert other.open(conversation.id).last.chunks == []
            loaded = other.load_chunks(conversation.id, reply.number)
            assert [(c.token_id, c.text) for c in loaded] == [(c.token_id, c.text) for c in reply.chunks]
    assert loaded[3].alternatives[2].probability == pytest.approx(0.5 / 3, rel=1e-5)
    blocks = sqlite3.connect(path)
    assert blocks.execute("SELECT first, count FROM chunk_blocks").fetchall() == [(10 * i, 10) for i in range(5)]
    blocks.close()


def test_unloaded_chunks_stay_and_replaced_chunks_are_replaced(path, store):
    conversation = chat("hello", "there")
    conversation.last.chunks = [chunk(i) for i in range(20)]
    store.add(conversation)
    number = conversation.id

    unread = store.open(number)
    unread.last.text += "!"
    store.save_message(unread, unread.last)
    assert len(store.load_chunks(number, 2)) == 20

    reply = unread.last
    reply.chunks = store.load_chunks(number, 2)
    reply.state = ReplyState.STREAMING  # the reply is continued
    for _ in range(2):
        reply.chunks.append(chunk(20))
        store.save_message(unread, reply)
    assert len(store.load_chunks(number, 2)) == 22

    reply.chunks = [chunk(i) for i in range(100, 125)]
    store.save_message(unread, reply)
    assert [c.token_id for c in store.load_chunks(number, 2)] == list(range(100, 125))
    reply.chunks = reply.chunks[:5]
    store.save_message(unread, reply)
    assert len(store.load_chunks(number, 2)) == 5
    reply.text, reply.chunks = "", []
    store.save_message(unread, reply)
    assert store.load_chunks(number, 2) == []


def test_damaged_block_loses_only_the_chunks_after_it(path, store):
    conversation = chat("hello", "there")
    store.add(conversation)
    for start in (0, 5):
        conversation.last.chunks += [chunk(i) for i in range(start, start + 5)]
        store.save_message(conversation, conversation.last)
    execute(path, "UPDATE chunk_blocks SET data = x'00' WHERE first = 5")
    assert len(store.load_chunks(conversation.id, 2)) == 5


def test_deletion_can_be_undone_until_purged(path, store):
    for text in ("the moon", "the sun"):
        store.add(chat(text, f"about {text}"))
    store.delete(1)
    assert [row.title for row in store.rows()] == ["the sun"]
    assert found(path, "moon") == []
    store.restore(1)
    assert found(path, "moon") == [("the moon", 2)]
    store.delete(1)
    tidy(path)
    store.restore(1)  # a moment later: the purge leaves time for that
    assert len(store.rows()) == 2
    store.delete(1)
    assert store.purge_deleted() == 1
    store.restore(1)
    assert [row.title for row in store.rows()] == ["the sun"]
    with pytest.raises(I3Error, match="no longer exists"):
        store.open(1)
    assert store.add(chat("mars")) == 3  # ids are not used again


def test_purged_text_is_no_longer_on_the_disk(path, store):
    for number in range(6):
        store.add(chat(f"xylophone{number} secret", "Geheimnis zebra", draft="Entwurf"))
    store.add(chat("harmless"))
    checkpoint(path)
    assert b"xylophone3" in path.read_bytes()
    for number in range(1, 7):
        store.delete(number)
    tidy(path, kept_s=0)
    remains = b"".join(file.read_bytes() for file in path.parent.iterdir())
    for secret in (b"xylophone", b"Geheimnis", b"geheimnis", b"Entwurf"):
        assert secret not in remains
    assert b"harmless" in remains


def test_delete_all_leaves_nothing_on_the_disk(path, store):
    conversation = chat("xylophone", "Geheimnis")
    conversation.last.chunks = [chunk(1)]
    store.add(conversation)
    store.delete_all(store.newest_id())
    assert store.rows() == []
    assert found(path, "xylophone") == []
    remains = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert b"xylophone" not in remains
    assert b"Geheimnis" not in remains
    store.save_message(conversation, conversation.last)  # a reply that came too late
    assert store.rows() == []
    store.add(chat("a new start"))
    assert found(path, "start") == [("a new start", 1)]


def test_copy_is_independent_of_the_original(path, store):
    conversation = chat("the moon", "a rock")
    conversation.last.chunks = [chunk(1), chunk(2)]
    store.add(conversation)
    copy = store.open(store.duplicate(conversation.id))
    assert copy.title == "the moon (copy)"
    assert [message.text for message in copy.path()] == ["the moon", "a rock"]
    assert len(store.load_chunks(copy.id, 2)) == 2
    store.delete(conversation.id)
    store.purge_deleted()
    assert len(store.load_chunks(copy.id, 2)) == 2
    assert found(path, "rock") == [("the moon (copy)", 2)]


def test_copy_of_an_unfinished_reply_is_cut(store):
    conversation = chat("hello")
    conversation.add(ASSISTANT, "half a", 1, state=ReplyState.STREAMING)
    store.add(conversation)
    assert store.open(store.duplicate(conversation.id)).last.state is ReplyState.CUT


def test_unfinished_replies_are_marked_as_cut_and_indexed(path, store):
    conversation = chat("hello")
    store.add(conversation)
    for state, text in ((ReplyState.STREAMING, "half a zebra"), (ReplyState.QUEUED, ""), (ReplyState.WAITING, "")):
        store.save_message(conversation, conversation.add(ASSISTANT, text, 1, state=state))
    assert found(path, "zebra") == []
    with closing(Store(path)) as again:
        assert again.mark_cut() == 3
        states = [message.state for message in again.open(conversation.id).messages.values()]
        assert states == [ReplyState.DONE, *[ReplyState.CUT] * 3]
        assert again.mark_cut() == 0
    assert found(path, "zebra") == [("hello", 2)]


def test_temporary_conversations_are_never_stored(path, store):
    conversation = chat("xylophone", temporary=True)
    with pytest.raises(ValueError, match="never stored"):
        store.add(conversation)
    conversation.id = 1
    store.save_message(conversation, conversation.last)
    store.save_conversation(conversation)
    assert store.rows() == []
    assert b"xylophone" not in b"".join(file.read_bytes() for file in path.parent.iterdir())


def test_saving_a_reply_keeps_title_and_pin_of_the_list(store):
    conversation = chat("hello", "there")
    store.add(conversation)
    store.rename(conversation.id, "my title")
    store.set_pinned(conversation.id, True)
    conversation.title, conversation.has_own_title = "my title", True
    store.save_message(conversation, conversation.last)
    (row,) = store.rows()
    assert (row.title, row.pinned) == ("my title", True)


def test_long_import_is_complete_or_absent(path, store, monkeypatch):
    conversation = chat(*[f"message {i} zebra" for i in range(350)])
    number = store.import_conversation(conversation)
    assert conversation.id is None
    assert len(store.open(number).path()) == 350
    assert search(path, "zebra")[0].count == 351  # the title has it too
    steps = iter([None, None, I3Error("the disk is full")])

    def fail_later(self, connection, number, message, write=Store._write_message):
        if message.number % 100 == 1 and (error := next(steps)):
            raise error
        write(self, connection, number, message)

    monkeypatch.setattr(Store, "_write_message", fail_later)
    with pytest.raises(I3Error):
        store.import_conversation(conversation)
    assert len(store.rows()) == 1
    assert len(found(path, "zebra")) == 1


# Search


def test_search_finds_titles_and_messages_while_typing(path, store):
    store.add(chat("tell me about the moon", "the moon is a café of rock\nand Straße"))
    store.add(chat("the sun", "hot, and larger than the moon"))
    for typed in ("m", "moo", "MOON the", "tell moo", '"about the moo', '"about the moon"', "moon !!", "tell-me"):
        assert ("tell me about the moon", 1) in found(path, typed) or ("tell me about the moon", 2) in found(
            path, typed
        )
    assert found(path, "cafe") == found(path, "CAFÉ") == [("tell me about the moon", 2)]
    assert found(path, '"moon the"') == []
    assert found(path, "moon mars") == found(path, "") == found(path, ' "" * ') == []
    hit = search(path, "the moon")[0]
    assert (hit.conversation_id, hit.title, hit.count) == (1, "tell me about the moon", 3)
    assert [hit.snippet[start:end] for start, end in hit.matches] == ["the", "moon"]
    assert [hit.title[start:end] for start, end in hit.title_matches] == ["the", "moon"]
    assert "\n" not in hit.snippet
    assert [hit.conversation_id for hit in search(path, "moon", limit=1)] == [1]


def test_search_follows_changed_titles_and_texts(path, store):
    conversation = chat("zebra", "lion")
    store.add(conversation)
    store.rename(conversation.id, "a walk in the zoo")
    conversation.title, conversation.has_own_title = "a walk in the zoo", True
    hit = search(path, "walk zoo")[0]
    assert (hit.message_number, hit.snippet, hit.matches, hit.count) == (None, "lion", (), 1)
    conversation.last.text = "tiger"
    store.save_message(conversation, conversation.last)
    assert found(path, "lion") == []
    assert found(path, "tiger") == [("a walk in the zoo", 2)]
    conversation.title = "other"
    store.save_conversation(conversation)
    assert found(path, "walk") == []
    assert found(path, "other") == [("other", None)]


def test_index_accepts_more_writes_than_segments(path, store):
    conversation = chat("hello")
    store.add(conversation)
    for number in range(2100):
        conversation.last.text = f"zebra{number}"
        store.save_message(conversation, conversation.last)
    assert found(path, "zebra2099") == [("hello", 1)]
    assert found(path, "zebra2098") == []
    tidy(path)
    assert found(path, "zebra2099") == [("hello", 1)]


@pytest.fixture(scope="module")
def searched(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("searched") / "conversations.sqlite3"
    with closing(Store(path)) as store:
        store.add(chat('a "quoted" text', "it's AND or NOT near the co-op", "é ü ß 月 5"))
    return path


@given(text=st.text(max_size=30) | st.text(alphabet="ab\"*^:(){}+-'. \x00\ud83dANDORNEAR,/", max_size=20))
def test_no_typed_text_breaks_the_search(searched, text):
    for hit in search(searched, text):
        assert all(0 <= start < end <= len(hit.snippet) for start, end in hit.matches)


@pytest.fixture(scope="module")
def shared_store(tmp_path_factory):
    with closing(Store(tmp_path_factory.mktemp("oracle") / "conversations.sqlite3")) as store:
        yield store


WORDS = ("moon", "mo", "rock", "roc", "sun")


@given(
    texts=st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=4), min_size=1, max_size=4),
    query=st.lists(st.sampled_from(WORDS), min_size=1, max_size=2),
)
def test_search_finds_exactly_the_messages_with_all_words(shared_store, texts, query):
    number = shared_store.newest_id() + 1
    mark = f"n{number}"  # so that only words of this example match
    shared_store.add(chat(*(" ".join(mark + word for word in words) for words in texts), title="-"))
    matching = [n for n, words in enumerate(texts, 1) if all(any(w.startswith(q) for w in words) for q in query)]
    expected = [(number, matching[-1], len(matching))] if matching else []
    hits = search(shared_store.path, " ".join(mark + word for word in query))
    assert [(hit.conversation_id, hit.message_number, hit.count) for hit in hits] == expected


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("今天天气很好，我们去公园", "天气"), ("今天天气很好，我们去公园", "公园"), ("我在学习Python编程", "python"),
        ("日本語のテスト", "テスト"), ("日本語のテスト", "語"), ("ﾃｽﾄです", "ｽﾄ"), ("오늘 날씨가 좋다", "날씨"),
        ("สวัสดีครับวันนี้อากาศดี", "อากาศ"), ("ยินดีต้อนรับ", "ต้อน"), ("សួស្តីពិភពលោក", "ពិភព"), ("𠮷野家", "𠮷"),
        ("😀 party time", "😀"), ("well done👍🏽", "👍"), ("i ❤️ you", "❤"), ("i ❤ you", "❤️"), ("a 🪿 honks", "🪿"),
        ("👨‍👩‍👧 at home", "👩"), ("C++ is a language", "c++"), ("use c++17", "c++"), ("write C# code", "c#"),
        ("it costs 5€", "5€"),
        ("नमस्ते दुनिया", "दुनि"), ("run `ls -l` now", '"run ls -l now"'), ("1+1=2", "1+1"), ("the café", "CAFE"),
    ],
)  # fmt: skip
def test_search_finds_words_of_any_script_and_signs(path, store, text, typed):
    store.add(chat("cats climb, 昨天 and 5 $", "another, สวัสดี, テキスト", title="other"))
    store.add(chat(text, title="this"))
    assert found(path, typed) == [("this", 1)]
    hit = search(path, typed)[0]
    assert hit.snippet
    assert "\x1f" not in hit.snippet
    marked = "".join(hit.snippet[start:end] for start, end in hit.matches).lower()
    assert marked[:1] == hit.snippet[hit.matches[0][0]].lower()
    store.rename(hit.conversation_id, text)
    assert [hit.title[start:end] for start, end in search(path, typed)[0].title_matches]


@pytest.mark.parametrize("typed", ["气天", "園", "ทดสอบ", "c++", "c#", "😂", "ดา"])
def test_search_does_not_find_other_signs_and_characters(path, store, typed):
    store.add(chat("今天天气很好", "公园 and c and cats", "สวัสดีครับ", "😀 hello"))
    assert found(path, typed) == []


SCRIPTS = st.text("天气公c+#😀ด ี ab.`", min_size=1, max_size=8)


@given(SCRIPTS, st.data())
def test_search_finds_every_part_of_text_without_spaces(shared_store, text, data):
    start = data.draw(st.integers(0, len(text) - 1))
    part = text[start : data.draw(st.integers(start + 1, len(text)))]
    if "a" in part or "b" in part or "c" in part:
        part = text  # words of letters are found by their beginning
    number = shared_store.add(chat(text, title="-"))
    assume(query_for(part.replace(" ", "")) is not None)
    assert number in [hit.conversation_id for hit in search(shared_store.path, part, limit=10_000)]


def test_query_keeps_quotes_and_completes_words():
    assert query_for('moon "a rock" is') == '"moon"* AND "a rock" AND "is"*'
    assert query_for("  ?! ") is None


def test_search_in_another_thread_sees_concurrent_writes(path, store):
    conversation = chat("hello")
    store.add(conversation)
    stop, counts, errors = threading.Event(), [0], []

    def look() -> None:
        try:
            while not stop.is_set():
                counts.append(sum(hit.count for hit in search(path, "zebra")))
                checkpoint(path)
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=look)
    thread.start()
    for number in range(100):
        store.save_message(conversation, conversation.add(ASSISTANT, f"zebra {number}", 1))
    stop.set()
    thread.join()
    assert not errors
    assert counts == sorted(counts)
    assert sum(hit.count for hit in search(path, "zebra")) == 100


# Old, new and damaged files


def test_database_of_version_1_is_migrated(path):
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as old:
        MIGRATIONS[0](old)
        old.execute("PRAGMA user_version = 1")
        old.execute("INSERT INTO conversations (id, title, created_at, updated_at) VALUES (5, 'zebra', 1, 2)")
        for number, state in ((1, "done"), (2, "streaming")):
            old.execute(
                "INSERT INTO messages VALUES "
                "(?1, 5, ?1, ?2, 'user', 'a lion', 3, ?3, 0, 0, 0, NULL, NULL, NULL, '', '', '', NULL)",
                (number, number - 1 or None, state),
            )
        old.commit()
    with closing(Store(path)) as store:
        assert [message.text for message in store.open(5).path()] == ["a lion", "a lion"]
        assert store.mark_cut() == 1
        assert found(path, "lion zebra") == []
        assert search(path, "lion")[0].count == 2
        assert found(path, "zebra") == [("zebra", None)]
    assert sqlite3.connect(path).execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)


def database_of_version_3(path: Path, count: int) -> None:
    """A database with `count` messages, as it was before the index knew all scripts."""
    path.parent.mkdir(exist_ok=True)
    with closing(sqlite3.connect(path)) as old:
        for migrate in MIGRATIONS[:3]:
            migrate(old)
        old.execute("PRAGMA user_version = 3")
        old.execute("INSERT INTO conversations (id, title, created_at, updated_at) VALUES (5, 'zebra 天气', 1, 2)")
        old.executemany(
            "INSERT INTO messages VALUES "
            "(?1, 5, ?1, NULL, 'user', ?2, 3, ?3, 0, 0, 0, NULL, NULL, NULL, '', '', '', NULL)",
            ((n, f"lion{n:05} 今天天气很好", "done" if n > 1 else "streaming") for n in range(1, count + 1)),
        )
        old.execute("INSERT INTO texts (rowid, text) SELECT 5 << 20, title FROM conversations")
        old.execute("INSERT INTO texts (rowid, text) SELECT (5 << 20) + number, text FROM messages WHERE number > 1")
        old.commit()


def tables(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}


def test_small_index_of_version_3_is_made_again_at_once(path):
    database_of_version_3(path, 20)
    with closing(Store(path)):
        assert search(path, "天气")[0].count == 20
        assert not index_more(path)


def test_large_index_of_version_3_is_made_again_in_the_background(path):
    database_of_version_3(path, MANY_MESSAGES + 10)
    with closing(Store(path)) as store:
        assert found(path, "lion00077") == [("zebra 天气", 77)]  # the old index finds it
        conversation = store.open(5)
        conversation.messages[100].text = "tiger"
        store.save_message(conversation, conversation.messages[100])
        steps = 0
        while index_more(path):
            assert search(path, "lion00077")[0].count == 1
            steps += 1
        assert steps
        assert store.mark_cut() == 1
        assert search(path, "天气")[0].count == MANY_MESSAGES + 10
        assert found(path, "lion00100") == []
        assert search(path, "tiger")[0].count == 1
        assert search(path, "lion")[0].count == MANY_MESSAGES + 9
        assert tables(path) == tables_of_new(path.with_name("new.sqlite3"))


def test_interrupted_indexing_is_continued_at_the_next_start(path):
    database_of_version_3(path, MANY_MESSAGES + 10)
    with closing(Store(path)):
        assert index_more(path)
    with closing(Store(path)):
        while index_more(path):
            pass
        assert search(path, "天气")[0].count == MANY_MESSAGES + 10


def tables_of_new(path: Path) -> set[str]:
    with closing(Store(path)):
        return tables(path)


def test_deleting_all_also_deletes_the_old_index(path):
    database_of_version_3(path, MANY_MESSAGES + 10)
    with closing(Store(path)) as store:
        store.delete_all(5)
        assert found(path, "lion00077") == []
        assert not index_more(path)
    assert b"lion00077 " not in path.read_bytes()


def test_database_of_a_newer_i3desk_is_not_changed(path, store):
    store.add(chat("hello"))
    execute(path, "PRAGMA user_version = 99")
    store.close()
    with pytest.raises(I3Error, match="newer i3desk"):
        Store(path)
    assert sqlite3.connect(path).execute("SELECT count(*) FROM messages").fetchone() == (1,)


def fill(path: Path, count: int = 60) -> None:
    """Enough conversations for some dozen pages, all in the main file."""
    with closing(Store(path)) as store:
        for number in range(count):
            store.add(chat(f"question {number} " + "zebra " * 60, f"answer {number} " + "lion " * 60))
        checkpoint(path)


def damage(path: Path, first: float, last: float) -> None:
    """Overwrite a part of the file, from and to as shares of it."""
    data = bytearray(path.read_bytes())
    start, end = int(len(data) * first), int(len(data) * last)
    data[start:end] = b"\xa5" * (end - start)
    path.write_bytes(data)


@pytest.mark.parametrize("place", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_damaged_database_is_set_aside_and_recovered(path, place):
    fill(path)
    damage(path, place, place + 0.05)
    assert not check(path)
    with closing(Store(path)) as store:
        assert "were damaged" in store.notice
        rows = store.rows()
        texts = [message.text for row in rows for message in store.open(row.id).path()]
        assert len(rows) >= 30
        assert len(texts) >= 60
        assert all("zebra" in text or "lion" in text for text in texts)
        assert len(search(path, "question", limit=100)) >= 25
        store.add(chat("life goes on"))
    (aside,) = path.parent.glob("*-damaged-*.sqlite3")
    assert str(aside) in store.notice
    with closing(Store(path)) as store:
        assert store.notice == ""
        assert check(path)


def test_file_that_is_not_a_database_is_set_aside(path):
    path.parent.mkdir()
    path.write_bytes(b"what is this? " * 1000)
    with closing(Store(path)) as store:
        assert "could not be read" in store.notice
        store.add(chat("hello"))
    (aside,) = path.parent.glob("*-damaged-*.sqlite3")
    assert aside.read_bytes().startswith(b"what is this?")


def test_damage_found_later_is_reported_and_repaired_at_the_next_start(path):
    fill(path)
    with closing(Store(path)) as store:
        damage(path, 0.5, 0.8)
        with pytest.raises(I3Error, match="damaged") as caught:
            [store.open(row.id) for row in store.rows()]
        assert "Restart i3desk" in caught.value.remedy
    with closing(Store(path)) as store:
        assert "could be recovered" in store.notice
        assert len([store.open(row.id) for row in store.rows()]) >= 30


def test_message_after_a_lost_one_stays_on_the_path(path):
    with closing(Store(path)) as store:
        store.add(chat("one", "two", "three", "four"))
        execute(path, "DELETE FROM messages WHERE number IN (1, 3)")
        store.add(chat("lost", "title"))
        execute(path, "DELETE FROM conversations WHERE id = 2")
    path.with_name(path.name + ".damaged").touch()
    with closing(Store(path)) as store:
        assert [message.text for message in store.open(1).path()] == ["two", "four"]
        assert [row.title for row in store.rows()] == ["Recovered chat 2", "one"]
        assert [message.text for message in store.open(2).path()] == ["lost", "title"]


def test_unwritable_folder_is_explained(tmp_path):
    (tmp_path / "blocked").write_text("a file, not a folder")
    with pytest.raises(I3Error, match="cannot be stored") as caught:
        Store(tmp_path / "blocked" / "conversations.sqlite3")
    assert "may write" in caught.value.remedy


def test_full_disk_loses_nothing_stored(path, store):
    conversation = chat("hello")
    store.add(conversation)
    pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
    store._connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    big = conversation.add(ASSISTANT, "word " * 20_000, 1)
    big.chunks = [chunk(i) for i in range(300)]
    for write in (
        lambda: store.save_message(conversation, big),
        lambda: store.add(chat("x" * 50_000)),
        lambda: store.rename(conversation.id, "x" * 50_000),
    ):
        with pytest.raises(I3Error, match="full") as caught:
            write()
        assert "free some space" in caught.value.remedy
    assert [message.text for message in store.open(conversation.id).path()] == ["hello"]
    store._connection.execute("PRAGMA max_page_count = 100000")
    store.save_message(conversation, big)
    assert store.open(conversation.id).last.text == big.text
    assert len(store.load_chunks(conversation.id, big.number)) == 300
    assert check(path)


FULL_DISK = """
import resource, sys
from i3core.errors import I3Error
from i3desk.conversations.conversation import Conversation
from i3desk.conversations.store import Store
store = Store(sys.argv[1])
conversation = Conversation()
conversation.add("user", "kept")
store.add(conversation)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
stored = failed = 0
for number in range(100):
    message = conversation.add("user", f"number {number} " + "y" * 20_000, conversation.leaf)
    try:
        store.save_message(conversation, message)
        stored += 1
    except I3Error as error:
        assert "full" in error.remedy, error
        failed += 1
        del conversation.messages[message.number]
        conversation.leaf = message.parent
        if failed == 3:
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
assert stored > 60 and failed == 3, (stored, failed)
print(stored)
"""


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="no such limit here")
def test_file_size_limit_is_handled_like_a_full_disk(path):
    child = subprocess.run(
        [sys.executable, "-c", FULL_DISK, path], cwd=REPOSITORY, capture_output=True, text=True, timeout=60
    )
    assert child.returncode == 0, child.stderr
    with closing(Store(path)) as store:
        assert len(store.open(1).messages) == int(child.stdout) + 1
        assert check(path)


def test_only_the_owner_can_read_the_file(path, store):
    assert path.stat().st_mode & 0o077 == 0


def test_kills_lose_no_stored_message():
    """The long version makes fifty kills."""
    script = REPOSITORY / "tests" / "long" / "store_kill.py"
    child = subprocess.run(
        [sys.executable, script, "--kills", "3", "--longest", "1.2"], capture_output=True, text=True, timeout=120
    )
    assert child.returncode == 0, child.stdout + child.stderr


def test_second_connection_leaves_recovery_to_the_next_start(path, store):
    store.add(chat("the moon"))
    damage_mark(path).touch()
    Store(path, recover=False).close()
    assert not list(path.parent.glob("*-damaged-*"))
    with closing(Store(path)) as recovered:
        assert "1 conversation could be recovered" in recovered.notice


def test_delete_all_keeps_conversations_started_since(path, store):
    store.add(chat("old"))
    newest = store.newest_id()
    store.add(chat("young"))
    store.delete_all(newest)
    assert [row.title for row in store.rows()] == ["young"]
    assert found(path, "old") == []
    assert found(path, "young") == [("young", 1)]
