"""The store of conversations: SQLite in one file, written from the GUI thread, searched and tidied from another."""

from i3desk.store.conversations import ConversationRow, Store, preview_of
from i3desk.store.search import Hit, search
from i3desk.store.upkeep import check, checkpoint, tidy

__all__ = ["ConversationRow", "Hit", "Store", "check", "checkpoint", "preview_of", "search", "tidy"]
