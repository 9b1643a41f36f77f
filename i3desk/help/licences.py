"""Whose work is inside, and under which licences: collected from what the installed packages say about themselves.

A packaged program carries the list as `assets/licences.json`, which its build wrote with `installed` and `to_json`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from importlib import metadata
from pathlib import PurePosixPath

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from i3core.errors import I3Error
from i3core.system import assets

OWN = "i3desk"
FILE = "licences.json"  # in the assets of a packaged program
_BEGINNINGS = ("license", "licence", "copying", "notice", "authors")
_NO_TEXTS = (".py", ".pyc", ".pyi", ".h", ".hpp", ".so", ".dll", ".json", ".svg", ".png")
_CLASSIFIER = "License :: "
_HOME_LABELS = ("homepage", "home", "home page", "source", "source code", "repository", "documentation")


@dataclass(frozen=True)
class Licence:
    """A piece of software and its licence.

    Attributes:
        licence: its short name, as in "Apache-2.0".
        home: address of its page; may be empty.
        text: all that its licence files say, or a sentence that says that there is none.
    """

    name: str
    version: str
    licence: str
    home: str
    text: str


def shipped() -> list[Licence]:
    """What this program is made of: as its build wrote it down, or else as it is installed here."""
    path = assets.path(FILE)
    if not path.is_file():
        return installed()
    try:
        return from_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise I3Error(f"The list of licences cannot be read: {error}.", "Install i3desk again.") from error


def installed(distribution: str = OWN, extras: Iterable[str] = ()) -> list[Licence]:
    """A distribution, then everything that it needs and that its needs need, by name.

    Extras count only where somebody asks for them. Raises I3Error if the distribution itself is not installed.
    """
    root, *others = _needed(distribution, frozenset(extras))
    found = [_licence(each) for each in others]
    return [_licence(root), *sorted(found, key=lambda each: each.name.casefold())]


def to_json(licences: list[Licence]) -> str:
    """A list as text, for `from_json`."""
    return json.dumps([asdict(each) for each in licences], ensure_ascii=False, indent=1) + "\n"


def from_json(text: str) -> list[Licence]:
    """The list that `to_json` wrote. Raises ValueError for anything else."""
    content = json.loads(text)
    names = {field.name for field in fields(Licence)}
    if not isinstance(content, list) or not content:
        raise ValueError("it is no list of licences")
    for each in content:
        if not isinstance(each, dict) or set(each) != names or not all(isinstance(v, str) for v in each.values()):
            raise ValueError("one of its entries is no licence")
    return [Licence(**each) for each in content]


def _needed(name: str, extras: frozenset[str]) -> list[metadata.Distribution]:
    """The distribution of this name, and all that it and these extras of it need on this machine, each once."""
    try:
        found = {canonicalize_name(name): metadata.distribution(name)}
    except metadata.PackageNotFoundError as error:
        raise I3Error(f"{name} is not installed as a package.", "Install it: `pip install -e .`") from error
    waiting: list[tuple[metadata.Distribution, frozenset[str]]] = [(found[canonicalize_name(name)], extras)]
    seen = set()
    while waiting:
        distribution, extras = waiting.pop()
        for requirement in map(Requirement, distribution.requires or ()):
            key = (canonicalize_name(requirement.name), frozenset(requirement.extras))
            if key in seen or not _applies(requirement, extras):
                continue
            seen.add(key)
            try:
                needed = metadata.distribution(requirement.name)
            except metadata.PackageNotFoundError:  # a library that works without it
                continue
            found.setdefault(key[0], needed)
            waiting.append((needed, key[1]))
    return list(found.values())


def _applies(requirement: Requirement, extras: frozenset[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras))


def _licence(distribution: metadata.Distribution) -> Licence:
    said = distribution.metadata
    short = _short_name(said)
    text = _text(distribution) or (_own_text() if said["Name"] == OWN else "")
    if not text:
        text = f"The package brings no text; its licence is {short}." if short else "The package states no licence."
    return Licence(said["Name"], distribution.version, short or "not stated", _home(said), text)


def _short_name(said: metadata.PackageMetadata) -> str:
    """The licence's name; a whole text in that field is not one."""
    for field in ("License-Expression", "License"):
        value = (said.get(field) or "").strip()
        if value and value.upper() != "UNKNOWN" and "\n" not in value and len(value) <= 200:
            return value
    lines = [line for line in said.get_all("Classifier") or () if line.startswith(_CLASSIFIER)]
    names = [line.rpartition(" :: ")[2] for line in lines if line.count(" :: ") > 1 or len(lines) == 1]
    return " and ".join(names)


def _home(said: metadata.PackageMetadata) -> str:
    """Its page on the web, as far as it says."""
    pages = {}
    for line in said.get_all("Project-URL") or ():
        label, _, address = line.partition(",")
        pages.setdefault(label.strip().casefold(), address.strip())
    wanted = [said.get("Home-page") or "", *(pages.get(label, "") for label in _HOME_LABELS), *pages.values()]
    return next((each for each in wanted if each.startswith(("https://", "http://"))), "")


def _text(distribution: metadata.Distribution) -> str:
    """All its licence files, each text once, below the names of the files that have it."""
    names: dict[str, list[str]] = {}
    for name, text in _files(distribution):
        if text.strip():
            names.setdefault(text.strip("\n").replace("\r\n", "\n"), []).append(name)
    if len(names) <= 1:
        return next(iter(names), "")
    parts = [f"{', '.join(files)}\n{'-' * min(80, len(', '.join(files)))}\n\n{text}" for text, files in names.items()]
    return "\n\n\n".join(parts)


def _files(distribution: metadata.Distribution) -> Iterator[tuple[str, str]]:
    """Names and texts: what it declares first, then what is named like a licence."""
    told = set()
    for name in distribution.metadata.get_all("License-File") or ():
        try:
            text = distribution.read_text(f"licenses/{name}") or distribution.read_text(name)
        except UnicodeDecodeError:  # read below, as well as it goes
            continue
        if text:
            told.add(name)
            yield name, text
    for path in distribution.files or ():
        name = path.as_posix().partition(".dist-info/")[2].removeprefix("licenses/") or path.as_posix()
        if name not in told and (".dist-info/licenses/" in path.as_posix() or _is_licence(path)):
            try:
                yield name, path.locate().read_text(encoding="utf-8", errors="replace")
            except OSError:  # listed, but left out by whoever packaged it
                continue


def _is_licence(path: PurePosixPath) -> bool:
    return path.name.casefold().startswith(_BEGINNINGS) and path.suffix.casefold() not in _NO_TEXTS


def _own_text() -> str:
    """The licence of i3desk itself, where it runs from its source."""
    path = assets.root().parent / "LICENSE"
    return path.read_text(encoding="utf-8") if path.is_file() else ""
