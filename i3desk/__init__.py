"""The window of i3desk. Importing this package imports neither Qt nor torch."""
