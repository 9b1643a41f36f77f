"""Clients that must not harm the server: garbage, floods, slow and rude ones."""

import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")
pytest.importorskip("fastapi", reason="the extra `server` is not installed")

import requests  # noqa: E402
from hypothesis import HealthCheck, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from schemathesis.checks import not_a_server_error  # noqa: E402
from schemathesis.specs.openapi.checks import (  # noqa: E402
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from served import HELLO, Served  # noqa: E402

from i3core.serving.app import ServerSettings, build_app  # noqa: E402
from i3core.serving.engine import Engine  # noqa: E402
from i3core.serving.middleware import DISCARDED, Limits  # noqa: E402
from i3core.serving.server import Server, listen  # noqa: E402

TYPE = {"Content-Type": "application/json"}
FIELDS = [
    "model", "messages", "prompt", "max_tokens", "temperature", "n", "stop", "seed", "top_p", "top_k", "logprobs",
    "stream", "top_logprobs", "role", "content", "echo", "stream_options", "tools", "response_format", "input",
    "instructions", "max_output_tokens", "type", "text", "output", "tool_choice", "frequency_penalty", "metadata",
]  # fmt: skip
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def server(build, tmp_path_factory, fork_server):
    folder = build.folder(tmp_path_factory.mktemp("abused") / "tiny", window=64)
    server = Served(folder, "--slots", "4", "--max-waiting", "8", "--max-tokens", "16", fork_server=fork_server)
    yield server
    still_answers(server)
    server.close()


def still_answers(server):
    answer = server.http.post(f"{server.url}/chat/completions", json={"messages": HELLO, "max_tokens": 3})
    assert answer.status_code == 200, answer.text


def raw(server, content, timeout=30):
    """The answer to these bytes; b"" if the server closes the connection."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=timeout) as plain:
        plain.sendall(content)
        try:
            plain.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it has closed the connection already
        parts = []
        try:
            while part := plain.recv(65536):
                parts.append(part)
        except ConnectionError:
            pass
    return b"".join(parts)


def test_requests_made_from_the_schema_are_answered_as_it_says(server):
    schema = schemathesis.openapi.from_url(f"{server.root}/openapi.json")
    asked, session = set(), requests.Session()
    for found in schema.get_all_operations():
        operation = found.ok()

        @settings(
            max_examples=30, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
        )
        @given(operation.as_strategy())
        def ask(case):
            asked.add(case.operation.path)
            if isinstance(case.body, dict) and case.body.get("stream"):
                case.body["stream"] = False  # streams are not JSON, and tested elsewhere
            case.call_and_validate(session=session, timeout=60, checks=CHECKS)

        ask()
    session.close()
    assert asked == {
        "/health", "/v1/models", "/v1/models/{name}", "/v1/chat/completions", "/v1/completions", "/v1/responses",
    }  # fmt: skip


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4),
    max_leaves=8,
)


@given(
    st.sampled_from(["chat/completions", "completions", "responses"]), st.dictionaries(st.sampled_from(FIELDS), JSON)
)
@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_fields_of_wrong_types_are_bad_requests(server, path, body):
    answer = server.http.post(f"{server.url}/{path}", content=json.dumps(body), headers=TYPE)
    assert answer.status_code in (200, 400, 404), answer.text
    if answer.status_code != 200:
        assert answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe", b"null", b"[]", b'"a"', b"[" * 50_000, b"1e999", b"NaN"],
)
def test_bodies_that_are_not_a_json_object_are_bad_requests(server, content):
    answer = server.http.post(f"{server.url}/completions", content=content, headers=TYPE)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_lone_surrogate_becomes_a_question_mark(server):
    """JSON can hold what is no Unicode text."""
    content = b'{"prompt": "a\\ud800", "echo": true, "stop": "\\udfff", "max_tokens": 3}'
    answer = server.http.post(f"{server.url}/completions", content=content, headers=TYPE)
    assert answer.json()["choices"][0]["text"].startswith("a?")


def test_far_too_large_body_is_refused_unread(server):
    answer = raw(server, b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\nxx")
    assert b" 413 " in answer
    part = b"10000\r\n" + b"a" * 0x10000 + b"\r\n"
    start = b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    try:
        assert b" 413 " in raw(server, start + part * 20 * DISCARDED)
    except ConnectionError:
        pass  # it closed the connection while we were sending


def test_client_that_sends_too_large_a_body_reads_the_refusal(server):
    """Also on a connection that was used before, and for bodies without a length."""
    for _ in range(10):
        server.load()
        answer = server.post("completions", {"prompt": "a" * 1_100_000})
        assert answer.status_code == 413
        assert "larger" in answer.json()["error"]["message"]
    parts = (b"a" * 0x10000 for _ in range(20))
    assert server.http.post(f"{server.url}/completions", content=parts, headers=TYPE).status_code == 413


@pytest.mark.parametrize(
    "content",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", b"GET", b"\r\n\r\n", b"BLAH / HTTP/9.9\r\n\r\n", b"\0" * 5000,
        b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: " + b"y" * 200_000 + b"\r\n\r\n",
        b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: abc\r\n\r\n{}",
        b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\n{}",
        b"GET /v1/models HTTP/1.1\r\n\r\n", b"GET /v1/models HTTP/1.0\r\nHost: [::1\r\n\r\n",
        b"GET /v1/models/%ff%00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
)  # fmt: skip
def test_bytes_that_are_not_http_do_not_affect_the_server(server, content):
    try:
        answer = raw(server, content)
    except ConnectionError:
        answer = b""
    assert b" 500 " not in answer.split(b"\r\n")[0]
    assert b" 200 " not in answer.split(b"\r\n")[0]
    still_answers(server)


def test_idle_connections_do_not_keep_others_out(server):
    held = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(150)]
    try:
        for index, plain in enumerate(held):
            plain.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n"[: 5 + index % 40])
        still_answers(server)
    finally:
        for plain in held:
            plain.close()


def test_requests_beyond_the_queue_are_told_to_retry(server):
    body = {"prompt": "the cat", "max_tokens": 16, "temperature": 2, "top_k": 0, "top_p": 1, "stream": True}

    def ask(index):
        answer = server.http.post(f"{server.url}/completions", json={**body, "seed": index})
        if answer.status_code == 200:
            return answer.text.endswith("data: [DONE]\n\n")
        assert answer.headers["retry-after"]
        return answer.status_code

    with ThreadPoolExecutor(60) as pool:
        results = list(pool.map(ask, range(180)))
    assert set(results) <= {True, 429}
    assert True in results
    server.until_idle()


def test_clients_that_leave_mid_reply_free_their_slots(server):
    def leave(index):
        body = {"prompt": "the cat", "max_tokens": 16, "stream": True, "n": 2}
        with server.http.stream("POST", f"{server.url}/completions", json=body) as answer:
            for _, _ in zip(range(index % 7), answer.iter_lines(), strict=False):
                pass

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(leave, range(60)))
    server.until_idle()


# ------------------------------------------------------------------------------------------------- slow clients


@pytest.fixture
def impatient(model):
    """A server in this process with short time limits, its engine, and the tokens of finished requests."""
    engine, limits, tokens = Engine(model, slots=8), Limits(head_s=0.3, body_s=0.3, read_s=0.3), []
    settings = ServerSettings("tiny", limits=limits)
    app = build_app(engine, settings, lambda *entry: tokens.append(entry[3]))
    with listen("127.0.0.1", 0) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)  # soon full
        server = Server(app, engine, limits, listening)
        thread = threading.Thread(target=server.run)
        thread.start()
        yield listening.getsockname(), engine, tokens
        server.stop()
        thread.join()


def until_closed(plain):
    answer = b""
    try:
        while part := plain.recv(65536):
            answer += part
    except ConnectionError:
        pass
    return answer


@pytest.mark.parametrize("head", [b"", b"POST /v1/completions HT"])
def test_connection_without_a_complete_head_is_closed(impatient, head):
    address, _, _ = impatient
    with socket.create_connection(address, timeout=30) as plain:
        plain.sendall(head)
        assert until_closed(plain) == b""
    with socket.create_connection(address, timeout=30) as plain:  # nor after another request
        plain.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b" 200 " in plain.recv(65536)
        plain.sendall(head or b"\r")
        assert b" 200 " not in until_closed(plain)


def test_body_that_does_not_arrive_times_out(impatient):
    with socket.create_connection(impatient[0], timeout=30) as plain:
        plain.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\n{")
        answer = until_closed(plain)
    assert b" 408 " in answer.split(b"\r\n")[0]
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == "timeout"


def test_unread_answer_is_given_up_with_its_replies(impatient):
    address, engine, tokens = impatient
    body = {"messages": HELLO, "max_tokens": 4096, "n": 8, "stream": True, "logprobs": True, "top_logprobs": 20}
    content = json.dumps({**body, "temperature": 2, "top_k": 0, "top_p": 1}).encode()
    with socket.socket() as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.connect(address)
        plain.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n")
        plain.sendall(b"Content-Length: %d\r\n\r\n%s" % (len(content), content))
        while not tokens:
            pass
        while engine.load.running:
            pass
    assert tokens[0] < 8 * 4096
