"""The server as its clients see it: a real process on loopback, asked by the real `openai` client."""

import json
import os
import select
import signal
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

openai = pytest.importorskip("openai", reason="the openai client is not installed")
pytest.importorskip("fastapi", reason="the extra `server` is not installed")

from served import HELLO, Served, served_here  # noqa: E402
from starlette.requests import Request  # noqa: E402

from i3core.checkpoints import checkpoint  # noqa: E402
from i3core.cli.main import main  # noqa: E402
from i3core.generation.config import SamplingConfig  # noqa: E402
from i3core.generation.generator import Generator  # noqa: E402
from i3core.generation.sequence import TokenSequence  # noqa: E402
from i3core.serving.app import client_name  # noqa: E402
from i3core.serving.engine import BusyError, ClosingError, Engine, FairQueue  # noqa: E402


@pytest.fixture(scope="module")
def folder(build, tmp_path_factory):
    return build.folder(tmp_path_factory.mktemp("served") / "tiny", window=256)


@pytest.fixture(scope="module")
def server(folder, fork_server):
    server = Served(folder, "--slots", "8", "--max-waiting", "200", fork_server=fork_server)
    yield server
    server.close()


@pytest.fixture(scope="module")
def ours(folder):
    return checkpoint.load(folder, "cpu", "float32")


def expected(ours, prompt, **settings):
    config = SamplingConfig(**settings)
    pieces = list(Generator(ours).stream(prompt, config, alternatives=3))
    return "".join(piece.text for piece in pieces), pieces


# ------------------------------------------------------------------------------------------------------------ answers


def test_reply_equals_that_of_generate(server, ours):
    text, pieces = expected(ours, HELLO, temperature=0, max_new_tokens=30)
    answer = server.client().chat.completions.create(model="tiny", messages=HELLO, temperature=0, max_tokens=30)
    assert answer.choices[0].message.content == text
    assert answer.choices[0].finish_reason == pieces[-1].finish_reason
    assert answer.usage.prompt_tokens == pieces[0].prompt_tokens
    assert answer.usage.completion_tokens == pieces[-1].new_tokens
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_stream_equals_generate(server, ours):
    text, pieces = expected(ours, HELLO, temperature=0.9, seed=5, max_new_tokens=25)
    chunks = list(
        server.client().chat.completions.create(
            model="tiny", messages=HELLO, temperature=0.9, seed=5, max_completion_tokens=25, stream=True,
            stream_options={"include_usage": True},
        )
    )  # fmt: skip
    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1]) == text
    assert [chunk.choices[0].finish_reason for chunk in chunks[1:-1]] == [piece.finish_reason for piece in pieces]
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens == pieces[-1].new_tokens
    assert len({chunk.id for chunk in chunks}) == 1


def test_seed_repeats_replies_and_n_gives_several(server, ours):
    def ask():
        answer = server.client().chat.completions.create(
            model="tiny", messages=HELLO, seed=7, n=3, max_tokens=12, temperature=1.0
        )
        return [choice.message.content for choice in answer.choices], answer.usage

    (texts, used), (again, _) = ask(), ask()
    assert texts == again
    one_by_one = [expected(ours, HELLO, seed=7 + i, max_new_tokens=12, temperature=1.0) for i in range(3)]
    assert texts == [text for text, _ in one_by_one]
    assert used.prompt_tokens == one_by_one[0][1][0].prompt_tokens
    assert used.completion_tokens == sum(pieces[-1].new_tokens for _, pieces in one_by_one)


def test_logprobs_are_the_models_own(server, ours):
    _, pieces = expected(ours, HELLO, temperature=0, max_new_tokens=8)
    answer = server.client().chat.completions.create(
        model="tiny", messages=HELLO, temperature=0, max_tokens=8, logprobs=True, top_logprobs=3
    )
    entries = answer.choices[0].logprobs.content
    pieces = [piece for piece in pieces if piece.chunk.token_id != ours.template.end_id]
    assert [entry.token for entry in entries] == [piece.chunk.text for piece in pieces]
    assert "".join(entry.token for entry in entries) == answer.choices[0].message.content
    assert [entry.logprob for entry in entries] == pytest.approx([piece.logprob for piece in pieces], abs=1e-3)
    assert [top.token for top in entries[0].top_logprobs] == [other.text for other in pieces[0].chunk.alternatives]
    assert bytes(entries[0].bytes).decode() == entries[0].token


def test_completions_continue_texts(server, ours):
    client = server.client()
    texts = [expected(ours, prompt, temperature=0, max_new_tokens=9)[0] for prompt in ("the cat", "a")]
    answer = client.completions.create(model="tiny", prompt=["the cat", "a"], temperature=0, max_tokens=9)
    assert [choice.text for choice in answer.choices] == texts
    ids = ours.tokenizer.encode("the cat")
    answer = client.completions.create(model="tiny", prompt=ids, temperature=0, max_tokens=9, echo=True, stream=False)
    assert answer.choices[0].text == "the cat" + texts[0]
    streamed = client.completions.create(
        model="tiny", prompt="The Cat", temperature=0, max_tokens=9, echo=True, stream=True
    )
    assert "".join(chunk.choices[0].text for chunk in streamed) == "The Cat" + texts[0]  # as it was sent


def test_usage_counts_each_prompt_of_a_list(server):
    answer = server.client().completions.create(model="tiny", prompt=["the cat", "the cat"], n=2, max_tokens=2)
    alone = server.client().completions.create(model="tiny", prompt="the cat", max_tokens=2)
    assert answer.usage.prompt_tokens == 2 * alone.usage.prompt_tokens


@pytest.mark.parametrize("stop", [None, "the model's own"])
def test_logprobs_cover_the_shown_text_only(server, ours, stop):
    """Whole or streamed: the tokens join to the text, each at its offset, and none of a stop text follows."""
    text = expected(ours, "the cat", temperature=0, max_new_tokens=20)[0]
    asked = {"model": "tiny", "prompt": "the cat", "temperature": 0, "max_tokens": 20, "logprobs": 2}
    asked |= {"stop": text[9:12]} if stop else {}
    whole = server.client().completions.create(**asked).choices[0]
    streamed = [chunk.choices[0] for chunk in server.client().completions.create(**asked, stream=True)]
    assert whole.text == "".join(choice.text for choice in streamed)
    tokens = whole.logprobs.tokens
    assert "".join(tokens).startswith(whole.text)
    assert len("".join(tokens[:-1])) < len(whole.text)
    assert whole.logprobs.text_offset == [len("".join(tokens[:index])) for index in range(len(tokens))]
    for name in ("tokens", "text_offset", "token_logprobs", "top_logprobs"):
        assert [value for choice in streamed for value in getattr(choice.logprobs, name)] == getattr(
            whole.logprobs, name
        )


def test_stop_texts_and_own_settings_apply(server, ours):
    text, _ = expected(ours, HELLO, temperature=0, max_new_tokens=20)
    stop = text[4:6]
    answer = server.client().chat.completions.create(
        model="tiny", messages=HELLO, temperature=0, max_tokens=20, stop=[stop, "never there"]
    )
    assert answer.choices[0].message.content == text[: text.index(stop)]
    assert answer.choices[0].finish_reason == "stop"
    answer = server.client().chat.completions.create(
        model="tiny", messages=HELLO, temperature=1.5, max_tokens=20, extra_body={"top_k": 1}
    )
    assert answer.choices[0].message.content == text
    settings = {"temperature": 1.5, "seed": 2, "min_p": 0.2, "repetition_penalty": 1.5, "top_p": 0.7}
    answer = server.client().chat.completions.create(
        model="tiny", messages=HELLO, temperature=1.5, seed=2, top_p=0.7, max_tokens=20,
        extra_body={"min_p": 0.2, "repetition_penalty": 1.5},
    )  # fmt: skip
    assert answer.choices[0].message.content == expected(ours, HELLO, max_new_tokens=20, **settings)[0]


def test_text_parts_are_joined_and_models_are_listed(server):
    client = server.client()
    parts = [{"role": "user", "content": [{"type": "text", "text": "hel"}, {"type": "text", "text": "lo"}]}]
    both = [
        client.chat.completions.create(model="tiny", messages=messages, temperature=0, max_tokens=5)
        for messages in (parts, HELLO)
    ]
    assert both[0].choices[0].message.content == both[1].choices[0].message.content
    assert [model.id for model in client.models.list()] == ["tiny"]
    assert client.models.retrieve("tiny").owned_by == "i3desk"


# ------------------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"temperature": 3}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "user", "content": " "}]}, "messages"),
        ({"messages": [{"role": "wizard", "content": "hi"}]}, "messages.0.role"),
        ({"messages": [{"role": "assistant", "content": "hi"}]}, "messages"),
        ({"messages": [{"role": "system", "content": "be nice"}]}, "messages"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]}, "messages"),
        ({"messages": [{"role": "user", "content": "the cat " * 500}]}, "messages"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": -2}, "max_tokens"),
        ({"max_tokens": 2.5}, "max_tokens"),
        ({"n": 99}, "n"),
        ({"stop": ["a", 5]}, "stop.1"),
        ({"frequency_penalty": 2.5}, "frequency_penalty"),
        ({"presence_penalty": "much"}, "presence_penalty"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "auto"}, "tools"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"logit_bias": {"5": 10}}, "logit_bias"),
        ({"extra_body": {"top_k": -2}}, "top_k"),
    ],
)
def test_unsupported_request_is_a_bad_request(server, change, param):
    with pytest.raises(openai.BadRequestError) as caught:
        server.client().chat.completions.create(**{"model": "tiny", "messages": HELLO, **change})
    error = caught.value.body
    assert error["message"]
    assert error["type"] == "invalid_request_error"
    if param is not None:
        assert error["param"] == param


def test_errors_name_what_is_wrong(server):
    def error(path="chat/completions", **sent):
        answer = server.http.post(f"{server.url}/{path}", timeout=60, **sent)
        assert answer.status_code == 400
        return answer.json()["error"]

    assert "string" in error(json={"messages": [{"role": "user", "content": 5}]})["message"]
    part = error(json={"messages": [{"role": "user", "content": [{"text": "a"}]}]})
    assert part["param"] == "messages.0.content.0.type"
    assert "greater" in error("completions", json={"prompt": [-1]})["message"]
    broken = error(content=b'{"messages": [}', headers={"Content-Type": "application/json"})
    assert "not JSON" in broken["message"]
    assert broken["param"] is None
    assert "Content-Type" in error(content=b'{"messages": []}')["message"]
    assert (
        error(json={"messages": [{"role": "user", "content": "the cat " * 500}]})["code"] == "context_length_exceeded"
    )
    assert error(json={"messages": HELLO, "max_completion_tokens": 0})["param"] == "max_completion_tokens"
    assert "no embeddings" in error("embeddings", json={"input": "a", "model": "tiny"})["message"]


def test_system_prompt_is_read_in_front_of_the_first_question(server, ours):
    """As a model without a turn for it was trained: the reply is that to both texts in one message."""
    together = [{"role": "user", "content": "be nice\n\n" + HELLO[0]["content"]}, *HELLO[1:]]
    for role in ("system", "developer"):
        answer = server.client().chat.completions.with_raw_response.create(
            model="tiny", messages=[{"role": role, "content": "be nice"}, *HELLO], temperature=0, max_tokens=8
        )
        assert answer.parse().choices[0].message.content == expected(ours, together, temperature=0, max_new_tokens=8)[0]
        assert "x-i3-note" not in answer.headers


def test_system_prompt_with_a_turn_of_its_own_is_read(build, tmp_path):
    folder = build.folder(tmp_path / "polite", special=False)
    config = json.loads((folder / "config.json").read_text())
    config["chat_template"] = {"kind": "text", "form": "[q] {user} [a] {assistant} ", "system": "[s] {system} "}
    (folder / "config.json").write_text(json.dumps(config))
    ours = checkpoint.load(folder, "cpu", "float32")
    with served_here(folder, "--device", "cpu") as server:
        messages = [{"role": "system", "content": "be nice"}, *HELLO]
        answer = server.client().chat.completions.with_raw_response.create(
            model="polite", messages=messages, temperature=0, max_tokens=9, logprobs=True
        )
        choice = answer.parse().choices[0]
        assert "x-i3-note" not in answer.headers
        assert choice.message.content == expected(ours, messages, temperature=0, max_new_tokens=9)[0]
        assert "".join(entry.token for entry in choice.logprobs.content).strip() == choice.message.content.strip()


def test_replies_keep_to_the_servers_limits(folder):
    with served_here(folder, "--max-tokens", "5", "--slots", "1", "--max-waiting", "3") as server:
        body = {"prompt": "the cat", "temperature": 2, "top_k": 0, "top_p": 1, "seed": 1}
        answer = server.http.post(f"{server.url}/completions", json=body).json()
        assert answer["usage"]["completion_tokens"] <= 5
        many = server.http.post(f"{server.url}/completions", json={**body, "n": 8})
        assert many.status_code == 400  # the queue could never hold them
        assert many.json()["error"]["param"] == "n"


def test_unknown_model_or_path_is_not_found(server):
    client = server.client()
    with pytest.raises(openai.NotFoundError, match="tiny"):
        client.chat.completions.create(model="gpt-9", messages=HELLO)
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-9")
    for answer in (server.http.get(f"{server.url}/nothing"), server.http.get(f"{server.root}/chat/completions")):
        assert answer.status_code == 404
        assert "/v1/chat/completions" in answer.json()["error"]["message"]
    assert "GET" in server.http.get(f"{server.url}/chat/completions").json()["error"]["message"]


def test_requests_without_the_api_key_are_refused(folder, monkeypatch, capsys):
    monkeypatch.setenv("I3DESK_API_KEY", "secret-of-ours")
    with served_here(folder) as server:
        assert server.client("secret-of-ours").models.list().data
        for key in ("wrong", "secret-of-our"):
            with pytest.raises(openai.AuthenticationError):
                server.client(key).models.list()
        assert server.http.get(f"{server.url}/models").json()["error"]["type"] == "authentication_error"
        assert server.http.get(f"{server.root}/health").status_code == 200
    assert "secret-of-ours" not in "".join(capsys.readouterr())


def test_request_log_has_no_content(server):
    answer = server.http.post(f"{server.url}/completions", json={"prompt": "the purple cat", "max_tokens": 3})
    tokens = answer.json()["usage"]["completion_tokens"]
    server.http.get(f"{server.root}/forged%0Aline%1b")
    while not any("forged" in line for line in server.lines):
        pass
    asked, forged = map(json.loads, server.lines[-2:])
    assert (asked["event"], asked["status"], asked["tokens"]) == ("request", 200, tokens)
    assert forged["status"] == 404
    assert not any("purple" in line for line in server.lines)


def test_pages_of_other_sites_are_refused(server):
    url, body = f"{server.url}/chat/completions", {"messages": HELLO, "max_tokens": 2}
    assert server.http.post(url, json=body).status_code == 200
    assert server.http.post(url, json=body, headers={"Host": "evil.example"}).status_code == 403
    for origin in ("https://evil.example", "http://localhost.evil.example", "null", "http://["):
        refused = server.http.post(url, json=body, headers={"Origin": origin})
        assert refused.status_code == 403
        assert refused.json()["error"]["type"] == "permission_error"
    for headers in (
        {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"},
        {"Origin": "https://evil.example"},
        {"Host": "evil.example"},
    ):
        refused = server.http.options(url, headers=headers)
        assert refused.status_code == 403
        assert refused.json()["error"]["code"] == ("wrong_host" if "Host" in headers else "wrong_origin")
        assert "access-control-allow-origin" not in refused.headers
    answer = server.http.post(url, json=body, headers={"Origin": f"http://localhost:{server.port}"})
    assert not any(name.startswith("access-control") for name in answer.headers)


def test_allowed_site_and_host_may_ask(folder):
    with served_here(folder, "--cors", "http://localhost:3000/", "--allow-host", "host.docker.internal") as server:
        asked = {"Origin": "http://localhost:3000", "Access-Control-Request-Method": "POST"}
        preflight = server.http.options(f"{server.url}/chat/completions", headers=asked)
        assert preflight.status_code == 200
        assert preflight.headers["access-control-allow-origin"] == "http://localhost:3000"
        headers = {**asked, "Access-Control-Request-Headers": "authorization,x-stainless-os"}
        preflight = server.http.options(f"{server.url}/chat/completions", headers=headers)
        assert preflight.headers["access-control-allow-headers"] == "authorization,x-stainless-os"
        private = server.http.options(
            f"{server.url}/models", headers={**asked, "Access-Control-Request-Private-Network": "true"}
        )
        assert private.headers["access-control-allow-private-network"] == "true"
        answer = server.post("completions", {"prompt": "a", "n": 99}, headers={"Origin": "http://localhost:3000"})
        assert answer.status_code == 400
        assert answer.headers["access-control-allow-origin"] == "http://localhost:3000"  # its pages read errors too
        assert server.http.get(f"{server.url}/models", headers={"Origin": "https://evil.example"}).status_code == 403
        assert server.http.get(f"{server.url}/models", headers={"Host": "host.docker.internal:8010"}).status_code == 200
        assert server.http.get(f"{server.url}/models", headers={"Host": "docker.internal"}).status_code == 403


# -------------------------------------------------------------------------------------------------------- many clients


def test_hundred_concurrent_streams_are_each_as_if_alone(server, ours):
    prompts = ["the cat", "once upon a time", "a", "hello there", "what"]

    def ask(index):
        chunks = server.client().completions.create(
            model="tiny", prompt=prompts[index % 5], temperature=0, max_tokens=10 + index % 20, stream=True
        )
        return "".join(chunk.choices[0].text for chunk in chunks)

    memory = psutil.Process(server.process.pid).memory_info
    with ThreadPoolExecutor(100) as pool:
        list(pool.map(ask, range(20)))
        before = memory().rss
        texts = list(pool.map(ask, range(100)))
        texts = list(pool.map(ask, range(100)))
    assert memory().rss - before < 40e6
    for index, text in enumerate(texts):
        whole = expected(ours, prompts[index % 5], temperature=0, max_new_tokens=10 + index % 20)[0]
        assert text == whole


def leave_while_answered(server, content, more=b""):
    """Close a connection whose request is being answered; try again if the answer came first."""
    while True:
        with socket.create_connection(("127.0.0.1", server.port)) as plain:
            plain.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n")
            plain.sendall(b"Content-Length: %d\r\n\r\n%s" % (len(content), content))
            while not select.select([plain], [], [], 0)[0]:
                if server.load()["running"]:
                    plain.sendall(more)
                    return


def test_client_that_leaves_cancels_its_reply(server):
    body = {"prompt": "the cat", "max_tokens": 4096, "temperature": 2, "top_k": 0, "top_p": 1, "n": 4}
    with server.http.stream("POST", f"{server.url}/completions", json={**body, "stream": True}) as answer:
        assert next(answer.iter_lines()).startswith("data:")
    server.until_idle()
    content = json.dumps(body).encode()
    leave_while_answered(server, content)
    server.until_idle()
    leave_while_answered(server, content, b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
    server.until_idle()


def test_clients_take_turns(model):
    queue, reply = FairQueue(), TokenSequence(model, "a", SamplingConfig())
    for ticket, client in enumerate("aaaaabbc"):
        queue.push(client, ticket, reply)
    queue.remove(1)
    assert queue.pop(skip={"a", "c"})[:2] == ("b", 5)
    assert queue.pop(skip={"a", "b", "c"}) is None
    assert [queue.pop()[1] for _ in range(len(queue))] == [0, 7, 6, 2, 3, 4]


@pytest.mark.parametrize(("host", "told_apart"), [("127.0.0.1", True), ("::1", True), ("0.0.0.0", False)])
def test_remote_clients_are_told_apart_by_address_alone(host, told_apart):
    """A client can write any name into its headers."""

    def asking(name):
        headers = [(b"x-client", name), (b"user-agent", name)]
        return Request({"type": "http", "client": ("192.0.2.7", 4711), "headers": headers})

    assert (client_name(asking(b"a"), host) != client_name(asking(b"b"), host)) == told_apart


def test_full_queue_refuses_replies(model):
    engine = Engine(model, slots=1, max_waiting=2)
    try:
        config = SamplingConfig(max_new_tokens=4096, temperature=2, top_k=0, top_p=1.0, seed=0)

        def ask(client, count=1):
            return engine.submit(
                client, [(TokenSequence(model, "a", config), lambda piece: None) for _ in range(count)]
            )

        taken = ask("a", engine.max_replies)
        while not engine.load.running:
            pass
        with pytest.raises(BusyError, match=r"\d of your replies are waiting"):  # or it would keep others out
            ask("a")
        taken += ask("b")
        with pytest.raises(BusyError, match=r"\d replies are waiting"):
            ask("c")
        engine.cancel(taken)
        done = threading.Event()
        short = SamplingConfig(max_new_tokens=2, seed=0)
        engine.submit("b", [(TokenSequence(model, "a", short), lambda piece: piece.finish_reason and done.set())])
        assert done.wait(30)
    finally:
        engine.close()
    with pytest.raises(ClosingError):
        ask("a")


@pytest.mark.parametrize("max_waiting", [1, 2, 512])
def test_endless_replies_leave_a_slot_to_other_clients(build, max_waiting):
    model = build.model(special=False)  # it has no end token
    engine, ended, done = Engine(model, slots=3, max_waiting=max_waiting), [], threading.Event()
    try:
        long, short = SamplingConfig(max_new_tokens=4096, seed=0), SamplingConfig(max_new_tokens=2, seed=0)
        count = min(5, engine.max_replies)
        engine.submit("a", [(TokenSequence(model, "a", long), ended.append) for _ in range(count)])
        while engine.load.running < 2:
            pass
        for _ in range(3):
            done.clear()
            engine.submit("b", [(TokenSequence(model, "a", short), lambda piece: piece.finish_reason and done.set())])
            assert done.wait(60)
            assert engine.load.waiting == count - 2
        assert ended
        assert not any(piece.finish_reason for piece in ended)
    finally:
        engine.close()


def test_bug_ends_the_replies_but_not_the_server(model, monkeypatch):
    engine = Engine(model, slots=4)
    received, config = [], SamplingConfig(max_new_tokens=5, seed=0)
    try:
        with monkeypatch.context() as patch:
            patch.setattr("i3core.generation.batch_generator.BatchGenerator.advance", lambda batch: 1 / 0)
            failed = threading.Event()

            def listen(piece):
                received.append(piece)
                failed.set()

            engine.submit("a", [(TokenSequence(model, "a", config), listen)])
            assert failed.wait(30)
            assert "ZeroDivisionError" in received[0].what
    finally:
        engine.close()


# ------------------------------------------------------------------------------------------------------ how it listens


def test_server_listens_on_loopback_alone(server):
    listening = [c for c in psutil.Process(server.process.pid).net_connections("inet") if c.status == "LISTEN"]
    assert [c.laddr.ip for c in listening] == ["127.0.0.1"]
    outside = [
        address.address
        for addresses in psutil.net_if_addrs().values()
        for address in addresses
        if address.family == socket.AF_INET and not address.address.startswith("127.")
    ]
    for address in outside:
        with pytest.raises(OSError, match="refused"):
            socket.create_connection((address, server.port), timeout=10).close()


def test_server_answers_on_ipv6_loopback(folder):
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 here")
    with served_here(folder, "--host", "::1") as server:
        assert server.url.startswith("http://[::1]:")
        assert server.client().models.list().data
        assert server.http.get(f"{server.root}/health", headers={"Host": "[::2]"}).status_code == 403


def test_address_beyond_loopback_requires_a_key(folder, capsys, monkeypatch):
    monkeypatch.delenv("I3DESK_API_KEY", raising=False)
    for host in ("0.0.0.0", "::", "192.168.1.5"):
        assert main(["serve", str(folder), "--host", host, "--port", "0"]) == 1
        assert "API key" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--port", "70000"], "--port"),
        (["--slots", "0"], "--slots"),
        (["--api-key-file", "/nowhere/key"], "/nowhere/key"),
        (["--host", "no such host"], "no such host"),
        (["--cors", "*"], "one web site"),
        (["--cors", "localhost:3000/app"], "one web site"),
        (["--allow-host", "http://x"], "--allow-host"),
    ],
)
def test_invalid_options_are_refused(folder, options, words, capsys, monkeypatch):
    monkeypatch.setenv("I3DESK_API_KEY", "key")
    assert main(["serve", str(folder), *options]) == 1
    assert words in capsys.readouterr().err


def test_port_in_use_is_reported_before_the_model_is_loaded(server, capsys):
    assert main(["serve", "no-such-model", "--port", str(server.port)]) == 1
    assert f"Port {server.port} is in use" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="signals are different there")
def test_ctrl_c_ends_the_server_during_a_reply(folder, fork_server):
    server = Served(folder, fork_server=fork_server)
    body = {"prompt": "the cat", "max_tokens": 4096, "temperature": 2, "top_k": 0, "top_p": 1, "stream": True, "n": 8}
    with server.http.stream("POST", f"{server.url}/completions", json=body) as answer:
        lines = answer.iter_lines()
        next(lines)
        server.process.send_signal(signal.SIGINT)
        rest = [line for line in lines if line]
    assert rest[-1] == "data: [DONE]" or "closing" in rest[-1]
    assert server.process.wait(20) == 0
    server.close()
