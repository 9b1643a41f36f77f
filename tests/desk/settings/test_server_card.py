"""The switch that lets other programs ask the model: the real server, asked over HTTP."""

import importlib.util
import json
import socket
import urllib.error
import urllib.request

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication

from i3desk.settings.server_card import ServerCard

pytest.importorskip("fastapi", reason="the extra `server` is not installed")

pytestmark = pytest.mark.usefixtures("forked_children")
LONG_MS = 60_000


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


@pytest.fixture
def card(app, qtbot):
    app.services.settings.change(serve_port=free_port())
    app.window.settings_button.click()
    qtbot.waitUntil(lambda: app.services.model.info is not None)
    return app.services.settings_page.server


def until_ready(card, qtbot):
    qtbot.waitUntil(card.address.isVisible, timeout=LONG_MS)


def ask(url):
    body = json.dumps({"messages": [{"role": "user", "content": "hello!"}], "max_tokens": 8}).encode()
    request = urllib.request.Request(f"{url}/chat/completions", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def refuses(url: str) -> bool:
    """Whether the server is down."""
    try:
        urllib.request.urlopen(f"{url}/models", timeout=60).close()
    except urllib.error.URLError:
        return True
    except ConnectionError:  # cut while it ends: the next attempt shows whether it has
        return False
    return False


def test_server_answers_while_switched_on(card, app, qtbot):
    assert not card.switch.isChecked()
    assert not card.address.isVisible()
    qtbot.mouseClick(card.switch, Qt.MouseButton.LeftButton)
    assert card.state.text() == "Starting…"
    until_ready(card, qtbot)
    assert card.state.text() == "Ready."
    qtbot.mouseClick(card.copy_button, Qt.MouseButton.LeftButton)
    url = QGuiApplication.clipboard().text()
    assert url == f"http://127.0.0.1:{app.services.settings.preferences.serve_port}/v1"
    assert ask(url)["choices"][0]["message"]["content"]
    qtbot.waitUntil(lambda: card.state.text() == "1 reply so far.")
    app.window.chat_button.click()
    status = app.window.status_bar.server  # on every page
    assert (status.isVisible(), status.text()) == (True, "server on · 1")
    qtbot.mouseClick(status, Qt.MouseButton.LeftButton)
    assert app.window.settings_page.isVisible()
    qtbot.mouseClick(card.switch, Qt.MouseButton.LeftButton)
    assert not card.address.isVisible()
    qtbot.waitUntil(lambda: refuses(url), timeout=LONG_MS)
    assert not card.state.isVisible()
    assert not status.isVisible()


def test_port_in_use_is_reported_and_another_works(card, app, qtbot):
    with socket.create_server(("127.0.0.1", app.services.settings.preferences.serve_port)):
        qtbot.mouseClick(card.switch, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: "in use" in card.state.text(), timeout=LONG_MS)
        assert card.switch.isChecked()
        assert card.state.property("tone") == "bad"
        port = free_port()
        card.port.setFocus()
        card.port.selectAll()
        qtbot.keyClicks(card.port, str(port))
        qtbot.keyClick(card.port, Qt.Key.Key_Return)
        until_ready(card, qtbot)
    assert card.address.text() == f"http://127.0.0.1:{port}/v1"
    assert card.state.property("tone") == "muted"


def test_invalid_port_is_not_taken(card, app, qtbot):
    before = app.services.settings.preferences.serve_port
    for text in ("80", "99999", ""):
        card.port.setFocus()
        card.port.selectAll()
        qtbot.keyClick(card.port, Qt.Key.Key_Delete)
        qtbot.keyClicks(card.port, text)
        card.switch.setFocus()
        assert card.port.text() == str(before)
    assert app.services.settings.preferences.serve_port == before


def test_server_stops_with_window_and_starts_with_it_again(card, app, open_app, qtbot):
    qtbot.mouseClick(card.switch, Qt.MouseButton.LeftButton)
    until_ready(card, qtbot)
    url = card.address.text()
    open_app.close(app)
    with pytest.raises(urllib.error.URLError):
        ask(url)
    again = open_app()
    qtbot.waitUntil(lambda: again.services.server.url == url, timeout=LONG_MS)
    assert again.services.settings_page.server.switch.isChecked()


def test_server_follows_model_of_chat(card, app, qtbot, tmp_path):
    qtbot.mouseClick(card.switch, Qt.MouseButton.LeftButton)
    until_ready(card, qtbot)
    app.services.server.start(str(tmp_path / "gone"), app.services.settings.preferences.serve_port)
    assert not card.address.isVisible()
    qtbot.waitUntil(lambda: str(tmp_path) in card.state.text(), timeout=LONG_MS)


def test_missing_packages_are_reported_with_install_hint(app, qtbot, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    card = ServerCard(app.services.settings, app.services.server)
    qtbot.addWidget(card)
    assert not card.switch.isEnabled()
    assert "i3desk[server]" in card.meaning.text()
