"""The language of the window: translated texts, plurals, numbers and dates.

`start` is called once, before the pages are imported, so that constants of modules are translated too. Without it, and
in English, texts are those of the source.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from i3core.system.files import read_file

if TYPE_CHECKING:
    from gettext import NullTranslations

    from PySide6.QtCore import QCoreApplication, QLocale

FOLDER = Path(__file__).with_name("locale")
DOMAIN = "i3desk"
SOURCE = "en"  # the language of the source
LANGUAGES = {SOURCE: "English", "de": "Deutsch"}  # by code, each in its own words
SYSTEM = "system"  # the setting for the language of the system
_SIGN = re.compile(r"(?<=\d)[.,](?=\d)")
_texts: NullTranslations | None = None  # none: the texts of the source
_code = SOURCE
_signs: dict[str, str] = {}  # of numbers, by those of English


def tr(text: str) -> str:
    """`text` in the language of the window; texts without a translation stay as they are."""
    return _texts.gettext(text) if text and _texts else text


def trn(one: str, many: str, n: int, **values: object) -> str:
    """The text for one or for `n` things, with `{n}` and `values` put in."""
    text = _texts.ngettext(one, many, n) if _texts else one if n == 1 else many
    return text.format(n=figure(n), **values)


def figure(value: float, spec: str = ",") -> str:
    """A number in Python's format `spec`, with the signs of the language."""
    return localised(format(value, spec))


def localised(text: str) -> str:
    """`text` with the decimal point and the grouping of its numbers in the language."""
    return _SIGN.sub(lambda match: _signs[match[0]], text) if _signs else text


def locale() -> QLocale:
    """Names of months and days in the language of the window."""
    from PySide6.QtCore import QLocale  # only here: modules without Qt have texts too

    return QLocale.c() if _code == SOURCE else QLocale(_code)


def code() -> str:
    """The code of the language in use: "en", "de"."""
    return _code


def start(settings_file: Path) -> None:
    """Use the language of the saved settings, or the system's."""
    try:
        saved = json.loads(read_file(settings_file).decode("utf-8-sig")).get("language")
    except (OSError, ValueError, AttributeError, RecursionError):
        saved = SYSTEM
    use(saved if saved in LANGUAGES else of_system())


def use(language: str) -> None:
    """Translate into `language`, a key of LANGUAGES, from now on."""
    global _texts, _code, _signs
    from PySide6.QtCore import QLocale

    _code = language
    chosen = locale()
    QLocale.setDefault(chosen)
    _signs = {} if language == SOURCE else {".": chosen.decimalPoint(), ",": chosen.groupSeparator()}
    if language == SOURCE:
        _texts = None
        return
    from gettext import translation  # only here: it takes some milliseconds

    _texts = translation(DOMAIN, FOLDER, [language])


def of_system(environment: Mapping[str, str] = os.environ, platform: str = sys.platform) -> str:
    """The first language of the system that i3desk knows; else English."""
    names = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
    wanted = next((value.split(":") for name in names if (value := environment.get(name))), [])
    if not wanted and platform in ("win32", "darwin"):
        from PySide6.QtCore import QLocale

        wanted = QLocale.system().uiLanguages()
    for each in wanted:
        language = re.split(r"[_.@-]", each)[0].lower()
        if language in LANGUAGES:
            return language
    return SOURCE


def translate_qt(application: QCoreApplication) -> None:
    """Translate Qt's own texts, such as the buttons of dialogs."""
    if code() == SOURCE:
        return
    from PySide6.QtCore import QLibraryInfo, QTranslator

    translator = QTranslator(application)
    if translator.load(f"qtbase_{code()}", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)):
        application.installTranslator(translator)
