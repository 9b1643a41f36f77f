"""Conversations as plain data, their storage in SQLite, import and export."""
