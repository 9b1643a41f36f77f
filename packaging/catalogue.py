"""Texts of the window for translators: `python packaging/catalogue.py` writes the catalogues again.

It collects what `tr` and `trn` are called with, writes `i3desk/locale/i3desk.pot`, brings each `i3desk.po` up to date
(new texts are empty, those no longer used are removed) and compiles it to the `.mo` that the window reads.
"""

from __future__ import annotations

import ast
import struct
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCALE = ROOT / "i3desk" / "locale"
TEMPLATE = LOCALE / "i3desk.pot"
HEADER = """Content-Type: text/plain; charset=UTF-8
Content-Transfer-Encoding: 8bit
"""
PLURALS = {"de": "nplurals=2; plural=(n != 1);"}  # a rule for each language, as gettext writes it

Key = tuple[str, str]  # a text, and its plural or ""
Catalogue = dict[Key, tuple[str, ...]]


def texts() -> dict[Key, list[str]]:
    """Texts of the window and of the settings that it shows, with the modules that have them."""
    found: dict[Key, list[str]] = {}

    def note(key: Key, place: str) -> None:
        places = found.setdefault(key, [])
        if key[0] and place not in places:
            places.append(place)

    for path in sorted((ROOT / "i3desk").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("tr", "trn"):
                place = path.relative_to(ROOT).as_posix()
                for key in _keys(node):
                    note(key, place)
    for setting in _settings():
        for text in filter(None, (setting.label, setting.tooltip)):
            note((text, ""), "i3core")
    return found


def _keys(call: ast.Call) -> list[Key]:
    """What a call of `tr` or `trn` can ask for."""
    if isinstance(call.func, ast.Name) and call.func.id == "tr":
        return [(text, "") for text in _literals(call.args[0])]
    return [(one, many) for one in _literals(call.args[0]) for many in _literals(call.args[1])]


def _literals(node: ast.expr) -> list[str]:
    return [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []


def _settings() -> list:
    sys.path.insert(0, str(ROOT))
    from i3core.generation.config import SAMPLING_SETTINGS
    from i3core.training.config import TRAINING_SETTINGS

    return [*SAMPLING_SETTINGS, *TRAINING_SETTINGS]


def read(path: Path) -> Catalogue:
    """Entries of a catalogue: the translations by text and plural."""
    entries: Catalogue = {}
    fields: dict[str, str] = {}
    field = ""

    def close() -> None:
        if fields.get("msgid"):
            given = tuple(fields[name] for name in sorted(fields) if name.startswith("msgstr"))
            entries[fields["msgid"], fields.get("msgid_plural", "")] = given
        fields.clear()

    for line in [*path.read_text(encoding="utf-8").splitlines(), ""]:
        if line.startswith("msg"):
            field, _, line = line.partition(" ")
            if field == "msgid":
                close()
            fields[field] = ""
        if line.startswith('"'):
            fields[field] += ast.literal_eval(line)
    close()
    return entries


def write(path: Path, entries: Catalogue, places: dict[Key, list[str]], language: str = "") -> None:
    """Write a catalogue in the format of gettext."""
    lines = ["# Texts of i3desk. Written by packaging/catalogue.py.", 'msgid ""', 'msgstr ""']
    lines += [f'"{line}\\n"' for line in header(language).splitlines()]
    for (text, plural), given in entries.items():
        lines += ["", *(f"#: {place}" for place in places[text, plural]), f"msgid {_quoted(text)}"]
        if plural:
            lines += [
                f"msgid_plural {_quoted(plural)}",
                *(f"msgstr[{n}] {_quoted(each)}" for n, each in enumerate(given)),
            ]
        else:
            lines.append(f"msgstr {_quoted(given[0])}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def header(language: str) -> str:
    """The first entry of a catalogue."""
    return HEADER + (f"Language: {language}\nPlural-Forms: {PLURALS[language]}\n" if language else "")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'


def compiled(entries: Catalogue, language: str) -> bytes:
    """A catalogue in the binary format of gettext; texts without a translation are left out."""
    pairs = {b"": header(language).encode()}
    for (text, plural), given in entries.items():
        if all(given):
            pairs["\0".join(filter(None, (text, plural))).encode()] = "\0".join(given).encode()
    keys = sorted(pairs)
    position = 28 + 16 * len(keys)  # after the head and two tables of lengths and places
    tables = data = b""
    for value in (*keys, *(pairs[key] for key in keys)):
        tables += struct.pack("<2I", len(value), position + len(data))
        data += value + b"\0"
    return struct.pack("<7I", 0x950412DE, 0, len(keys), 28, 28 + 8 * len(keys), 0, position) + tables + data


def main() -> None:
    places = texts()
    write(TEMPLATE, {key: ("", "") if key[1] else ("",) for key in places}, places)
    for language in PLURALS:
        path = LOCALE / language / "LC_MESSAGES" / "i3desk.po"
        old = read(path) if path.exists() else {}
        new = {key: old.get(key, ("", "") if key[1] else ("",)) for key in places}
        write(path, new, places, language)
        path.with_suffix(".mo").write_bytes(compiled(new, language))


if __name__ == "__main__":
    main()
