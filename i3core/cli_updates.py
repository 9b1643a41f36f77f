"""`i3core updates`: whether there is a newer version."""

from __future__ import annotations

import argparse
import dataclasses

from . import __version__
from .terminal import print_json


def add_updates(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "Asks for one public page and sends nothing about you, this computer or this version. Nothing is downloaded "
        "or installed. I3DESK_UPDATES_URL names another page; empty, it switches this off."
    )


def updates(arguments: argparse.Namespace) -> None:
    from .updates import is_newer, latest_release

    release = latest_release()
    newer = is_newer(release)
    if arguments.json:
        print_json({"current": __version__, "newer": newer, **dataclasses.asdict(release)})
    elif not newer:
        print(f"i3desk {__version__} is the newest.")
    else:
        published = f", published {release.published}" if release.published else ""
        print(f"i3desk {release.version} is there{published}; this is {__version__}.", release.page, sep="\n")
        if release.notes:
            print("", release.notes, sep="\n")
