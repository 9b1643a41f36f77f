"""Conversations in one SQLite file: tables, migrations, search, recovery, maintenance."""

from i3desk.conversations.store.maintenance import check, checkpoint, index_more, tidy
from i3desk.conversations.store.rows import ConversationRow, preview_of
from i3desk.conversations.store.search import Hit, search
from i3desk.conversations.store.store import Store

__all__ = ["ConversationRow", "Hit", "Store", "check", "checkpoint", "index_more", "preview_of", "search", "tidy"]
