"""Requests as common programs send them: each is answered, and what is left out is named in a header."""

import itertools
import json

import pytest
import torch

openai = pytest.importorskip("openai", reason="the openai client is not installed")
pytest.importorskip("fastapi", reason="the extra `server` is not installed")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from paths import REPOSITORY  # noqa: E402
from served import HELLO, Served, served_here  # noqa: E402

from i3core.checkpoints import checkpoint  # noqa: E402
from i3core.generation.config import SamplingConfig  # noqa: E402
from i3core.generation.generator import Generator  # noqa: E402
from i3core.serving import responses_api, schemas  # noqa: E402
from i3core.serving.conversation import as_conversation  # noqa: E402

TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
GREEDY = {"temperature": 0, "max_tokens": 12}


@pytest.fixture(scope="module")
def folder(build, tmp_path_factory):
    return build.folder(tmp_path_factory.mktemp("clients") / "tiny", window=256)


@pytest.fixture(scope="module")
def server(folder, fork_server):
    server = Served(folder, "--max-tokens", "40", fork_server=fork_server)
    yield server
    server.close()


@pytest.fixture(scope="module")
def ours(folder):
    return checkpoint.load(folder, "cpu", "float32")


def said(ours, prompt, prefix="", **values):
    ids = ours.template.tokenizer.encode(prefix)
    config = SamplingConfig(**{"temperature": 0, "max_new_tokens": 12, **values})
    return "".join(piece.text for piece in Generator(ours).stream(prompt, config, prefix_ids=ids))


def chat(server, messages=HELLO, **fields):
    answer = server.post("chat/completions", {"messages": messages, **GREEDY, **fields})
    assert answer.status_code == 200, answer.text
    return answer


def text_of(answer):
    return answer.json()["choices"][0]["message"]["content"]


# ---------------------------------------------------------------------------------------------- recorded requests

# The shapes that these programs send; the texts are ours.
OPEN_WEBUI = {
    "stream": True, "model": "tiny", "messages": HELLO, "stream_options": {"include_usage": True},
    "temperature": 0.8, "top_p": 0.9, "max_tokens": 128_000, "frequency_penalty": 0.0, "seed": 42, "stop": ["###"],
    "reasoning_effort": "low", "logit_bias": {},
}  # fmt: skip
OPEN_WEBUI_TITLE = {
    "model": "tiny", "messages": [{"role": "user", "content": "### Task:\ngive a title"}], "stream": False,
    "max_completion_tokens": 1000,
}  # fmt: skip
SILLY_TAVERN_CHAT = {
    "model": "tiny", "temperature": 1, "max_tokens": 300, "stream": True, "presence_penalty": 0,
    "frequency_penalty": 0.7, "top_p": 1, "top_k": -1, "seed": -1, "n": 1,
    "stop": ["\nYou:", "\nAnna:", "\nBen:", "\nCleo:", "\nDan:", "<|im_end|>", "###"],
    "messages": [
        {"role": "system", "content": "write anna's next reply."},
        {"role": "system", "name": "example_user", "content": "hello"},
        {"role": "system", "name": "example_assistant", "content": "hi there"},
        {"role": "assistant", "content": "hi there, how are you today?"},
        {"role": "user", "content": "what do you like to do?"},
        {"role": "system", "content": "stay in character."},
    ],
}  # fmt: skip
SILLY_TAVERN_TEXT = {
    "prompt": "once upon a time", "model": "tiny", "max_new_tokens": 300, "max_tokens": 300, "temperature": 0.7,
    "top_p": 0.5, "typical_p": 1, "typical": 1, "sampler_seed": -1, "min_p": 0, "repetition_penalty": 1.2,
    "frequency_penalty": 0, "presence_penalty": 0, "top_k": 40.0, "skew": 0, "min_tokens": 0, "add_bos_token": True,
    "smoothing_factor": 0, "dry_allowed_length": 2, "dry_sequence_breakers": '["\\n", ":"]', "mirostat_mode": 0,
    "xtc_threshold": 0.1, "stop": ["\nYou:"] * 12, "stopping_strings": ["\nYou:"], "truncation_length": 2048,
    "ban_eos_token": False, "skip_special_tokens": True, "include_reasoning": True, "stream": True, "seed": 7.0,
}  # fmt: skip
OPENCODE = {
    "model": "tiny", "max_tokens": 32_000, "stream": True, "stream_options": {"include_usage": True},
    "messages": [{"role": "system", "content": "you write titles"}, {"role": "user", "content": "the cat"}],
    "tools": [TOOL], "tool_choice": "none",
}  # fmt: skip


@pytest.mark.parametrize(
    ("path", "body", "ignored"),
    [
        ("chat/completions", OPEN_WEBUI, {"reasoning_effort"}),
        ("chat/completions", OPEN_WEBUI_TITLE, set()),
        ("chat/completions", SILLY_TAVERN_CHAT, {"messages.name"}),
        (
            "completions",
            SILLY_TAVERN_TEXT,
            {"typical_p", "max_new_tokens", "truncation_length", "dry_sequence_breakers", "stopping_strings"},
        ),
        ("chat/completions", OPENCODE, set()),
    ],
    ids=["Open WebUI", "Open WebUI title", "SillyTavern chat", "SillyTavern text", "opencode"],
)
def test_recorded_request_is_answered_and_names_ignored_fields(server, path, body, ignored):
    answer = server.post(path, body)
    assert answer.status_code == 200, answer.text
    named = set(answer.headers.get("x-i3-ignored", "").split(", ")) - {""}
    assert ignored <= named
    assert ignored or not named
    if body["stream"]:
        assert answer.text.endswith("data: [DONE]\n\n")


# ------------------------------------------------------------------------------------------------ single fields


def test_limit_above_the_servers_is_cut_to_it_with_a_note(server):
    free = {"temperature": 2, "top_k": 0, "top_p": 1}
    for fields in (
        {"max_tokens": 8192}, {"max_tokens": 32_000}, {"max_tokens": None, "max_completion_tokens": 128_000},
        {"max_tokens": -1},
    ):  # fmt: skip
        counts = [chat(server, **free, seed=seed, **fields).json()["usage"]["completion_tokens"] for seed in range(6)]
        assert max(counts) == 40
    assert "40" in chat(server, max_tokens=41).headers["x-i3-note"]
    assert "x-i3-note" not in chat(server, max_tokens=-1).headers


def test_any_number_of_stop_texts_ends_a_reply(server, ours):
    text = said(ours, HELLO)
    stops = [f"\nNumber {index}:" for index in range(20_000)]
    assert text_of(chat(server, stop=stops)) == text
    assert text_of(chat(server, stop=[*stops, "", text[4:7]])) == text[: text.index(text[4:7])]
    assert text_of(chat(server, stop=[""])) == text_of(chat(server, stop="")) == text


def test_penalties_and_top_k_apply(server, ours):
    assert text_of(chat(server, top_k=-1)) == said(ours, HELLO, top_k=0)
    for values in ({"frequency_penalty": 2.0}, {"presence_penalty": 2.0}, {"frequency_penalty": -2}):
        assert text_of(chat(server, **values, max_tokens=30)) == said(ours, HELLO, max_new_tokens=30, **values)
    plain, penalised = (said(ours, HELLO, max_new_tokens=40, presence_penalty=value) for value in (0, 2))
    assert plain != penalised


def test_seed_of_minus_one_is_a_new_one_each_time(server):
    wild = {"temperature": 2, "top_k": 0, "top_p": 1, "max_tokens": 20}
    assert len({text_of(chat(server, seed=-1, **wild)) for _ in range(3)}) > 1
    assert len({text_of(chat(server, seed=-2, **wild)) for _ in range(3)}) == 1


def test_tools_that_may_not_be_called_are_accepted(server, ours):
    assert text_of(chat(server, tools=[TOOL], tool_choice="none")) == said(ours, HELLO)
    assert text_of(chat(server, functions=[{"name": "f"}], function_call="none")) == said(ours, HELLO)
    assert text_of(chat(server, tools=[], tool_choice="auto")) == said(ours, HELLO)


def test_unknown_fields_are_named_in_a_header_that_holds_any_name(server):
    answer = chat(server, user="anna", store=False, metadata={}, mirostat=2, extra=None)
    assert answer.headers["x-i3-ignored"] == "user, mirostat"
    odd = {"zeile\r\nX-Evil: 1": 1, "ünï": 1, "a" * 5000: 1, **{f"f{index}": 1 for index in range(50)}}
    answer = chat(server, **odd)
    assert answer.headers["x-i3-ignored"].endswith("f29, 23 more")
    assert "x-evil" not in answer.headers
    assert "x-i3-ignored" not in chat(server).headers


def test_pages_of_an_allowed_site_can_read_the_headers(folder):
    with served_here(folder, "--cors", "http://localhost:3000") as server:
        answer = server.post(
            "chat/completions", {"messages": HELLO, "user": "a"}, headers={"Origin": "http://localhost:3000"}
        )
        assert "X-I3-Ignored" in answer.headers["access-control-expose-headers"]


# ---------------------------------------------------------------------------------------------------- conversations


def test_last_assistant_message_is_continued(server, ours):
    whole = said(ours, HELLO, max_new_tokens=20)
    start = whole[:6]
    messages = [*HELLO, {"role": "assistant", "content": start}]
    answer = chat(server, messages)
    assert text_of(answer) == said(ours, HELLO, start)
    usage = answer.json()["usage"]
    assert usage["completion_tokens"] <= 12
    assert usage["prompt_tokens"] == chat(server).json()["usage"]["prompt_tokens"] + len(ours.tokenizer.encode(start))
    assert text_of(chat(server, [*HELLO, {"role": "assistant", "content": ""}])) == said(ours, HELLO)
    assert text_of(chat(server, messages, stop=[start[2:5]])) == ""  # it has ended already


def test_tool_turns_of_a_history_are_read_as_text(server, ours):
    history = [
        {"role": "user", "content": "where is the cat?"},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "on the wall"},
    ]
    expected = [{"role": "user", "content": "where is the cat?\non the wall"}]
    answer = chat(server, history)
    assert text_of(answer) == said(ours, expected)
    assert "tools" in answer.headers["x-i3-note"]
    assert "x-i3-ignored" not in answer.headers
    later = [*history, {"role": "assistant", "content": "on the wall."}, *HELLO]
    assert text_of(chat(server, later)) == said(
        ours, [*expected, {"role": "assistant", "content": "on the wall."}, *HELLO]
    )


ROLE = st.sampled_from(["system", "developer", "user", "assistant", "tool", "function"])
MESSAGES = st.lists(st.tuples(ROLE, st.none() | st.text("ab \n", max_size=4), st.booleans()), max_size=7)


@given(MESSAGES)
@settings(deadline=None)
def test_every_text_of_a_conversation_is_read_once_or_noted(sent):
    messages = [
        schemas.ChatMessage.model_validate({"role": role, "content": text, **({"tool_calls": [CALL]} if calls else {})})
        for role, text, calls in sent
    ]
    result = as_conversation(messages)
    assert [message["role"] for message in result.messages].count("system") <= 1
    assert all(message["role"] != "system" for message in result.messages[1:])
    assert not result.messages or result.messages[-1]["role"] != "assistant"
    read = "".join(message["content"] for message in result.messages) + result.reply_start
    given_texts = [text or "" for role, text, _ in sent]
    assert sorted("".join(given_texts).replace(" ", "").replace("\n", "")) == sorted(
        read.replace(" ", "").replace("\n", "")
    )
    assert bool(result.notes) >= any(role in ("tool", "function") for role, _, _ in sent)


def test_system_messages_anywhere_are_joined_at_the_front():
    roles = ["system", "user", "developer", "assistant", "user", "system"]
    messages = [schemas.ChatMessage.model_validate({"role": role, "content": role[:3]}) for role in roles]
    result = as_conversation(messages)
    assert [message["role"] for message in result.messages] == ["system", "user", "assistant", "user"]
    assert result.messages[0]["content"] == "sys\n\ndev\n\nsys"
    assert result.notes


# ------------------------------------------------------------------------------------------- scores of a prompt


@torch.inference_mode()
def own_scores(ours, ids):
    """The log-probabilities of ids[1:] from the network itself."""
    logprobs = ours.network(torch.tensor([ids]))[0].log_softmax(-1)
    return [float(logprobs[place, token]) for place, token in enumerate(ids[1:])]


LONG = "the cat sat on the wall and looked at the boats. " * 7  # more than is read between two steps


@pytest.mark.parametrize("text", ["the cat sat on the mat", "The Cat", LONG])
@pytest.mark.parametrize("as_ids", [False, True])
def test_echo_with_logprobs_scores_the_prompt(server, ours, text, as_ids):
    ids = ours.tokenizer.encode(text)
    asked = {"prompt": ids if as_ids else text, "echo": True, "logprobs": 2, "temperature": 0}
    choice = server.post("completions", {**asked, "max_tokens": 0}).json()["choices"][0]
    shown = choice["logprobs"]
    assert choice["text"] == (ours.tokenizer.decode(ids) if as_ids else text)
    assert choice["finish_reason"] == "length"
    assert shown["tokens"] == [ours.tokenizer.decode([token]) for token in ids]
    assert shown["token_logprobs"] == pytest.approx(own_scores(ours, [ours.template.end_id, *ids]), abs=1e-3)
    assert shown["text_offset"] == list(itertools.accumulate(map(len, shown["tokens"]), initial=0))[:-1]
    assert all(len(top) == 2 for top in shown["top_logprobs"])
    one = server.post("completions", {**asked, "max_tokens": 1}).json()["choices"][0]
    assert one["logprobs"]["tokens"][:-1] == shown["tokens"]
    assert one["logprobs"]["text_offset"][-1] == len("".join(shown["tokens"]))
    events = server.post("completions", {**asked, "max_tokens": 3, "stream": True}).text.split("\n\n")[:-2]
    streamed = [json.loads(event.removeprefix("data: "))["choices"][0] for event in events]
    whole = server.post("completions", {**asked, "max_tokens": 3}).json()["choices"][0]
    assert "".join(part["text"] for part in streamed) == whole["text"]
    for name in ("tokens", "token_logprobs", "top_logprobs", "text_offset"):
        assert [value for part in streamed for value in part["logprobs"][name]] == whole["logprobs"][name]


def test_first_token_without_anything_before_it_has_no_score(server, ours):
    end = ours.template.end_id
    asked = {"prompt": [end, *ours.tokenizer.encode("the cat")], "echo": True, "logprobs": 1, "max_tokens": 0}
    answer = server.post("completions", asked).json()
    shown = answer["choices"][0]["logprobs"]
    assert (shown["token_logprobs"][0], shown["top_logprobs"][0]) == (None, None)
    assert shown["token_logprobs"][1:] == pytest.approx(own_scores(ours, asked["prompt"]), abs=1e-3)
    assert answer["usage"] == {
        "prompt_tokens": len(asked["prompt"]), "completion_tokens": 0, "total_tokens": len(asked["prompt"]),
    }  # fmt: skip


def test_scores_of_many_prompts_come_in_their_order(server, ours):
    prompts = ["the cat", "a boat", "hello there", "fish"] * 5
    choices = server.post(
        "completions", {"prompt": prompts, "echo": True, "logprobs": 0, "max_tokens": 0, "temperature": 0}
    ).json()["choices"]
    assert [choice["text"] for choice in choices] == prompts
    for prompt, choice in zip(prompts, choices, strict=True):
        ids = [ours.template.end_id, *ours.tokenizer.encode(prompt)]
        assert choice["logprobs"]["token_logprobs"] == pytest.approx(own_scores(ours, ids), abs=1e-3)
        assert choice["logprobs"]["top_logprobs"] is None


def test_no_tokens_without_echo_is_an_empty_reply(server):
    choice = server.post("completions", {"prompt": "the cat", "max_tokens": 0}).json()["choices"][0]
    assert (choice["text"], choice["finish_reason"]) == ("", "length")


# ------------------------------------------------------------------------------------------------- other routes


def test_head_answers_like_get_without_a_body(server):
    for address in (f"{server.url}/models", f"{server.url}/models/tiny", f"{server.root}/health"):
        got, head = server.http.get(address), server.http.head(address)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == got.headers["content-length"]
    assert server.http.head(f"{server.url}/nothing").status_code == 404
    assert server.http.head(f"{server.url}/completions").status_code == 405


def test_response_of_the_newer_api_equals_a_chat_completion(server, ours):
    client = server.client()
    asked = {"model": "tiny", "temperature": 0, "max_output_tokens": 12}
    answer = client.responses.create(input="hello", **asked)
    assert answer.output_text == said(ours, HELLO)
    assert answer.usage.input_tokens == chat(server).json()["usage"]["prompt_tokens"]
    assert answer.status in ("completed", "incomplete")
    turns = [*HELLO, {"role": "assistant", "content": "hi there"}, {"role": "user", "content": "the cat?"}]
    items = [
        {"role": "user", "content": [{"type": "input_text", "text": "hello"}]},
        {"type": "reasoning", "id": "rs_1", "summary": []},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "hi there"}]},
        {"role": "user", "content": "the cat?"},
    ]
    assert client.responses.create(input=items, **asked).output_text == said(ours, turns)
    raw = client.responses.with_raw_response.create(
        input="hello", instructions="be nice", metadata={"a": "b"}, store=True, **asked
    )
    assert "x-i3-note" not in raw.headers
    assert raw.parse().output_text == said(ours, [{"role": "system", "content": "be nice"}, *HELLO])
    assert raw.headers["x-i3-ignored"] == "store"
    assert raw.parse().metadata == {"a": "b"}


def test_stream_of_the_newer_api_gives_the_same_text(server, ours):
    asked = {"model": "tiny", "input": "hello", "temperature": 0, "max_output_tokens": 12}
    events = list(server.client().responses.create(**asked, stream=True))
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert text == said(ours, HELLO) == events[-1].response.output_text
    assert [event.sequence_number for event in events] == list(range(len(events)))
    kinds = [kind for kind, _ in itertools.groupby(event.type for event in events)]
    assert kinds[:-1] == [
        "response.created", "response.in_progress", "response.output_item.added", "response.content_part.added",
        "response.output_text.delta", "response.output_text.done", "response.content_part.done",
        "response.output_item.done",
    ]  # fmt: skip
    assert kinds[-1] in ("response.completed", "response.incomplete")


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"background": True}, "background"),
        ({"tools": [{"type": "web_search"}]}, "tools"),
        ({"text": {"format": {"type": "json_object"}}}, "text.format"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "input"),
        ({"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "x"}]}]}, "input"),
        ({"input": []}, "input"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"n": 2}, "n"),
    ],
)
def test_response_that_cannot_be_made_is_refused_in_words(server, change, param):
    answer = server.post("responses", {"input": "hello", **change})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param
    assert len(answer.json()["error"]["message"]) > 10


@pytest.mark.parametrize("path", ["embeddings", "moderations", "images/generations", "audio/speech"])
def test_other_routes_of_openai_are_refused_in_words(server, path):
    answer = server.post(path, {"input": "a", "model": "tiny"})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "unsupported_endpoint"


# ------------------------------------------------------------------------------------------------------ the manual


def test_docs_list_every_field():
    page = (REPOSITORY / "docs" / "server.md").read_text(encoding="utf-8")
    requests = (schemas.ChatCompletionRequest, schemas.CompletionRequest, responses_api.ResponsesRequest)
    fields = {name for request in requests for name in request.model_fields}
    for name in (*fields, *schemas.UNSUPPORTED, *responses_api.UNSUPPORTED):
        assert f"`{name}`" in page, name
