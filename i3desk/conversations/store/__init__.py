"""Conversations in one SQLite file: tables, migrations, search, recovery, maintenance, stand-ins, daily copies."""

from i3desk.conversations.store.database import StoreBusyError, StoreDamagedError
from i3desk.conversations.store.folders import Folder
from i3desk.conversations.store.maintenance import check, checkpoint, index_more, tidy
from i3desk.conversations.store.rows import ConversationRow, preview_of
from i3desk.conversations.store.search import Hit, search
from i3desk.conversations.store.store import KEPT_S, Store

__all__ = [
    "KEPT_S",
    "ConversationRow",
    "Folder",
    "Hit",
    "Store",
    "StoreBusyError",
    "StoreDamagedError",
    "check",
    "checkpoint",
    "index_more",
    "preview_of",
    "search",
    "tidy",
]
