"""The search index: an FTS5 table of all titles and messages.

The row number of a text is conversation * 2**20 + message number (0: the title). Hits can be grouped by conversation
without a lookup, and the texts of a conversation are one range. A reply is indexed when it has ended.

Words of most scripts are found by their beginning. Scripts that leave no space between words, emoji and signs such as
those of "c++" are indexed character by character: a word in them is a phrase, found anywhere in a text.
"""

from __future__ import annotations

import re
import sqlite3
import unicodedata

BITS = 20
MAX_MESSAGES = 2**BITS - 1
TITLE = 0
SEPARATOR = "\x1f"  # ends a token, and is in no text that is shown
SIGNS = "#%&@"  # that are part of names, such as c#; other punctuation ends words
MARKUP = "`|"  # ends words
TOKENIZER = (
    "tokenize = \"unicode61 remove_diacritics 2 categories 'L* N* Co Cn M* S*' "
    f"tokenchars '{SIGNS}' separators '{MARKUP}{SEPARATOR}'\""
)
STEP_CHARACTERS = 50_000  # indexed in one transaction in the background: some 10 ms
STEP_TEXTS = 200
MANY_MESSAGES = 5_000  # so many are indexed again in the background

_ENDED = "state NOT IN ('queued', 'waiting', 'streaming')"
_SOURCES = {  # table -> its id, and the row number and text in the index
    "conversations": f"SELECT id, id << {BITS}, title FROM conversations WHERE id < ? AND title != ''",
    "messages": f"SELECT id, (conversation << {BITS}) + number, text FROM messages "
    f"WHERE id < ? AND text != '' AND {_ENDED}",
}
_NO_SPACES = (  # scripts: Thai, Lao, Tibetan, Burmese, Khmer, Japanese, Chinese, Korean
    "\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f\U0001b000-\U0001b16f\U00020000-\U0003ffff"
)
_ALONE = re.compile(f"[{_NO_SPACES}]|[^\\w\\s]")  # of the second kind only some, see `_apart`
HAS_NO_SPACES = re.compile(f"[{_NO_SPACES}]")
_VARIATION = re.compile("[\ufe00-\ufe0f]")  # how an emoji is drawn


def searchable(text: str) -> str:
    """`text` as it is indexed: characters that are words of their own stand between separators."""
    return _ALONE.sub(_apart, _VARIATION.sub("", text))


def _apart(found: re.Match[str]) -> str:
    character = found[0]
    category = unicodedata.category(character)
    is_sign = character in SIGNS or (category[0] == "S" and character not in MARKUP) or category == "Cn"
    return f"{SEPARATOR}{character}{SEPARATOR}" if is_sign or HAS_NO_SPACES.match(character) else character


def create(connection: sqlite3.Connection) -> None:
    """Create the empty index.

    Each write adds a segment, and merging them can take long: maintenance.py does it in the background. Only after 400
    writes without that, a write merges them (FTS5 fails at 2,000).
    """
    connection.execute(f"CREATE VIRTUAL TABLE texts USING fts5 (text, columnsize = 0, prefix = '2 3', {TOKENIZER})")
    connection.execute("INSERT INTO texts (texts, rank) VALUES ('automerge', 0)")
    connection.execute("INSERT INTO texts (texts, rank) VALUES ('crisismerge', 400)")


def create_again(connection: sqlite3.Connection) -> None:
    """Replace an index of an earlier version; if it is large, `fill_step` does it, and both are searched until then."""
    connection.execute("CREATE TABLE index_backlog (source TEXT PRIMARY KEY, below INTEGER NOT NULL) STRICT")
    if connection.execute("SELECT count(*) FROM messages").fetchone()[0] < MANY_MESSAGES:
        connection.execute("DROP TABLE texts")
        create(connection)
        fill(connection)
        return
    connection.execute("ALTER TABLE texts RENAME TO old_texts")
    create(connection)
    for source in _SOURCES:
        connection.execute(f"INSERT INTO index_backlog SELECT ?, coalesce(max(id), 0) + 1 FROM {source}", (source,))


def fill(connection: sqlite3.Connection, conversation: int | None = None) -> None:
    """Index all stored texts except unfinished replies, or those of one conversation without its title."""
    sources = [f"SELECT (conversation << {BITS}) + number, text FROM messages WHERE {_ENDED}"]
    if conversation is None:
        connection.execute("DELETE FROM index_backlog")
        connection.execute("DROP TABLE IF EXISTS old_texts")
        sources.append(f"SELECT id << {BITS}, title FROM conversations")
    else:
        sources[0] += f" AND conversation = {conversation:d}"
    for source in sources:
        texts = ((row, searchable(text)) for row, text in connection.execute(source) if text)
        connection.executemany("INSERT INTO texts (rowid, text) VALUES (?, ?)", texts)


def fill_step(connection: sqlite3.Connection) -> bool:
    """Index the newest texts that `create_again` left, in a transaction of the caller; False if none are left."""
    row = connection.execute("SELECT source, below FROM index_backlog ORDER BY source").fetchone()
    if row is None:
        connection.execute("DROP TABLE IF EXISTS old_texts")
        return False
    source, below = row
    characters, read = 0, 0
    for identity, number, text in connection.execute(f"{_SOURCES[source]} ORDER BY id DESC", (below,)).fetchmany(
        STEP_TEXTS
    ):
        if connection.execute("SELECT 1 FROM texts WHERE rowid = ?", (number,)).fetchone() is None:  # not written since
            connection.execute("INSERT INTO texts (rowid, text) VALUES (?, ?)", (number, searchable(text)))
        below, characters, read = identity, characters + len(text), read + 1
        if characters > STEP_CHARACTERS:
            break
    if read:
        connection.execute("UPDATE index_backlog SET below = ? WHERE source = ?", (below, source))
    else:
        connection.execute("DELETE FROM index_backlog WHERE source = ?", (source,))
    return True


def put(connection: sqlite3.Connection, conversation: int, number: int, text: str) -> None:
    """Add or replace the text of a message (number 0: the title)."""
    row, text = (conversation << BITS) + number, searchable(text)
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
