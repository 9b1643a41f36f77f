"""Corrections of replies, and a short training on them."""
