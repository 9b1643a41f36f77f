"""The Models page: catalog, model cards, downloads, file tasks."""
