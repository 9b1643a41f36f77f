"""Whose work is inside: collected from real package metadata, and shown in a window of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest
from paths import REPOSITORY
from PySide6.QtCore import Qt
from PySide6.QtGui import QDesktopServices

from i3core.errors import I3Error
from i3core.system import assets
from i3desk.event_loop_stalls import StallMeter
from i3desk.help import licences
from i3desk.help.licences import Licence, from_json, installed, shipped, to_json


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """Installs packages that are nothing but metadata."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def install(name: str, *lines: str, files: dict[str, bytes] | None = None) -> None:
        folder = tmp_path / f"{name.replace('-', '_')}-1.0.dist-info"
        about = "\n".join(("Metadata-Version: 2.4", f"Name: {name}", "Version: 1.0", *lines))
        named = {path.replace("@", folder.name): text for path, text in (files or {}).items()}
        named[f"{folder.name}/METADATA"] = about.encode()
        for path, text in named.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_bytes(text)
        (folder / "RECORD").write_text("".join(f"{path},,\n" for path in named))

    return install


def test_i3desk_comes_first_with_apache_licence():
    own, *others = installed()
    assert (own.name, own.licence) == ("i3desk", "Apache-2.0")
    assert "Apache License" in own.text
    names = [each.name for each in others]
    assert names == sorted(names, key=str.casefold)
    assert {"torch", "numpy", "PySide6_Essentials", "shiboken6", "packaging"} <= set(names)
    assert not {"pytest", "ruff", "wandb"} & set(names)  # of extras
    assert all(each.version and each.licence and each.text.strip() for each in others)


def test_indirect_dependencies_are_listed_once(packages):
    packages("top", "Requires-Dist: beta", "Requires-Dist: Alpha>=0.5")
    packages("beta", "Requires-Dist: alpha", "Requires-Dist: top", "Requires-Dist: not-there-at-all")
    packages("alpha")
    assert [each.name for each in installed("top")] == ["top", "alpha", "beta"]


def test_extras_and_markers_count_only_where_they_apply(packages):
    packages(
        "top", "Provides-Extra: more", 'Requires-Dist: unwanted; extra == "more"',
        'Requires-Dist: elsewhere; sys_platform == "no such system"', "Requires-Dist: middle[wanted]",
    )  # fmt: skip
    packages(
        "middle", "Provides-Extra: wanted", "Provides-Extra: other",
        'Requires-Dist: asked-for; extra == "wanted"', 'Requires-Dist: unwanted; extra == "other"',
    )  # fmt: skip
    for name in ("unwanted", "elsewhere", "asked-for"):
        packages(name)
    assert [each.name for each in installed("top")] == ["top", "asked-for", "middle"]


@pytest.mark.parametrize(
    ("lines", "name"),
    [
        (["License-Expression: MIT OR Apache-2.0", "License: MIT"], "MIT OR Apache-2.0"),
        (["License: MIT", "Classifier: License :: OSI Approved :: BSD License"], "MIT"),
        (["License: UNKNOWN", "Classifier: License :: OSI Approved :: BSD License"], "BSD License"),
        (["License: Permission is hereby granted\n        to anybody", "Classifier: License :: Public Domain"],
         "Public Domain"),
        (["Classifier: License :: OSI Approved", "Classifier: License :: OSI Approved :: MIT License",
          "Classifier: License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)"],
         "MIT License and Mozilla Public License 2.0 (MPL 2.0)"),
        ([], "not stated"),
    ],
)  # fmt: skip
def test_short_name_of_licence(packages, lines, name):
    packages("one", *lines)
    assert installed("one")[0].licence == name


def test_each_text_is_listed_once(packages):
    packages(
        "one", "License-File: LICENSE", "License-File: vendored/COPYING.txt",
        files={
            "@/licenses/LICENSE": b"first\n", "@/licenses/vendored/COPYING.txt": b"second\n",
            "@/NOTICE": b"third", "@/AUTHORS.md": "vierté".encode(), "one/LICENCE-MIT": b"fifth \xff",
            "one/inner/LICENSE": b"first\r\n", "one/license.py": b"code", "@/top_level.txt": b"one",
        },
    )  # fmt: skip
    text = installed("one")[0].text
    for part in ("first", "second", "third", "vierté", "fifth \ufffd"):
        assert text.count(part) == 1, part
    assert "LICENSE, one/inner/LICENSE\n--------------------------\n\nfirst" in text
    assert "vendored/COPYING.txt" in text
    assert "code" not in text


def test_single_text_has_no_heading(packages):
    packages("one", "License-File: LICENSE", files={"@/LICENSE": b"just this\n"})  # where it lay before PEP 639
    assert installed("one")[0].text == "just this"


def test_package_without_text_says_so(packages):
    packages("one", "License-Expression: MIT")
    packages("two")
    assert installed("one")[0].text == "The package has no text; its licence is MIT."
    assert installed("two")[0].text == "The package states no licence."


@pytest.mark.parametrize(
    ("lines", "home"),
    [
        (["Home-page: https://one.example", "Project-URL: Homepage, https://two.example"], "https://one.example"),
        (["Project-URL: Tracker, https://t.example", "Project-URL: Source, https://s.example"], "https://s.example"),
        (["Project-URL: Tracker, https://t.example"], "https://t.example"),
        (["Home-page: UNKNOWN", "Project-URL: Homepage, javascript:alert(1)"], ""),
    ],
)
def test_home_page_of_package(packages, lines, home):
    packages("one", *lines)
    assert installed("one")[0].home == home


def test_missing_package_is_reported():
    with pytest.raises(I3Error, match="nonsense-package is not installed"):
        installed("nonsense-package")


def test_packaged_program_shows_list_of_its_build(tmp_path, monkeypatch):
    listed = [Licence("i3desk", "1", "Apache-2.0", "", "text"), Licence("zlib", "2", "Zlib", "https://z.example", "ü")]
    assert from_json(to_json(listed)) == listed
    monkeypatch.setattr(assets, "root", lambda: tmp_path)
    (tmp_path / "licences.json").write_text(to_json(listed), encoding="utf-8")
    assert shipped() == listed
    for damaged in ("", "{}", "[]", "[5]", '[{"name": "a"}]', to_json(listed).replace('"2"', "2")):
        (tmp_path / "licences.json").write_text(damaged, encoding="utf-8")
        with pytest.raises(I3Error, match="list of licences cannot be read") as error:
            shipped()
        assert error.value.remedy == "Reinstall i3desk."


def test_collecting_imports_neither_torch_nor_qt():
    source = (
        "import sys; from i3desk.help.licences import installed; assert len(installed()) > 10;"
        "print([name for name in sys.modules if name == 'torch' or name.startswith('PySide6')])"
    )
    ran = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, cwd=REPOSITORY)
    assert ran.stdout.strip() == "[]", ran.stderr


# ------------------------------------------------------------------------------------------------------- the window


@pytest.fixture
def window(app, qtbot):
    """The window of licences, opened by the button of the About card, and full."""
    app.window.settings_page.about.licences_button.click()
    shown = app.help.licences
    qtbot.waitUntil(lambda: shown.list.count() > 0)
    return shown


def test_licences_are_listed_with_text(app, window, qtbot):
    assert window.isVisible()
    assert window.name.text().startswith("i3desk ")
    assert "Apache License" in window.text.toPlainText()
    assert window.text.isReadOnly()
    window.list.setFocus()
    qtbot.keyClick(window.list, Qt.Key.Key_Down)
    second = installed()[1]
    assert window.name.text() == f"{second.name} {second.version}"
    assert window.licence.text() == second.licence
    qtbot.keyClick(window.text, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: app.help.licences is None)


def test_filter_shows_entries_with_all_words(window, qtbot):
    total = window.list.count()
    qtbot.keyClicks(window.filter, "TORCH bsd")
    shown = [window.list.item(row).text() for row in range(total) if not window.list.item(row).isHidden()]
    assert len(shown) == 1
    assert shown[0].startswith("torch ")
    assert window.name.text() == shown[0]
    assert window.count.text() == f"1 of {total} components"
    qtbot.keyClick(window.filter, Qt.Key.Key_Down)
    assert window.focusWidget() is window.list
    window.filter.setText("no such thing")
    assert (window.name.text(), window.text.toPlainText(), window.count.text()) == ("", "", f"0 of {total} components")
    assert not window.home_button.isVisible()
    window.filter.clear()
    assert window.count.text() == f"{total} components"


def test_longest_text_does_not_block_window(window, qtbot):
    """Ten thousand lines, as torch with CUDA brings them."""
    text = "".join(
        f"line {number} of a licence that nobody reads to its end, or that somebody has to\n"
        for number in range(10_000)
    )
    stalls = StallMeter(window)
    stalls.start()
    best = 1e9
    for _ in range(5):  # a busy machine may hold one up
        window.text.show_text("")
        stalls.restart()
        window.text.show_text(text)
        qtbot.waitUntil(lambda: window.text.complete)
        best = min(best, stalls.restart())
        if best < 50:
            break
    assert best < 50
    assert window.text.toPlainText() == text
    assert window.text.verticalScrollBar().value() == 0


def test_unfinished_text_is_replaced_completely(window, qtbot):
    window.text.show_text("a" * 500_000)
    window.text.show_text("short")
    qtbot.wait(20)
    assert window.text.toPlainText() == "short"


def test_only_web_pages_are_opened(window, monkeypatch):
    opened = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toString()))
    window.list.fill(
        [Licence("a", "1", "MIT", "file:///etc/passwd", "x"), Licence("b", "1", "MIT", "https://b.example", "x")]
    )
    assert not window.home_button.isVisible()
    window.home_button.click()
    window.list.setCurrentRow(1)
    assert window.home_button.isVisible()
    window.home_button.click()
    assert opened == ["https://b.example"]


def test_a_list_that_cannot_be_read_is_told(app, qtbot, monkeypatch):
    def fail() -> list:
        raise I3Error("The list of licences cannot be read: nonsense.", "Reinstall i3desk.")

    monkeypatch.setattr(licences, "shipped", fail)
    app.help.show_licences()
    shown = app.help.licences
    qtbot.waitUntil(lambda: shown.notice.isVisible())
    assert shown.notice.remedy.text() == "Reinstall i3desk."
    assert not shown.busy.isVisible()


def test_dialog_opens_once_and_can_be_closed_while_collecting(app, qtbot):
    app.help.show_licences()
    first = app.help.licences
    first.reject()
    assert app.help.licences is None
    app.help.show_licences()
    again = app.help.licences
    assert again is not first
    qtbot.waitUntil(lambda: again.list.count() > 0)


def test_dialog_closes_with_main_window(app, window, qtbot):
    with qtbot.waitSignal(app.window.closed):
        app.window.close()
    assert app.help.licences is None
