"""`i3core models`, `download`, `verify` and `updates`: the models of this computer, and what is new."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..checkpoints import registry
from ..errors import I3Error
from ..model.block_kinds import layer_counts, parse_blocks
from ..system import assets
from ..system.humanize import size_text
from ..version import __version__
from .options import Commands, add_command, add_json, add_model
from .output import print_json, progress_bar

if TYPE_CHECKING:
    from ..hub.download import DownloadProgress

DOWNLOAD_EPILOG = (
    "An interrupted download continues where it stopped when the command is given again. Besides this command, only "
    "`push`, `hub-login`, `updates` and data sets of the hub use the network. HF_ENDPOINT names another hub."
)
UPDATES_EPILOG = (
    "Requests one public page and sends nothing about you, this computer or this version. Nothing is downloaded or "
    "installed. I3DESK_UPDATES_URL names another page; empty, it switches this off."
)


def add_models(commands: Commands) -> None:
    add_json(add_command(commands, "models", models, "list the bundled and downloaded models of this computer"))


def add_download(commands: Commands) -> None:
    summary = "download a model from the Hugging Face hub"
    parser = add_command(commands, "download", download, summary, epilog=DOWNLOAD_EPILOG)
    add_json(parser, "print progress and result as JSON lines")
    add = parser.add_argument
    add("name", metavar="NAME", help="AUTHOR/NAME on the hub, or i3-80m or i3-200m")
    add("--to", metavar="FOLDER", help="where to create the model's folder (default: the user's models)")
    add("--revision", default="main", metavar="R", help="branch, tag or commit (default: %(default)s)")
    add("--replace", action="store_true", help="discard an unfinished download of another model of the same name")


def add_verify(commands: Commands) -> None:
    parser = add_command(commands, "verify", verify, "check a model's files against their checksums, and load it")
    add_json(parser)
    add_model(parser)


def add_updates(commands: Commands) -> None:
    summary = "check for a newer version of i3desk"
    add_json(add_command(commands, "updates", updates, summary, epilog=UPDATES_EPILOG))


def models(arguments: argparse.Namespace) -> None:
    from ..checkpoints.model_info import inspect

    found: list[dict[str, Any]] = []
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
        layers = layer_counts(parse_blocks(facts["blocks"]))
        licence = facts["licence"] or "licence not stated"
        print(
            f"{facts['name']:20} {facts['origin']:10} {facts['parameters']:>13,} parameters  {layers:>7} layers  "
            f"window {facts['window']:>5}  {size_text(facts['file_bytes']):>9}  {licence}"
        )
    for part in unfinished:
        share = part.done_bytes / max(part.total_bytes, 1)
        revision = "" if part.revision == "main" else f" --revision {part.revision}"
        print(f"{part.name:20} {share:.0%} downloaded; continue with `i3core download {part.repo}{revision}`")


def download(arguments: argparse.Namespace) -> None:
    from ..hub.download import download as download_model

    with _progress(arguments.json) as show:
        folder = download_model(arguments.name, arguments.to, arguments.revision, show, replace=arguments.replace)
    assert folder is not None, "only a window cancels downloads"
    if arguments.json:
        print_json({"event": "done", "folder": str(folder), "name": folder.name})
    else:
        print(f"{folder.name} is in {folder}")


@contextmanager
def _progress(as_json: bool) -> Iterator[Callable[[DownloadProgress], None]]:
    """A function that shows the progress of a download: JSON lines, or a bar on a terminal."""
    if as_json:
        yield lambda progress: print_json({"event": "progress", **_rounded(dataclasses.asdict(progress))})
        return
    with progress_bar(None, "B", "downloading", scale=True) as bar:

        def show(progress: DownloadProgress) -> None:
            bar.total, bar.n = progress.total_bytes, progress.done_bytes
            bar.set_description(progress.file, refresh=False)
            bar.refresh()

        yield show


def _rounded(content: dict[str, Any]) -> dict[str, Any]:
    return {key: round(value, 1) if isinstance(value, float) else value for key, value in content.items()}


def verify(arguments: argparse.Namespace) -> None:
    from ..checkpoints.checksums import check_files, read_checksums

    folder = registry.find(arguments.model)
    sums = read_checksums(folder)
    if sums is not None:
        total = sum(size for _, size in sums.files.values())
        with progress_bar(total, "B", "reading", scale=True) as bar:
            check_files(folder, sums, bar.update)
    from ..checkpoints.checkpoint import load

    model = load(folder, "cpu", "float32")  # reads every value, and refuses wrong shapes and values that are not finite
    if arguments.json:
        print_json(
            {
                "folder": str(folder),
                "name": model.name,
                "checksums": sums is not None,
                "files": len(sums.files) if sums else 0,
                "source": sums.source if sums else "",
                "revision": sums.revision if sums else "",
                "parameters": model.parameters,
                "warnings": list(model.warnings),
            }
        )
        return
    files = f"its {len(sums.files)} files match their checksums" if sums else "it has no checksums to compare with"
    print(f"{model.name}: {files}; all {model.parameters:,} weights can be read and are finite numbers.")


def updates(arguments: argparse.Namespace) -> None:
    from ..net.releases import is_newer, latest_release

    release = latest_release()
    newer = is_newer(release)
    if arguments.json:
        print_json({"current": __version__, "newer": newer, **dataclasses.asdict(release)})
    elif not newer:
        print(f"i3desk {__version__} is the newest version.")
    else:
        published = f", published {release.published}" if release.published else ""
        print(f"i3desk {release.version} is available{published}; this is {__version__}.", release.page, sep="\n")
        if release.notes:
            print("", release.notes, sep="\n")
