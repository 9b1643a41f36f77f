"""Curves of a run: series, plots, dashboard, export as PNG and CSV."""
