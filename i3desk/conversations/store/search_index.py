"""The search index: an FTS5 table of all titles and messages, and how it is kept.

A text's row number is conversation * 2**20 + message number; 0 stands for the title. So hits are grouped by
conversation without looking anything up, and a conversation's texts are one range. A reply is indexed once it
has ended.
"""

from __future__ import annotations

import sqlite3

BITS = 20
MOST_MESSAGES = 2**BITS - 1
TITLE = 0
TOKENIZER = 'tokenize = "unicode61 remove_diacritics 2"'

_ENDED = "state NOT IN ('queued', 'waiting', 'streaming')"


def create(connection: sqlite3.Connection) -> None:
    """Make the empty index.

    Every write adds a segment, and merging them can take long: upkeep.py does that in the background. Only when nobody
    has done so for 400 writes, a write merges those (FTS5 refuses to write at 2,000).
    """
    connection.execute(f"CREATE VIRTUAL TABLE texts USING fts5 (text, columnsize = 0, prefix = '2 3', {TOKENIZER})")
    connection.execute("INSERT INTO texts (texts, rank) VALUES ('automerge', 0)")
    connection.execute("INSERT INTO texts (texts, rank) VALUES ('crisismerge', 400)")


def fill(connection: sqlite3.Connection, conversation: int | None = None) -> None:
    """Index everything that is stored, except replies under way: of one conversation but its title, or of all."""
    if conversation is None:
        connection.execute(
            f"INSERT INTO texts (rowid, text) SELECT id << {BITS}, title FROM conversations WHERE title != ''"
        )
    connection.execute(
        f"INSERT INTO texts (rowid, text) SELECT (conversation << {BITS}) + number, text FROM messages "
        f"WHERE text != '' AND {_ENDED} AND (?1 IS NULL OR conversation = ?1)",
        (conversation,),
    )


def put(connection: sqlite3.Connection, conversation: int, number: int, text: str) -> None:
    """Make the index know this text of a message (or of the title: number 0)."""
    row = (conversation << BITS) + number
    known = connection.execute("SELECT text FROM texts WHERE rowid = ?", (row,)).fetchone()
    if known == (text,) or (known is None and not text):
        return
    if known is not None:
        connection.execute("DELETE FROM texts WHERE rowid = ?", (row,))
    if text:
        connection.execute("INSERT INTO texts (rowid, text) VALUES (?, ?)", (row, text))


def forget(connection: sqlite3.Connection, conversation: int, first: int, last: int) -> None:
    """Take texts numbered `first` to `last` of a conversation out of the index."""
    row = conversation << BITS
    connection.execute("DELETE FROM texts WHERE rowid BETWEEN ? AND ?", (row + first, row + last))
