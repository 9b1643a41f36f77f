"""The search index: an FTS5 table of all titles and messages.

The row number of a text is conversation * 2**20 + message number (0: the title). Hits can be grouped by conversation
without a lookup, and the texts of a conversation are one range. A reply is indexed when it has ended.
"""

from __future__ import annotations

import sqlite3

BITS = 20
MAX_MESSAGES = 2**BITS - 1
TITLE = 0
TOKENIZER = 'tokenize = "unicode61 remove_diacritics 2"'

_ENDED = "state NOT IN ('queued', 'waiting', 'streaming')"


def create(connection: sqlite3.Connection) -> None:
    """Create the empty index.

    Each write adds a segment, and merging them can take long: maintenance.py does it in the background. Only after 400
    writes without that, a write merges them (FTS5 fails at 2,000).
    """
    connection.execute(f"CREATE VIRTUAL TABLE texts USING fts5 (text, columnsize = 0, prefix = '2 3', {TOKENIZER})")
    connection.execute("INSERT INTO texts (texts, rank) VALUES ('automerge', 0)")
    connection.execute("INSERT INTO texts (texts, rank) VALUES ('crisismerge', 400)")


def fill(connection: sqlite3.Connection, conversation: int | None = None) -> None:
    """Index all stored texts except unfinished replies, or those of one conversation without its title."""
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
    """Add or replace the text of a message (number 0: the title)."""
    row = (conversation << BITS) + number
    known = connection.execute("SELECT text FROM texts WHERE rowid = ?", (row,)).fetchone()
    if known == (text,) or (known is None and not text):
        return
    if known is not None:
        connection.execute("DELETE FROM texts WHERE rowid = ?", (row,))
    if text:
        connection.execute("INSERT INTO texts (rowid, text) VALUES (?, ?)", (row, text))


def remove(connection: sqlite3.Connection, conversation: int, first: int, last: int) -> None:
    """Remove the texts `first` to `last` of a conversation."""
    row = conversation << BITS
    connection.execute("DELETE FROM texts WHERE rowid BETWEEN ? AND ?", (row + first, row + last))
