"""Corrections of replies, and training on them."""
