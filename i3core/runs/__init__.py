"""The run folder on disk: its files, events, metrics log, readers and index."""
