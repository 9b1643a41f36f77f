"""Update checks against a server on loopback."""

from __future__ import annotations

import json
import time

import pytest
from releases_server import PAGE, ReleasesServer

from i3core.cli.main import main
from i3core.net import releases
from i3core.net.releases import Release, UpdatesError, is_newer, is_web_page, latest_release
from i3core.version import __version__


@pytest.fixture
def server(monkeypatch):
    with ReleasesServer() as running:
        monkeypatch.setenv("I3DESK_UPDATES_URL", running.url)
        monkeypatch.setenv("NO_PROXY", "*")
        yield running


def test_newest_release_is_returned(server):
    server.publish("v9.1", "What is new:\r\n- more  \r\n")
    assert latest_release() == Release("9.1", PAGE, "What is new:\n- more", "2026-03-01")


def test_request_identifies_itself_as_i3desk_and_nothing_else(server):
    server.publish("v9.1")
    server.headers["Set-Cookie"] = "who=you"
    latest_release()
    latest_release()
    assert len(server.requests) == 2
    for headers in server.requests:
        told = {name.lower(): value for name, value in headers.items()}
        assert told.pop("host").startswith("127.0.0.1")
        assert told.pop("connection") in ("close", "keep-alive")
        assert told == {"user-agent": "i3desk", "accept": "application/json", "accept-encoding": "identity"}


@pytest.mark.parametrize(
    ("tag", "newer"), [("0.1.10", True), ("v0.2", True), ("0.1.9", False), ("0.1.9rc1", False), ("v0.1.9.post1", True)]
)
def test_versions_are_compared_by_their_numbers(server, tag, newer):
    server.publish(tag)
    assert is_newer(latest_release(), than="0.1.9") is newer


@pytest.mark.parametrize(
    ("status", "what"),
    [(404, "No version of i3desk has been published"), (403, "too often"), (429, "too often"), (500, "status 500")],
)
def test_refusal_raises_with_a_remedy(server, status, what):
    server.status = status
    with pytest.raises(UpdatesError, match=what) as error:
        latest_release()
    assert error.value.remedy


@pytest.mark.parametrize(
    "body",
    [
        b"<html>Log in to the hotel's network</html>",
        b"\xff\xfe",
        b"[]",
        b"null",
        b"[" * 100_000,
        b'{"tag_name": "the best one", "html_url": "https://example.org"}',
        b'{"tag_name": 2, "html_url": "https://example.org"}',
        b'{"tag_name": "0.2.0"}',
        b'{"tag_name": "0.2.0", "html_url": "file:///etc/passwd"}',
        b'{"tag_name": "0.2.0", "html_url": "javascript:alert(1)"}',
        b'{"tag_name": "0.2.0", "html_url": "https://example.org", "body": 5}',
    ],
)
def test_invalid_response_raises(server, body):
    server.status, server.body = 200, body
    with pytest.raises(UpdatesError, match="does not answer with the description") as error:
        latest_release()
    assert "log in" in error.value.remedy


def test_endless_response_is_cut_off(server):
    server.publish("9.1", "x" * (releases.LARGEST_ANSWER + 1))
    with pytest.raises(UpdatesError, match="far more"):
        latest_release()


def test_notes_have_a_limit(server):
    server.publish("9.1", "x" * 100_000)
    assert len(latest_release().notes) == releases.LONGEST_NOTES


@pytest.mark.parametrize("how", ["silent", "dribble"])
def test_slow_server_is_not_waited_for(server, monkeypatch, how):
    server.publish("9.1")
    setattr(server, how, True)
    monkeypatch.setattr(releases, "TIMEOUT_S", 0.5)
    begun = time.monotonic()
    with pytest.raises(UpdatesError, match="did not answer within"):
        latest_release()
    assert time.monotonic() - begun < 8


def test_no_server_is_reported_as_no_network(server, monkeypatch):
    monkeypatch.setenv("I3DESK_UPDATES_URL", "http://127.0.0.1:9/")
    with pytest.raises(UpdatesError, match=r"127\.0\.0\.1 cannot be reached: Connection refused\.") as error:
        latest_release()
    assert "network connection" in error.value.remedy


@pytest.mark.parametrize(
    ("target", "what"),
    [
        ("http://127.0.0.1:9/", "not encrypted"),
        ("/elsewhere", "not encrypted"),  # on a page that is itself not encrypted
        ("http://example.org/", "not encrypted"),
        ("file:///etc/passwd", "not one of a web page"),
        ("https://", "not one of a web page"),
        ("https://example.org:nonsense/", "not one of a web page"),
        ("https://exam ple.org/", "not one of a web page"),
    ],
)
def test_redirect_to_an_unencrypted_page_is_refused(server, target, what):
    server.status, server.headers = 302, {"Location": target}
    with pytest.raises(UpdatesError, match=what):
        latest_release()
    assert len(server.requests) == 1


def test_redirect_to_an_encrypted_page_is_followed(server):
    port = server.url.split(":")[2].split("/")[0]
    server.status, server.headers = 302, {"Location": f"https://127.0.0.1:{port}/"}
    with pytest.raises(UpdatesError, match=r"127\.0\.0\.1 cannot be reached"):  # it came back, speaking of encryption
        latest_release()
    assert len(server.requests) == 1


@pytest.mark.parametrize("address", ["http://example.org/latest", "ftp://example.org", "nonsense", "https://é.example"])
def test_unencrypted_address_is_refused(monkeypatch, address):
    monkeypatch.setenv("I3DESK_UPDATES_URL", address)
    with pytest.raises(UpdatesError, match="address of the releases") as error:
        latest_release()
    assert error.value.remedy == "Check I3DESK_UPDATES_URL."


def test_packager_can_switch_update_checks_off(monkeypatch, capsys):
    monkeypatch.setenv("I3DESK_UPDATES_URL", "")
    assert not releases.switched_on()
    assert main(["updates"]) == 1
    assert "switched off in this installation" in capsys.readouterr().err
    monkeypatch.delenv("I3DESK_UPDATES_URL")
    assert releases.switched_on()
    assert releases.host() == "api.github.com"


def test_only_web_addresses_are_opened_in_a_browser():
    assert is_web_page("https://example.org/a?b=c")
    for address in ("", "file:///etc/passwd", "https:", "//example.org", "https://a b", "https://a\n", "https://[::1"):
        assert not is_web_page(address), address


def test_command_prints_a_readable_line(server, capsys):
    server.publish("v99.0", "More of everything.")
    assert main(["updates"]) == 0
    told = capsys.readouterr().out
    assert told.splitlines()[0] == f"i3desk 99.0 is available, published 2026-03-01; this is {__version__}."
    assert PAGE in told
    assert "More of everything." in told
    server.publish(__version__)
    assert main(["updates"]) == 0
    assert capsys.readouterr().out == f"i3desk {__version__} is the newest version.\n"


def test_command_prints_json(server, capsys):
    server.publish("v99.0", None)
    assert main(["updates", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    wanted = {"current": __version__, "newer": True, "version": "99.0", "page": PAGE, "notes": ""}
    assert told == wanted | {"published": "2026-03-01"}


def test_command_fails_with_a_remedy(server, capsys):
    assert main(["updates", "--json"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("i3core: No version of i3desk has been published there yet. Look again")
