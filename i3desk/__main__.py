"""Command line of the window: `i3desk [PATH ...] [--model FOLDER] [--theme system|light|dark] [--smoke]`.

`i3desk i3core ...` runs i3core's command line instead. The packaged program starts its child processes this way.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys

from i3core.system.priority import set_torch_environment


def main(argv: list[str] | None = None) -> int:
    """Run the window, the smoke test or i3core's command line; returns the exit status."""
    multiprocessing.freeze_support()
    set_torch_environment()
    arguments = sys.argv[1:] if argv is None else argv
    if arguments[:1] == ["i3core"]:
        from i3core.cli.main import main as i3core_main

        return int(i3core_main(arguments[1:]) or 0)

    options = build_parser().parse_args(arguments)  # exits by itself on `--help` and on errors
    from i3desk import language
    from i3desk.paths import Paths

    language.start(Paths.of_user().settings_file)  # before the pages are imported, whose constants are translated too
    if options.smoke:
        from i3desk.smoke_test import run_smoke

        return run_smoke(options.model)

    from i3desk.app import run

    return run(options.model, options.theme, options.paths)


def build_parser() -> argparse.ArgumentParser:
    """Options of the window."""
    from i3core.version import __version__

    parser = argparse.ArgumentParser(prog="i3desk", description="Chat with an i3 language model on your own computer.")
    parser.add_argument("--version", action="version", version=f"i3desk {__version__}")
    parser.add_argument("paths", metavar="PATH", nargs="*", help="open a model folder, text to train on, or a chat")
    parser.add_argument(
        "--model", metavar="FOLDER", help="a model folder; without it, the model that comes with i3desk"
    )
    parser.add_argument("--theme", choices=("system", "light", "dark"), help="colours; without it, the saved choice")
    parser.add_argument("--smoke", action="store_true", help="open, chat, train two steps, close, print one JSON line")
    return parser


if __name__ == "__main__":
    sys.exit(main())
