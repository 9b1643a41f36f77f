"""The licences of what i3desk is made of: read from the installed packages, or as a packaged program brings them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from i3core import assets

_LICENCE_FILE = re.compile(r"(LICEN[CS]E|COPYING|NOTICE|AUTHORS)", re.IGNORECASE)
_SHORT = 60  # characters; a field `License` that is longer is the text itself


@dataclass(frozen=True)
class Licence:
    """What one part is licensed under.

    Attributes:
        name, version: of the part.
        licence: its short name, an SPDX expression where the part gives one.
        home: its page; "" if unknown.
        text: all its licence texts.
    """

    name: str
    version: str
    licence: str
    home: str
    text: str


def installed(distribution: str = "i3desk") -> list[Licence]:
    """Of an installed package, and after it those of everything that it needs here, by name. Reads files: not quick."""
    found: dict[str, metadata.Distribution] = {}
    waiting = [distribution]
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in found:
            continue
        try:
            part = metadata.distribution(name)
        except metadata.PackageNotFoundError:  # not needed on this system after all
            continue
        found[name] = part
        waiting += _requirements(part)
    first = canonicalize_name(distribution)
    return [_licence_of(found[name]) for name in sorted(found, key=lambda name: (name != first, name))]


def shipped() -> list[Licence]:
    """Those of this program: listed by its build if it is a packaged one, else of the installed packages."""
    listed = assets.path("licences.json")
    return from_json(listed.read_text(encoding="utf-8")) if listed.is_file() else installed()


def to_json(licences: list[Licence]) -> str:
    """What a build writes into `assets/licences.json`."""
    return json.dumps([asdict(licence) for licence in licences], indent=1, ensure_ascii=False)


def from_json(text: str) -> list[Licence]:
    """What `to_json` wrote."""
    return [Licence(**fields) for fields in json.loads(text)]


def _requirements(part: metadata.Distribution) -> Iterator[str]:
    for line in part.requires or ():
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield requirement.name


def _licence_of(part: metadata.Distribution) -> Licence:
    about = part.metadata
    short = _short_licence(about)
    text = "\n\n".join(_texts(part)) or f"The package brings no text; its licence is {short}."
    return Licence(about["Name"], part.version, short, _home(about), text)


def _short_licence(about: metadata.PackageMetadata) -> str:
    if expression := about.get("License-Expression"):
        return expression
    classified = [
        line.rpartition(" :: ")[2] for line in about.get_all("Classifier") or () if line.startswith("License :: ")
    ]
    field = (about.get("License") or "").strip()
    if field and len(field) <= _SHORT and "\n" not in field:
        return field
    return ", ".join(classified) or "see the text"


def _home(about: metadata.PackageMetadata) -> str:
    urls = dict(line.split(", ", 1) for line in about.get_all("Project-URL") or () if ", " in line)
    by_label = {label.lower(): url for label, url in urls.items()}
    wanted = (by_label.get(label) for label in ("homepage", "home", "source", "repository", "source code"))
    return about.get("Home-page") or next(filter(None, wanted), next(iter(urls.values()), ""))


def _texts(part: metadata.Distribution) -> Iterator[str]:
    """Each licence file once, with its name where there are several; equal texts once."""
    paths = [
        path
        for path in part.files or ()
        if ".dist-info" in path.parts[0]
        and path.suffix != ".py"
        and (_LICENCE_FILE.match(path.name) or "licenses" in path.parts[1:-1])
    ]
    seen = set()
    for path in sorted(paths, key=str):
        try:
            text = path.locate().read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            continue
        if text and text not in seen:
            seen.add(text)
            name = "/".join(part for part in path.parts[1:] if part not in ("licenses", "license_files"))
            yield text if len(paths) == 1 else f"--- {name}\n\n{text}"
