"""`i3core models`, `download` and `verify`: the models of this computer, and getting more."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..checkpoints import registry
from ..errors import I3Error
from ..system import assets
from .output import print_json, progress_bar

if TYPE_CHECKING:
    from ..hub.download import DownloadProgress
from ..version import __version__


def add_download(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "What is cut off, by the network or by ending this command, goes on where it stopped when the command is "
        "given again. Besides this command, `push`, `hub-login` and `updates` use the network. HF_ENDPOINT names "
        "another hub."
    )
    parser.add_argument("name", metavar="NAME", help="AUTHOR/NAME on the hub, or i3-80m")
    parser.add_argument(
        "--to", metavar="FOLDER", help="folder to make the model's folder in (default: the user's models)"
    )
    parser.add_argument("--revision", default="main", metavar="R", help="branch, tag or commit (default: %(default)s)")
    parser.add_argument(
        "--replace", action="store_true", help="give up an unfinished download of another model of the same name"
    )


def download(arguments: argparse.Namespace) -> None:
    from ..hub.download import download as download_model

    with _shown(arguments.json) as show:
        folder = download_model(arguments.name, arguments.to, arguments.revision, show, replace=arguments.replace)
    assert folder is not None, "nobody can cancel it"
    if arguments.json:
        print_json({"event": "done", "folder": str(folder), "name": folder.name})
    else:
        print(f"{folder.name} is in {folder}")


@contextmanager
def _shown(as_json: bool) -> Iterator[Callable[[DownloadProgress], None]]:
    """A function that shows where a download is: JSON lines, or a bar on a terminal."""
    if as_json:
        yield lambda progress: print_json({"event": "progress", **_rounded(dataclasses.asdict(progress))})
        return
    with progress_bar(None, "B", "downloading", scale=True) as bar:

        def show(progress: DownloadProgress) -> None:
            bar.total, bar.n = progress.total_bytes, progress.done_bytes
            bar.set_description(progress.file, refresh=False)
            bar.refresh()

        yield show


def _rounded(content: dict) -> dict:
    return {key: round(value, 1) if isinstance(value, float) else value for key, value in content.items()}


def models(arguments: argparse.Namespace) -> None:
    from ..checkpoints.model_info import inspect

    found = []
    for origin, folders in (("bundled", assets.models()), ("downloaded", registry.downloaded())):
        for folder in folders.values():
            try:
                found.append({"origin": origin, **inspect(folder).to_json()})
            except I3Error as error:
                found.append({"origin": origin, "name": folder.name, "folder": str(folder), "error": str(error)})
    unfinished = registry.interrupted()
    if arguments.json:
        rest = [{**dataclasses.asdict(part), "folder": str(part.folder)} for part in unfinished]
        print_json({"models": found, "interrupted": rest, "models_folder": str(registry.models_folder())})
        return
    for facts in found:
        if "error" in facts:
            print(f"{facts['name']:20} {facts['error']}")
            continue
        layers = f"{facts['hybrid_layers']} + {facts['attention_layers']}"
        licence = facts["licence"] or "licence not stated"
        print(
            f"{facts['name']:20} {facts['origin']:10} {facts['parameters']:>13,} parameters  {layers:>7} layers  "
            f"window {facts['window']:>5}  {facts['file_bytes'] / 1e6:8.1f} MB  {licence}"
        )
    for part in unfinished:
        share = part.done_bytes / max(part.total_bytes, 1)
        revision = "" if part.revision == "main" else f" --revision {part.revision}"
        print(f"{part.name:20} {share:.0%} downloaded; go on with `i3core download {part.repo}{revision}`")


def verify(arguments: argparse.Namespace) -> None:
    from ..checkpoints.checksums import check_files, read_checksums

    folder = registry.find(arguments.model)
    sums = read_checksums(folder)
    if sums is not None:
        total = sum(size for _, size in sums.files.values())
        with progress_bar(total, "B", "reading", scale=True) as bar:
            check_files(folder, sums, bar.update)
    from ..checkpoints.checkpoint import load

    model = load(folder, "cpu", "float32")  # reads every value, and refuses what is not finite or does not fit
    content = {
        "folder": str(folder),
        "name": model.name,
        "checksums": sums is not None,
        "files": len(sums.files) if sums else 0,
        "source": sums.source if sums else "",
        "revision": sums.revision if sums else "",
        "parameters": model.parameters,
        "warnings": list(model.warnings),
    }
    if arguments.json:
        print_json(content)
        return
    checked = (
        f"its {len(sums.files)} files are as their checksums say" if sums else "it has no checksums to compare with"
    )
    print(f"{model.name}: {checked}; all {model.parameters:,} weights can be read and are finite numbers.")


"""`i3core updates`: whether there is a newer version."""


def add_updates(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "Asks for one public page and sends nothing about you, this computer or this version. Nothing is downloaded "
        "or installed. I3DESK_UPDATES_URL names another page; empty, it switches this off."
    )


def updates(arguments: argparse.Namespace) -> None:
    from ..net.releases import is_newer, latest_release

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
