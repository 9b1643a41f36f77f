"""Folders of the list of conversations. All writes are in a transaction of the caller, see `Store.writing`.

A conversation has the name of its folder, so a folder that is lost, or is in another file, loses no conversation.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from i3desk.conversations.serialization import encodable


@dataclass(frozen=True)
class Folder:
    """A folder; `folded` hides its conversations in the list."""

    name: str
    folded: bool = False


def read(connection: sqlite3.Connection) -> list[Folder]:
    """All folders."""
    rows = connection.execute("SELECT name, folded FROM folders").fetchall()
    return [Folder(name, bool(folded)) for name, folded in rows]


def put(connection: sqlite3.Connection, name: str, folded: bool = False) -> None:
    """Create a folder, or fold or unfold the one with this name."""
    connection.execute(
        "INSERT INTO folders (name, folded) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET folded = ?2",
        (encodable(name), folded),
    )


def rename(connection: sqlite3.Connection, old: str, new: str) -> None:
    """Give a folder a name that no other has."""
    connection.execute("UPDATE folders SET name = ?2 WHERE name = ?1", (old, encodable(new)))
    connection.execute("UPDATE conversations SET folder = ?2 WHERE folder = ?1", (old, encodable(new)))


def remove(connection: sqlite3.Connection, name: str) -> None:
    """Remove a folder; its conversations stay, without one."""
    connection.execute("DELETE FROM folders WHERE name = ?", (name,))
    connection.execute("UPDATE conversations SET folder = '' WHERE folder = ?", (name,))


def remove_all(connection: sqlite3.Connection) -> None:
    """Remove all folders that have no conversation."""
    connection.execute("DELETE FROM folders WHERE name NOT IN (SELECT folder FROM conversations)")


def move(connection: sqlite3.Connection, numbers: Iterable[int], name: str) -> None:
    """Move conversations to a folder, which is created if it is missing; "" for none."""
    name = encodable(name)
    if name:
        connection.execute("INSERT OR IGNORE INTO folders (name) VALUES (?)", (name,))
    connection.executemany("UPDATE conversations SET folder = ? WHERE id = ?", ((name, number) for number in numbers))
