"""The included software and its licences, collected from the metadata of the installed packages.

A packaged program has the list as `assets/licences.json`, which its build wrote with `installed` and `to_json`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from importlib import metadata
from pathlib import Path, PurePosixPath

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from i3core.errors import I3Error
from i3core.system import assets
from i3desk.language import tr

OWN = "i3desk"
FILE = "licences.json"  # in the assets of a packaged program
_BEGINNINGS = ("license", "licence", "copying", "notice", "authors")
_NO_TEXTS = (".py", ".pyc", ".pyi", ".h", ".hpp", ".so", ".dll", ".json", ".svg", ".png")
_CLASSIFIER = "License :: "
_HOME_LABELS = ("homepage", "home", "home page", "source", "source code", "repository", "documentation")


@dataclass(frozen=True)
class Licence:
    """A package and its licence.

    Attributes:
        licence: short name, such as "Apache-2.0".
        home: address of the package's page; may be empty.
        text: text of all licence files, or a sentence that says that there is none.
    """

    name: str
    version: str
    licence: str
    home: str
    text: str


def shipped() -> list[Licence]:
    """The packages in this program: the list of its build, or the packages installed here."""
    path = assets.path(FILE)
    if not path.is_file():
        return installed()
    try:
        return from_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise I3Error(
            tr("The list of licences cannot be read: {error}.").format(error=error), tr("Reinstall i3desk.")
        ) from error


def installed(distribution: str = OWN, extras: Iterable[str] = ()) -> list[Licence]:
    """A distribution, followed by its direct and indirect dependencies in order of name.

    Only requested extras count. Raises I3Error if the distribution itself is not installed.
    """
    root, *others = _needed(distribution, frozenset(extras))
    found = [_licence(each) for each in others]
    return [_licence(root), *sorted(found, key=lambda each: each.name.casefold())]


def to_json(licences: list[Licence]) -> str:
    """The list as text for `from_json`."""
    return json.dumps([asdict(each) for each in licences], ensure_ascii=False, indent=1) + "\n"


def from_json(text: str) -> list[Licence]:
    """Read a list that `to_json` wrote. Raises ValueError for any other text."""
    content = json.loads(text)
    names = {field.name for field in fields(Licence)}
    if not isinstance(content, list) or not content:
        raise ValueError("it is not a list of licences")
    for each in content:
        if not isinstance(each, dict) or set(each) != names or not all(isinstance(v, str) for v in each.values()):
            raise ValueError("one of its entries is not a licence")
    return [Licence(**each) for each in content]


def _needed(name: str, extras: frozenset[str]) -> list[metadata.Distribution]:
    """The distribution with all dependencies of it and of these extras, each once."""
    try:
        found = {canonicalize_name(name): metadata.distribution(name)}
    except metadata.PackageNotFoundError as error:
        raise I3Error(
            tr("{name} is not installed as a package.").format(name=name), tr("Install it: `pip install -e .`")
        ) from error
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
            except metadata.PackageNotFoundError:  # an optional dependency
                continue
            found.setdefault(key[0], needed)
            waiting.append((needed, key[1]))
    return list(found.values())


def _applies(requirement: Requirement, extras: frozenset[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras))


def _licence(distribution: metadata.Distribution) -> Licence:
    fields = distribution.metadata
    short = _short_name(fields)
    text = _text(distribution) or (_own_text() if fields["Name"] == OWN else "")
    if not text:
        text = (
            tr("The package has no text; its licence is {short}.").format(short=short)
            if short
            else tr("The package states no licence.")
        )
    return Licence(fields["Name"], distribution.version, short or tr("not stated"), _home(fields), text)


def _field(fields: metadata.PackageMetadata, name: str) -> str:
    """A field of the metadata; empty if it is missing."""
    return str(fields[name] or "").strip() if name in fields else ""


def _short_name(fields: metadata.PackageMetadata) -> str:
    """Name of the licence; a field that holds a whole text is ignored."""
    for name in ("License-Expression", "License"):
        value = _field(fields, name)
        if value and value.upper() != "UNKNOWN" and "\n" not in value and len(value) <= 200:
            return value
    lines = [line for line in fields.get_all("Classifier") or () if line.startswith(_CLASSIFIER)]
    names = [line.rpartition(" :: ")[2] for line in lines if line.count(" :: ") > 1 or len(lines) == 1]
    return " and ".join(names)


def _home(fields: metadata.PackageMetadata) -> str:
    """Address of the package's page; empty if there is none."""
    pages = {}
    for line in fields.get_all("Project-URL") or ():
        label, _, address = line.partition(",")
        pages.setdefault(label.strip().casefold(), address.strip())
    wanted = [_field(fields, "Home-page"), *(pages.get(label, "") for label in _HOME_LABELS), *pages.values()]
    return next((each for each in wanted if each.startswith(("https://", "http://"))), "")


def _text(distribution: metadata.Distribution) -> str:
    """Texts of all licence files, each once, below the names of its files."""
    names: dict[str, list[str]] = {}
    for name, text in _files(distribution):
        if text.strip():
            names.setdefault(text.strip("\n").replace("\r\n", "\n"), []).append(name)
    if len(names) <= 1:
        return next(iter(names), "")
    parts = [f"{', '.join(files)}\n{'-' * min(80, len(', '.join(files)))}\n\n{text}" for text, files in names.items()]
    return "\n\n\n".join(parts)


def _files(distribution: metadata.Distribution) -> Iterator[tuple[str, str]]:
    """Names and texts of licence files: declared ones first, then those named like one."""
    declared = set()
    for name in distribution.metadata.get_all("License-File") or ():
        try:
            text = distribution.read_text(f"licenses/{name}") or distribution.read_text(name)
        except UnicodeDecodeError:  # it is read below, with replacement characters
            continue
        if text:
            declared.add(name)
            yield name, text
    for path in distribution.files or ():
        name = path.as_posix().partition(".dist-info/")[2].removeprefix("licenses/") or path.as_posix()
        if name not in declared and (".dist-info/licenses/" in path.as_posix() or _is_licence(path)):
            try:
                yield name, Path(str(path.locate())).read_text(encoding="utf-8", errors="replace")
            except OSError:  # listed, but missing from the package
                continue


def _is_licence(path: PurePosixPath) -> bool:
    return path.name.casefold().startswith(_BEGINNINGS) and path.suffix.casefold() not in _NO_TEXTS


def _own_text() -> str:
    """The licence of i3desk itself, when it runs from its source."""
    path = assets.root().parent / "LICENSE"
    return path.read_text(encoding="utf-8") if path.is_file() else ""
