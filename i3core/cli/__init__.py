"""The `i3core` command: a module for each group of commands, put together in `main`."""

from .main import build_parser, main

__all__ = ["build_parser", "main"]
