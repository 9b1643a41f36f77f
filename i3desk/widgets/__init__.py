"""Widgets that several pages share; they know nothing of models or runs."""
