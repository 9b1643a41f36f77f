"""The window in other languages: complete catalogues, the language that is chosen, numbers and dates."""

from __future__ import annotations

import ast
import gettext
import io
import json
import re
import subprocess
import sys

import pytest
from paths import REPOSITORY

from i3desk import humanize, language

sys.path.append(str(REPOSITORY / "packaging"))
import catalogue

PO = language.FOLDER / "de" / "LC_MESSAGES" / "i3desk.po"
SHOWN_BY = {  # calls whose literal arguments people see
    "setText", "setToolTip", "setPlaceholderText", "setWindowTitle", "setAccessibleName", "setInformativeText",
    "tooltip_text", "addAction", "addMenu", "QLabel", "show_message",
}  # fmt: skip


@pytest.fixture
def german():
    language.use("de")
    yield
    language.use(language.SOURCE)


def places(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)[^}]*\}", text))


def test_template_has_every_text_of_the_window():
    assert list(catalogue.read(catalogue.TEMPLATE)) == list(catalogue.texts())


def test_every_text_is_translated_with_the_same_places():
    entries = catalogue.read(PO)
    assert list(entries) == list(catalogue.texts())
    for (text, plural), given in entries.items():
        assert all(given), text
        assert places(given[-1]) == places(plural or text), text


def test_compiled_catalogue_equals_its_source():
    entries = catalogue.read(PO)
    compiled = PO.with_suffix(".mo").read_bytes()
    assert compiled == catalogue.compiled(entries, "de")
    texts = gettext.GNUTranslations(io.BytesIO(compiled))
    assert texts.gettext("Send") == "Senden"
    assert texts.ngettext("{n} token", "{n} tokens", 2) == "{n} Token"


def test_no_text_is_shown_without_translation():
    found = []
    for path in sorted((REPOSITORY / "i3desk").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            for each in node.args if name in SHOWN_BY else ():
                if isinstance(each, ast.Constant) and isinstance(each.value, str) and re.search("[a-z]{3}", each.value):
                    found.append(f"{path.relative_to(REPOSITORY)}:{each.lineno}: {each.value!r}")
    assert [each for each in found if "'i3desk'" not in each] == []


def test_numbers_and_dates_follow_the_language(german):
    assert language.figure(1234.5, ",.1f") == "1.234,5"
    assert language.trn("{n} token", "{n} tokens", 1200) == "1.200 Token"
    assert humanize.size_text(12_600_000) == "12,6 MB"
    assert humanize.when_text(86_400 * 40, now=0) == "10. Februar 1970"


def test_english_is_the_text_of_the_source():
    assert language.tr("Send") == "Send"
    assert language.figure(1234.5, ",.1f") == "1,234.5"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"LANG": "de_AT.UTF-8"}, "de"),
        ({"LANGUAGE": "fr:de", "LANG": "en_US.UTF-8"}, "de"),
        ({"LC_ALL": "C", "LANG": "de_DE"}, "en"),
        ({"LANG": "fr_FR"}, "en"),
        ({}, "en"),
    ],
)
def test_language_of_the_system_is_taken_if_it_is_known(environment, expected):
    assert language.of_system(environment, "linux") == expected


def test_saved_language_wins_over_the_systems(tmp_path, monkeypatch):
    monkeypatch.setenv("LANGUAGE", "en")
    settings = tmp_path / "settings.json"
    settings.write_text(json.dumps({"language": "de"}), encoding="utf-8")
    try:
        language.start(settings)
        assert language.code() == "de"
        settings.write_text("[]", encoding="utf-8")
        language.start(settings)
        assert language.code() == "en"
    finally:
        language.use(language.SOURCE)


def test_window_is_german_throughout(tmp_path):
    """In a process of its own, since constants are translated when modules are imported."""
    code = (
        "import sys; from pathlib import Path\n"
        "from i3desk import language; language.use('de')\n"
        "from i3desk.app import Application, create_qt_app\n"
        "from i3desk.paths import Paths\n"
        "paths = Paths.under(Path(sys.argv[1]))\n"
        "app = Application(create_qt_app(paths), paths)\n"
        "from PySide6.QtWidgets import QAbstractButton, QLabel\n"
        "texts = [each.text() for kind in (QAbstractButton, QLabel) for each in app.window.findChildren(kind)]\n"
        "print('\\n'.join(texts))\n"
        "import os; sys.stdout.flush(); os._exit(0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], cwd=REPOSITORY, capture_output=True, text=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    for text in ("Training", "Läufe", "Neuer Chat", "Aussehen", "Daten", "Training starten"):
        assert text in done.stdout, text
    for text in ("New chat", "Appearance", "Runs"):
        assert text not in done.stdout.splitlines(), text
