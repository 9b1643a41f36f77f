"""The files desktops expect beside a program (menu entry, types, icons, metadata, manuals), and its release notes."""

from __future__ import annotations

import gzip
import re
import shutil
import sys
import textwrap
import time
from pathlib import Path
from xml.sax.saxutils import escape

from manual_pages import manual_page

import i3desk.__main__
from i3core.cli.main import build_parser
from i3core.version import __version__

PACKAGING = Path(__file__).resolve().parent
LINUX = PACKAGING / "linux"
MAINTAINER = "The i3desk project <i3desk@users.noreply.github.com>"


def releases() -> list[tuple[str, str, list[str]]]:
    """(version, date, changes) of each released version in CHANGELOG.md, the newest first."""
    text = (PACKAGING.parent / "CHANGELOG.md").read_text("utf-8")
    found = []
    for heading, body in re.findall(r"^## \[(.*?)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL):
        if heading.startswith("Unreleased"):
            continue
        release = re.fullmatch(r"(\S+)\] - (\d{4}-\d\d-\d\d)", heading.strip())
        if release is None:
            sys.exit(f"CHANGELOG.md: [{heading} is not a heading like [1.2.3] - 2026-01-31.")
        body = re.sub(r"^### .*$", "", body, flags=re.MULTILINE)
        changes = [" ".join(item.split()) for item in re.split(r"^- ", body, flags=re.MULTILINE)[1:]]
        found.append((release[1], release[2], changes))
    if not found or found[0][0] != __version__:
        sys.exit(f"The newest release in CHANGELOG.md is not {__version__}, the version in i3core/version.py.")
    return found


def changelog() -> str:
    """The releases in the format of Debian changelogs."""
    entries = []
    for version, date, changes in releases():
        when = time.strftime("%a, %d %b %Y 12:00:00 +0000", time.strptime(date, "%Y-%m-%d"))
        lines = "\n".join(
            textwrap.fill(change, 78, initial_indent="  * ", subsequent_indent="    ") for change in changes
        )
        entries.append(f"i3desk ({version}) unstable; urgency=medium\n\n{lines}\n\n -- {MAINTAINER}  {when}\n")
    return "\n".join(entries)


def metainfo() -> str:
    """The AppStream metadata with the releases."""
    items = []
    for version, date, changes in releases():
        listed = "".join(f"<li>{escape(change)}</li>" for change in changes)
        items.append(
            f'<release version="{version}" date="{date}"><description><ul>{listed}</ul></description></release>'
        )
    text = (LINUX / "io.github.i3desk.i3desk.metainfo.xml").read_text("utf-8")
    return text.replace("@RELEASES@", f"<releases>{''.join(items)}</releases>")


def write(path: Path, text: str, packed: bool = False) -> None:
    """Write a text file and its folders; if `packed`, as gzip without a timestamp."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = text.encode()
    path.write_bytes(gzip.compress(data, 9, mtime=0) if packed else data)


def lay_out_share(share: Path, icons: Path) -> None:
    """Write the menu entry, file types, icons, AppStream metadata and manual pages."""
    date = releases()[0][1]
    write(share / "applications" / "i3desk.desktop", (LINUX / "i3desk.desktop").read_text("utf-8"))
    write(share / "mime" / "packages" / "i3desk.xml", (LINUX / "i3desk-mime.xml").read_text("utf-8"))
    write(share / "metainfo" / "io.github.i3desk.i3desk.metainfo.xml", metainfo())
    for picture in icons.glob("*.png"):
        target = share / "icons" / "hicolor" / f"{picture.stem}x{picture.stem}" / "apps" / "i3desk.png"
        target.parent.mkdir(parents=True)
        shutil.copyfile(picture, target)
    svg = (PACKAGING.parent / "assets" / "icons" / "i3desk.svg").read_text("utf-8")
    write(share / "icons" / "hicolor" / "scalable" / "apps" / "i3desk.svg", svg)
    for name, summary, parser in (
        ("i3desk", "chat with an i3 language model in a window", i3desk.__main__.build_parser()),
        ("i3core", "chat with, train and convert i3 language models", build_parser()),
    ):
        write(
            share / "man" / "man1" / f"{name}.1.gz", manual_page(name, summary, parser, date, __version__), packed=True
        )
