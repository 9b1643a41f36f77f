"""Curves of a run: series, plots, and the panel that shows them."""
