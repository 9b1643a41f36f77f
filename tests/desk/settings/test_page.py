"""Settings: what the panel shows, what reaches the model, and what is kept between two starts."""

from __future__ import annotations

import json

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from templates import template_with

from i3core.generation.config import SAMPLING_SETTINGS, SamplingConfig
from i3desk.preferences import Preferences, read_preferences
from i3desk.style.palette import DARK, LIGHT
from i3desk.style.theme import Theme
from i3desk.widgets.setting_rows import TYPED_AFTER_MS


def type_value(qtbot, editor, text: str) -> None:
    editor.selectAll()
    qtbot.keyClicks(editor, text)
    qtbot.keyClick(editor, Qt.Key.Key_Return)


def test_panel_shows_declared_settings_with_explanations(app):
    rows = app.window.panel.rows
    assert list(rows) == [setting.key for setting in SAMPLING_SETTINGS]
    assert list(rows)[:2] == ["temperature", "top_k"]
    for setting in SAMPLING_SETTINGS:
        assert " ".join(rows[setting.key].toolTip().split()) == setting.tooltip
    assert rows["temperature"].number.text() == "0.30"


def test_changed_setting_reaches_next_reply(app, say, qtbot, model):
    rows = app.window.panel.rows
    type_value(qtbot, rows["temperature"].number, "0.35")
    rows["top_k"].slider.setValue(7)
    type_value(qtbot, rows["seed"].number, "42")
    say(app, "hello")

    sampling = model.asked[-1].sampling
    assert (sampling.temperature, sampling.top_k, sampling.seed) == (0.35, 7, 42)
    assert rows["top_k"].number.text() == "7"


def test_settings_are_saved_between_starts(open_app, qtbot):
    app = open_app()
    type_value(qtbot, app.window.panel.rows["top_p"].number, "0.5")
    qtbot.mouseClick(app.window.chat_page.header.panel_button, Qt.MouseButton.LeftButton)
    open_app.close(app)

    again = open_app()
    assert again.window.panel.rows["top_p"].number.text() == "0.50"
    assert again.store.preferences.sampling.top_p == 0.5
    assert not again.window.panel.isVisible()


@pytest.mark.parametrize(("typed", "kept"), [("9", 2.0), ("", 0.3), ("1,25", 1.25)])
def test_typed_number_stays_in_range(app, qtbot, typed, kept):
    number = app.window.panel.rows["temperature"].number
    number.selectAll()
    qtbot.keyClick(number, Qt.Key.Key_Delete)
    type_value(qtbot, number, typed)
    number.editingFinished.emit()
    assert app.store.preferences.sampling.temperature == kept
    assert number.text() == f"{kept:.2f}"


def test_arrow_keys_step_a_number(app, qtbot):
    number = app.window.panel.rows["top_k"].number
    qtbot.keyClick(number, Qt.Key.Key_Up)
    qtbot.keyClick(number, Qt.Key.Key_PageDown)
    assert app.store.preferences.sampling.top_k == 31


def test_slider_reaches_both_ends_of_range(app):
    for setting in SAMPLING_SETTINGS:
        row = app.window.panel.rows[setting.key]
        if setting.default is None:
            continue
        for position, value in ((row.slider.maximum(), setting.maximum), (0, setting.minimum)):
            row.slider.setValue(position)
            assert getattr(app.store.preferences.sampling, setting.key) == pytest.approx(value)


def test_preset_and_reset_change_all_settings(app, qtbot):
    panel = app.window.panel
    assert panel.presets.buttons["balanced"].isChecked()
    qtbot.mouseClick(panel.presets.buttons["wild"], Qt.MouseButton.LeftButton)
    assert app.store.preferences.sampling.temperature > 1
    type_value(qtbot, panel.rows["top_k"].number, "3")
    assert not any(button.isChecked() for button in panel.presets.buttons.values())
    qtbot.mouseClick(panel.reset_button, Qt.MouseButton.LeftButton)
    assert app.store.preferences.sampling == SamplingConfig()
    assert panel.presets.buttons["balanced"].isChecked()


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"{",
        b"\xff\xfe\x00",
        b"[1, 2]",
        b"null",
        b'{"sampling": 3, "theme": ["x"], "width": 1e99}',
        b"[" * 100_000,
    ],
)
def test_damaged_file_gives_defaults(open_app, paths, qtbot, damaged):
    paths.settings_file.parent.mkdir(parents=True)
    paths.settings_file.write_bytes(damaged)
    app = open_app()
    assert app.store.preferences.sampling == SamplingConfig()
    assert app.theme.choice == "system"


def test_damaged_value_gives_only_its_default(paths):
    values = json.loads(Preferences(theme="dark").to_json())
    values["sampling"] |= {"temperature": 99, "top_k": 12, "seed": "x", "unknown": 1}
    paths.settings_file.parent.mkdir(parents=True)
    paths.settings_file.write_text(json.dumps(values), encoding="utf-8")
    preferences = read_preferences(paths.settings_file)
    assert preferences.theme == "dark"
    assert preferences.sampling == SamplingConfig(top_k=12)


def test_unwritable_folder_does_not_stop_program(open_app, paths, say, qtbot, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))  # where chats go that cannot be stored
    paths.settings_file.parent.parent.mkdir(parents=True, exist_ok=True)
    paths.settings_file.parent.write_text("a file where the folder should be", encoding="utf-8")
    app = open_app()
    type_value(qtbot, app.window.panel.rows["top_k"].number, "5")
    app.store.save()
    say(app, "hello")
    assert app.window.session.conversation.last.shown_text
    app.window.close()
    with qtbot.waitSignal(app.window.closed):
        app.window.lose_button.click()
    open_app.close(app)


def test_chosen_colours_are_saved(open_app, qtbot):
    app = open_app()
    buttons = app.window.settings_page.theme_choice.buttons
    qtbot.mouseClick(app.window.settings_button, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(buttons["dark"], Qt.MouseButton.LeftButton)
    assert app.theme.tokens is DARK
    assert QApplication.palette().window().color().name().upper() == DARK.bg
    open_app.close(app)

    again = open_app()
    assert again.theme.tokens is DARK
    qtbot.mouseClick(again.window.settings_button, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(again.window.settings_page.theme_choice.buttons["light"], Qt.MouseButton.LeftButton)
    assert again.theme.tokens is LIGHT


def test_system_colours_follow_the_system(open_app, qapp, monkeypatch):
    scheme = Qt.ColorScheme.Light
    monkeypatch.setattr(Theme, "system_scheme", lambda self: scheme)
    app = open_app(theme="system")
    assert app.theme.tokens is LIGHT
    scheme = Qt.ColorScheme.Dark
    qapp.styleHints().colorSchemeChanged.emit(scheme)
    assert app.theme.tokens is DARK
    assert app.window.grab().toImage().pixelColor(4, 300).lightness() < 128
    app.theme.choose("light")
    assert app.theme.tokens is LIGHT


def test_chat_keeps_its_own_settings(app, say, qtbot, open_chat):
    panel = app.window.panel
    type_value(qtbot, panel.rows["temperature"].number, "0.30")
    say(app, "one")
    first = app.window.session.conversation.id
    app.window.chat_page.start_new()
    type_value(qtbot, panel.rows["temperature"].number, "1.50")
    say(app, "two")
    open_chat(app, first)
    assert panel.rows["temperature"].number.text() == "0.30"


def test_own_presets_are_saved_and_used(open_app, qtbot):
    app = open_app()
    panel = app.window.panel
    type_value(qtbot, panel.rows["temperature"].number, "1.15")
    panel.save_preset("Storyteller")
    assert panel.preset_button.text() == "Storyteller"
    qtbot.mouseClick(panel.presets.buttons["precise"], Qt.MouseButton.LeftButton)
    assert panel.preset_button.text() == "Presets"
    open_app.close(app)

    panel = open_app().window.panel
    panel.preset_menu.aboutToShow.emit()
    action = next(action for action in panel.preset_menu.actions() if action.text() == "Storyteller")
    action.trigger()
    assert panel.rows["temperature"].number.text() == "1.15"
    panel.preset_menu.aboutToShow.emit()
    delete = next(action for action in panel.preset_menu.actions() if action.text() == "Delete").menu()
    delete.actions()[0].trigger()
    assert panel.preset_button.text() == "Presets"


def test_stop_texts_reach_model(app, say, qtbot, model):
    qtbot.keyClicks(app.window.panel.stop_row.edit, "the end")
    qtbot.keyClick(app.window.panel.stop_row.edit, Qt.Key.Key_Return)
    qtbot.keyClicks(app.window.panel.stop_row.edit, "goodbye")
    say(app, "hello")  # at once, before the pause in typing
    assert model.asked[-1].sampling.stop == ("the end", "goodbye")


def test_mode_changes_prompt(app, qtbot, model):
    app.window.panel.modes.buttons["raw"].click()
    composer = app.window.chat_page.composer
    assert "continue" in composer.edit.placeholderText()
    qtbot.keyClicks(composer.edit, "once upon a time")
    qtbot.keyClick(composer.edit, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: not app.window.session.busy and bool(model.asked))
    assert model.asked[-1].prompt == "once upon a time"
    composer.send_button.click()  # nothing written: continue
    qtbot.waitUntil(lambda: not app.window.session.busy and len(model.asked) == 2)
    assert model.asked[-1].prefix_ids == (7, 7, 7)


def test_persona_shows_what_the_model_cannot_read_of_it(app, qtbot):
    panel = app.window.panel
    panel.show_unreadable_for(template_with("user", "assistant", "end"))
    assert panel.persona_row.isVisibleTo(panel)
    assert not panel.persona_unreadable.isVisibleTo(panel)
    panel.persona_row.edit.setPlainText("you are a pirate ☠ ☠")
    assert panel.persona_unreadable.text == "i3 can't read 2 characters: ☠"
    panel.modes.chosen.emit("raw")  # it is not read then
    assert not panel.persona_row.isVisibleTo(panel)
    assert not panel.persona_unreadable.isVisibleTo(panel)
    panel.modes.chosen.emit("chat")
    assert panel.persona_unreadable.isVisibleTo(panel)
    panel.persona_row.edit.setPlainText("you’re a pirate")
    assert not panel.persona_unreadable.isVisibleTo(panel)


def test_persona_is_read_with_every_message(app, say, qtbot, model):
    qtbot.waitUntil(lambda: app.window.session.model.info is not None)
    app.window.panel.persona_row.edit.setPlainText("you are a pirate")
    system = {"role": "system", "content": "you are a pirate"}
    for text in ("hello", "who are you?"):
        say(app, text)
        assert model.asked[-1].prompt[0] == system
        assert model.asked[-1].prompt[-1] == {"role": "user", "content": text}


def test_label_unfolds_explanation(app, qtbot):
    row = app.window.panel.rows["top_k"]
    assert not row.meaning.isVisible()
    qtbot.mouseClick(row.label, Qt.MouseButton.LeftButton)
    assert row.meaning.isVisible()
    assert row.meaning.text() == row.setting.tooltip


def test_seed_is_shown_and_can_be_used_again(app, say, qtbot, model):
    say(app, "hello")
    app.window.chat_page.transcript.seed_chosen.emit(7321)
    assert app.window.panel.rows["seed"].number.text() == "7321"
    say(app, "again")
    assert model.asked[-1].sampling.seed == 7321


def test_switches_are_saved_and_change_only_display(open_app, say, qtbot, model):
    app = open_app()
    qtbot.waitUntil(lambda: app.window.session.model.info is not None)
    say(app, "hello")
    panel, session = app.window.panel, app.window.session
    panel.switches["capitalise"].switch.click()
    row = app.window.chat_page.transcript.row_of(session.conversation.leaf)
    qtbot.waitUntil(lambda: row.text.toPlainText() == "The moon is a big rock.")
    assert session.conversation.last.text == "the moon is a big rock."
    panel.switches["glass"].switch.click()
    qtbot.waitUntil(lambda: row.chunk_view is not None and row.chunk_view.isVisible())
    assert panel.legend.isVisibleTo(panel)
    open_app.close(app)
    again = open_app()
    assert again.store.preferences.capitalise
    assert again.window.panel.switches["glass"].switch.isChecked()


def test_typed_text_stays_with_its_chat(app, say, qtbot):
    say(app, "hello")
    first = app.window.session.conversation
    app.window.panel.persona_row.edit.setPlainText("you are a pirate")
    app.window.chat_page.start_new()
    assert first.settings.persona == "you are a pirate"
    qtbot.wait(TYPED_AFTER_MS + 50)
    assert app.window.session.conversation.settings.persona == ""


def test_new_line_waits_for_next_stop_text(app, qtbot):
    edit = app.window.panel.stop_row.edit
    qtbot.keyClicks(edit, "rock")
    qtbot.keyClick(edit, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: app.window.session.conversation.settings.sampling.stop == ("rock",))
    qtbot.keyClicks(edit, "sea")
    app.window.panel.flush()
    assert app.window.session.conversation.settings.sampling.stop == ("rock", "sea")


@pytest.mark.parametrize("number", [10**30, -(10**30), 2**31, 10**400])
def test_number_beyond_32_bits_in_the_settings_becomes_the_default(tmp_path, number):
    names = ("x", "y", "width", "height", "scale", "serve_port")
    sampling = {"top_k": number, "seed": number, "max_new_tokens": number, "temperature": number}
    path = tmp_path / "settings.json"
    path.write_text(json.dumps({**dict.fromkeys(names, number), "sampling": sampling}))
    read, default = read_preferences(path), Preferences()
    assert [getattr(read, name) for name in names] == [getattr(default, name) for name in names]
    assert read.sampling == default.sampling
