"""Search in titles and messages, for a background thread; one hit a conversation."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from i3desk.conversations.store.database import connect_read_only, explain_errors
from i3desk.conversations.store.search_index import (
    BITS,
    HAS_NO_SPACES,
    MAX_MESSAGES,
    SEPARATOR,
    TITLE,
    TOKENIZER,
    searchable,
)
from i3desk.language import tr

WORDS_AROUND, CHARACTERS_AROUND = 14, 40  # in a snippet
MAX_QUERY_LENGTH = 400
NO_TITLE = tr("New chat")

_BEGIN, _END = "\x02", "\x03"  # around a match; control characters are removed from texts
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


@dataclass(frozen=True)
class Hit:
    """A conversation that contains all words.

    Attributes:
        message_number: the newest message with all words; None if only the title has them.
        snippet: text of that message around the matches; the conversation's preview if only the title matched.
        matches: (start, end) of found words in the snippet.
        title_matches: (start, end) of found words in the title.
        updated_at: when the conversation last changed.
        count: number of messages with all words, the title included.
    """

    conversation_id: int
    title: str
    message_number: int | None
    snippet: str
    matches: tuple[tuple[int, int], ...]
    title_matches: tuple[tuple[int, int], ...]
    updated_at: float
    count: int


def query_for(text: str) -> str | None:
    """Convert typed text to a valid FTS5 query; None if it has no words.

    Each word must occur, at least as a prefix; quoted words must occur in this order. Words of scripts without spaces
    may occur anywhere, and signs such as those of "c++" count.
    """
    parts = _CONTROL.sub(" ", text[:MAX_QUERY_LENGTH].encode("utf-8", "replace").decode("utf-8")).split('"')
    terms = []
    for number, part in enumerate(parts):
        if number % 2 == 0:  # outside quotes
            terms += [f'"{searchable(word)}"*' for word in part.split() if _has_tokens(word)]
        elif _has_tokens(part):  # the last quote may be unfinished: its last word is a prefix
            terms.append(f'"{searchable(part)}"' if number < len(parts) - 1 else f'"{searchable(part)}"*')
    return " AND ".join(terms) or None


def _has_tokens(text: str) -> bool:
    return SEPARATOR in searchable(text) or any(character.isalnum() for character in text)


def search(path: Path, text: str, limit: int = 200) -> list[Hit]:
    """Find conversations with all words of `text`; title matches first, then the newest.

    Opens its own connection, for a background thread. Raises I3Error if the database cannot be read.
    """
    query, path = query_for(text), Path(path)
    if query is None or not path.exists():
        return []
    with explain_errors(path), closing(connect_read_only(path)) as connection:
        connection.execute("BEGIN")  # both reads see the same state
        is_filled = connection.execute("SELECT 1 FROM index_backlog").fetchone() is None
        found = connection.execute(
            f"""
            SELECT id, title, preview, updated_at, newest, hits FROM (
                SELECT rowid >> {BITS} AS found, max(rowid) & {MAX_MESSAGES} AS newest, count(*) AS hits,
                       min(rowid) & {MAX_MESSAGES} = {TITLE} AS in_title
                FROM ({_matching(is_filled)}) GROUP BY found
            ) JOIN conversations ON id = found
            WHERE deleted_at IS NULL ORDER BY in_title DESC, updated_at DESC LIMIT :limit
            """,
            {"query": query, "limit": limit},
        ).fetchall()
        texts = [_text_of(connection, row[0], row[4]) for row in found]
    titles = [row[1] or NO_TITLE for row in found]
    around = CHARACTERS_AROUND if HAS_NO_SPACES.search(query) else WORDS_AROUND
    snippets = _mark_matches(query, f"snippet(texts, 0, '{_BEGIN}', '{_END}', '…', {around})", texts)
    marked_titles = _mark_matches(query, f"highlight(texts, 0, '{_BEGIN}', '{_END}')", titles)
    hits = []
    for row, snippet, marked_title in zip(found, snippets, marked_titles, strict=True):
        identity, _, preview, updated_at, newest, count = row
        title, title_matches = _parse_marks(marked_title)
        snippet, matches = (preview, ()) if newest == TITLE else _parse_marks(snippet)
        hits.append(Hit(identity, title, newest or None, snippet, matches, title_matches, updated_at, count))
    return hits


def _matching(is_filled: bool) -> str:
    """Row numbers that match :query. What a new index lacks at first is in the old one."""
    tables = ("texts",) if is_filled else ("texts", "old_texts")
    return " UNION ".join(f"SELECT rowid FROM {table} WHERE {table} MATCH :query" for table in tables)


def _text_of(connection: sqlite3.Connection, conversation: int, number: int) -> str:
    if number == TITLE:
        return ""
    row = connection.execute(
        "SELECT text FROM messages WHERE conversation = ? AND number = ?", (conversation, number)
    ).fetchone()
    return row[0] if row else ""


def _mark_matches(query: str, function: str, texts: list[str]) -> list[str]:
    """Apply an FTS5 function to the matching texts; other texts are unchanged.

    This uses a small temporary index: in the large one, each row would repeat the whole query.
    """
    shown = [searchable(_CONTROL.sub(" ", text).strip()) for text in texts]
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(f"CREATE VIRTUAL TABLE texts USING fts5 (text, {TOKENIZER})")
        connection.executemany("INSERT INTO texts (rowid, text) VALUES (?, ?)", enumerate(shown))
        for number, text in connection.execute(f"SELECT rowid, {function} FROM texts WHERE texts MATCH ?", (query,)):
            shown[number] = text
    return shown


def _parse_marks(marked: str) -> tuple[str, tuple[tuple[int, int], ...]]:
    """Remove the marks from a text; returns it with their places."""
    text, matches = "", []
    for part in re.split(f"({_BEGIN}[^{_END}]*{_END})", marked.replace(SEPARATOR, "")):
        if part.startswith(_BEGIN):
            matches.append((len(text), len(text) + len(part) - 2))
        text += part.strip(_BEGIN + _END)
    return text, tuple(matches)
