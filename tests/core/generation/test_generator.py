"""Replies as the window and the command line see them: pieces, ends, what fits and what does not."""

import dataclasses
import functools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from prompts import prompt_ids

import i3core
from i3core.errors import PromptError
from i3core.generation.config import SamplingConfig
from i3core.generation.generator import Generator
from i3core.generation.stopping import StopStrings
from i3core.text.chat_template import ChatTemplate

GREEDY = {"temperature": 0.0, "repetition_penalty": 1.0}


def user(text):
    return {"role": "user", "content": text}


def assistant(text):
    return {"role": "assistant", "content": text}


def speak(model, prompt, cancelled=lambda: False, **settings):
    return list(i3core.generate(model, prompt, SamplingConfig(**{**GREEDY, **settings}), cancelled))


def text_of(pieces):
    return "".join(piece.text for piece in pieces)


@pytest.fixture(scope="module")
def parrot(build):
    """parrot(prompt, text, ends): a model that answers `prompt` with `text` and, if `ends`, its end token."""

    def make(prompt, text, ends=True, special=True):
        model = build.model(special=special)
        read, _ = prompt_ids(model, prompt, 30)
        say = model.tokenizer.encode(text) + ([model.template.end_id] if ends else [])
        filler = model.tokenizer.encode("t")[0]
        script = [filler] * (len(read) - 1) + say
        return build.forced(model, script + [filler] * (model.config.window - len(script)))

    return make


HELLO = [user("hello!")]


def test_end_token_ends_the_reply(parrot):
    pieces = speak(parrot(HELLO, "the cat likes fish."), HELLO, max_new_tokens=40)
    assert text_of(pieces) == "the cat likes fish."
    assert [piece.finish_reason for piece in pieces] == [None] * (len(pieces) - 1) + ["stop"]
    assert pieces[-1].text == ""


def test_token_budget_ends_the_reply(parrot):
    model = parrot(HELLO, "the cat likes fish.")
    pieces = speak(model, HELLO, max_new_tokens=3)
    assert [piece.finish_reason for piece in pieces] == [None, None, "length"]
    assert text_of(pieces) == model.tokenizer.decode(piece.token_id for piece in pieces)


def test_cancelling_between_tokens_ends_the_reply(parrot):
    answers = iter([False, False, False, True, True])
    pieces = speak(parrot(HELLO, "the cat likes fish."), HELLO, lambda: next(answers))
    assert pieces[-1].finish_reason == "cancelled"
    assert pieces[-1].token_id == -1
    assert len(pieces) == 3
    assert "the cat likes".startswith(text_of(pieces))


def test_cancelling_before_the_first_token_yields_no_text(model):
    pieces = speak(model, HELLO, lambda: True)
    assert [piece.finish_reason for piece in pieces] == ["cancelled"]
    assert pieces[0].new_tokens == 0


@pytest.mark.parametrize("stop", ["likes", "s f", "fish.", "t", "LIKES", "the cat likes fish."])
def test_stop_string_is_never_shown(parrot, stop):
    whole = "the cat likes fish."
    pieces = speak(parrot(HELLO, whole), HELLO, max_new_tokens=40, stop=(stop,))
    assert pieces[-1].finish_reason == "stop"
    assert text_of(pieces) == whole[: whole.index(stop.lower())]


def test_text_template_ends_the_reply_at_the_next_turn(parrot):
    pieces = speak(parrot(HELLO, "hi [inst] the", ends=False, special=False), HELLO, max_new_tokens=30)
    assert pieces[-1].finish_reason == "stop"
    assert text_of(pieces) == "hi "


def test_held_text_is_shown_if_no_stop_string_follows(parrot):
    model = parrot(HELLO, "the cat likes fish.")
    assert text_of(speak(model, HELLO, max_new_tokens=40, stop=("fish. and",))) == "the cat likes fish."
    few = speak(model, HELLO, max_new_tokens=2, stop=("the cat likes it",))
    assert text_of(few) == model.tokenizer.decode(piece.token_id for piece in few)


@given(
    text=st.text("ab<>", max_size=30), stops=st.lists(st.text("ab<>", min_size=1, max_size=4), max_size=3),
    cuts=st.lists(st.integers(1, 3), min_size=30, max_size=30),
)  # fmt: skip
def test_stop_strings_split_over_pieces_are_found(text, stops, cuts):
    """Whatever the pieces: what is shown ends where the first stop text begins, and nothing before it is lost."""
    holder, shown, place, stopped = StopStrings(stops), "", 0, False
    for cut in cuts:
        if place >= len(text) or stopped:
            break
        part, stopped = holder.push(text[place : place + cut])
        shown, place = shown + part, place + cut
    seen = text[:place]
    found = [seen.index(stop) for stop in stops if stop in seen]
    assert stopped == bool(found)
    assert shown == seen[: min(found)] if stopped else shown + holder.held == text


def test_pieces_count_tokens_window_and_speed(model):
    pieces = speak(model, HELLO, max_new_tokens=6, stop=("zzz",), temperature=1.0, seed=5)
    ids, _ = prompt_ids(model, HELLO, 6)
    counted = [piece for piece in pieces if piece.token_id >= 0]
    assert [piece.new_tokens for piece in counted] == list(range(1, len(counted) + 1))
    assert {piece.prompt_tokens for piece in pieces} == {len(ids)}
    assert {piece.window for piece in pieces} == {model.config.window}
    assert {piece.seed for piece in pieces} == {5}
    assert [piece.window_used for piece in counted] == [len(ids) + i for i in range(len(counted))]
    assert all(piece.logprob < 0 for piece in counted)
    assert all(piece.seconds_to_first_token > 0 for piece in counted)
    assert counted[-1].tokens_per_second > 0
    assert counted[0].tokens_per_second == 0


def test_logprobs_are_those_before_temperature_and_filters(model):
    """Neither temperature nor filters change them."""
    plain = speak(model, "the cat", max_new_tokens=1)
    filtered = speak(model, "the cat", max_new_tokens=1, top_k=1, temperature=0.3)
    assert filtered[0].token_id == plain[0].token_id
    assert filtered[0].logprob == plain[0].logprob
    logits = Generator(model).prefill(prompt_ids(model, "the cat", 1)[0])
    assert plain[0].logprob == pytest.approx(logits.log_softmax(0)[plain[0].token_id].item(), rel=1e-5)


def test_same_seed_repeats_and_without_one_it_is_new(model):
    def ids(seed):
        pieces = speak(model, HELLO, temperature=1.0, top_k=0, max_new_tokens=20, seed=seed)
        return [piece.token_id for piece in pieces], pieces[0].seed

    assert ids(3) == ids(3)
    assert ids(3) != ids(4)
    first, seed = ids(None)
    assert ids(seed)[0] == first
    assert ids(None)[1] != seed


def test_reused_generator_equals_a_fresh_one(model):
    generator = Generator(model)
    config = SamplingConfig(seed=7, max_new_tokens=12)
    messages = []
    for text in ("hello!", "what do you like?", "the sea?", "hello!"):
        messages.append(user(text))
        reused = list(generator.stream(messages, config))
        fresh = list(i3core.generate(model, messages, config))
        assert [piece.token_id for piece in reused] == [piece.token_id for piece in fresh]
        messages.append(assistant(text_of(reused)))


def test_reply_longer_than_the_window_continues(build):
    model = build.model(window=16)
    model.network.head.bias.data[model.template.end_id] = -100.0
    pieces = speak(model, "the cat", max_new_tokens=60, temperature=1.0, seed=1)
    assert [piece.finish_reason for piece in pieces] == [None] * 59 + ["length"]
    used = [piece.window_used for piece in pieces]
    assert max(used) == 16
    assert used[used.index(16) + 1] == 8
    assert min(used[used.index(16) :]) == 8


def test_unk_and_role_tokens_are_never_generated(build):
    model = build.model()
    model.network.head.bias.data[0] = 100.0
    for role in ("user", "assistant"):
        model.network.head.bias.data[model.tokenizer.special_tokens[role]] = 90.0
    pieces = speak(model, HELLO, max_new_tokens=20, temperature=1.5, top_k=0, seed=2)
    special = model.tokenizer.special_tokens
    assert not {0, special["user"], special["assistant"]} & {piece.token_id for piece in pieces}
    assert speak(model, HELLO, max_new_tokens=1, allow_unk=True)[0].text == "<UNK>"


def test_oldest_turns_are_dropped_until_prompt_and_reply_fit(model):
    messages = [user("the cat sat"), assistant("on the wall by the sea"), user("and then?"), assistant("it saw a boat"),
                user("hello little cat")]  # fmt: skip
    turns = model.template.encode_turns(messages)
    opening = model.template.reply_opening()
    starts = []
    for room in range(20, 60):
        starts.append(next(i for i in range(5) if sum(map(len, turns[i:])) + len(opening) <= room))
        expected = [i for turn in turns[starts[-1] :] for i in turn] + opening
        resized = dataclasses.replace(model, config=dataclasses.replace(model.config, window=room + 20))
        assert prompt_ids(resized, messages, 20) == (expected, starts[-1])
    assert {0, 1, 2} <= set(starts)
    pieces = speak(model, [user("the cat"), assistant("the boat " * 12), user("hello")], max_new_tokens=20)
    assert pieces[0].dropped_turns == 2


def test_reply_takes_at_most_half_the_window(model):
    messages = [user("the cat sat on the wall by the sea")]
    ids, dropped = prompt_ids(model, messages, 4096)
    assert dropped == 0
    assert len(ids) <= 32


@pytest.mark.parametrize(
    "prompt",
    ["", [], [user("")], [user("  \n ")], [user("hello"), assistant("hi")], [assistant("hi")]],
)
def test_empty_prompts_are_refused(model, prompt):
    with pytest.raises(PromptError):
        speak(model, prompt)


def test_too_long_prompts_are_refused(model):
    with pytest.raises(PromptError, match="window"):
        speak(model, "the cat " * 200)
    with pytest.raises(PromptError, match="window"):
        speak(model, [user("the cat " * 200)])


def test_raw_prompt_may_fill_the_window(build):
    model = build.model(special=False)
    text = "the cat sat on the wall and the boat came in " * 5
    ids = model.tokenizer.encode(text)
    text = model.tokenizer.decode(ids[: model.config.window])
    assert len(model.tokenizer.encode(text)) == model.config.window
    pieces = speak(model, text, max_new_tokens=5)
    assert pieces[-1].new_tokens == 5
    with pytest.raises(PromptError, match="window"):
        speak(model, text + " and")


def test_raw_prompt_starts_like_a_document_in_training(model):
    ids, _ = prompt_ids(model, "the cat", 5)
    assert ids == model.template.encode_document("the cat")[:-1]


def test_turns_that_fall_out_during_the_reply_are_counted(build):
    model = build.model()
    window = model.config.window
    messages = [{"role": "user", "content": "the cat"}]
    pieces = list(Generator(model).stream(messages, SamplingConfig(max_new_tokens=2 * window, seed=1, temperature=2.0)))
    if pieces[-1].finish_reason == "stop":  # a random model seldom says so
        pytest.fail("choose another seed: this one ends before the window is full")
    assert pieces[0].dropped_turns == 0
    assert pieces[-1].dropped_turns == 1


def tokens_of(pieces):
    return [piece.chunk.token_id for piece in pieces if piece.chunk]


@functools.cache
def cached_model(build, special, window):
    return build.model(special, window=window, hybrid_layers=1)


@given(
    seed=st.integers(0, 2**31 - 1), place=st.integers(0, 27), temperature=st.sampled_from([0.0, 1.0]),
    penalty=st.sampled_from([1.0, 1.5]), window=st.sampled_from([20, 28]), raw=st.booleans(), special=st.booleans(),
)  # fmt: skip
def test_continued_reply_equals_the_uninterrupted_one(build, seed, place, temperature, penalty, window, raw, special):
    """Whatever the template, past the window's end too: same seed, same tokens, same text."""
    model = cached_model(build, special, window)
    prompt = "the cat" if raw else [user("the")]
    settings = {"temperature": temperature, "repetition_penalty": penalty, "seed": seed, "top_k": 0}
    whole = speak(model, prompt, max_new_tokens=28, **settings)
    ids = tokens_of(whole)[:place]
    config = SamplingConfig(max_new_tokens=28 - len(ids), **settings)
    if len(ids) == len(tokens_of(whole)):
        return  # it ended by itself
    rest = list(Generator(model).stream(prompt, config, prefix_ids=ids))
    assert tokens_of(rest) == tokens_of(whole)[len(ids) :]
    prefix = model.tokenizer.decode(ids)
    assert (prefix.lstrip() if not raw and not special else prefix) + text_of(rest) == text_of(whole)
    assert [piece.new_tokens for piece in rest] == list(range(1, len(rest) + 1))
    for one, other in zip(rest, whole[len(ids) :], strict=True):
        fields = ("window_used", "dropped_turns", "prompt_tokens", "finish_reason")
        assert [getattr(one, field) for field in fields] == [getattr(other, field) for field in fields]


@pytest.mark.parametrize("stop", ["likes", "t likes", "fish.", "cat"])
@pytest.mark.parametrize("count", range(9))
def test_stop_string_across_prefix_and_reply_is_found(parrot, stop, count):
    """The prefix is shown already, so only its part of a stop string may be visible."""
    whole = "the cat likes fish."
    model = parrot(HELLO, whole)
    ids = model.tokenizer.encode(whole)[:count]
    prefix = model.tokenizer.decode(ids)
    config = SamplingConfig(**GREEDY, max_new_tokens=40, stop=(stop,))
    pieces = list(Generator(model).stream(HELLO, config, prefix_ids=ids))
    assert pieces[-1].finish_reason == "stop"
    place = whole.index(stop)
    assert text_of(pieces) == whole[len(prefix) : max(place, len(prefix))]
    assert (pieces[-1].new_tokens == 0) == (stop in prefix)


def test_held_text_of_a_prefix_is_not_shown_twice(parrot):
    whole = "the cat likes fish."
    model = parrot(HELLO, whole)
    ids = model.tokenizer.encode(whole)[:2]
    config = SamplingConfig(**GREEDY, max_new_tokens=40, stop=("the cat sat",))
    assert model.tokenizer.decode(ids) + text_of(Generator(model).stream(HELLO, config, prefix_ids=ids)) == whole


def test_prefix_with_the_end_token_is_finished(model):
    end = model.template.end_id
    [piece] = Generator(model).stream(HELLO, SamplingConfig(), prefix_ids=[5, end])
    assert (piece.finish_reason, piece.new_tokens, piece.text, piece.chunk) == ("stop", 0, "", None)


@pytest.mark.parametrize("prefix", [[-1], [3, 10**6]])
def test_prefix_with_unknown_tokens_is_refused(model, prefix):
    with pytest.raises(PromptError, match="tokens"):
        list(Generator(model).stream(HELLO, SamplingConfig(), prefix_ids=prefix))


def test_repetition_penalty_includes_the_prefix(build):
    """Of two tokens that the model likes all but equally, the one that was just said comes second."""
    model = build.model()
    one, other = model.tokenizer.encode("sea")[0], model.tokenizer.encode("fish")[0]
    model.network.head.bias.data[[one, other]] = torch.tensor([60.0, 59.0])
    config = SamplingConfig(temperature=0.0, repetition_penalty=2.0, max_new_tokens=1)
    assert tokens_of(Generator(model).stream(HELLO, config, prefix_ids=[4])) == [one]
    assert tokens_of(Generator(model).stream(HELLO, config, prefix_ids=[one])) == [other]


def test_chunks_have_the_probabilities_before_temperature_and_filters(model):
    """Whatever temperature, filters and forbidden tokens make of them."""
    generator = Generator(model)
    config = SamplingConfig(temperature=0.5, top_k=2, seed=1, max_new_tokens=8)
    pieces = list(generator.stream(HELLO, config, alternatives=10))
    ids, _ = prompt_ids(generator.model, HELLO, 8)
    for piece in pieces:
        probabilities = Generator(model).prefill(ids).softmax(0)
        chunk = piece.chunk
        assert (chunk.token_id, chunk.text) == (piece.token_id, model.tokenizer.decode([piece.token_id]))
        assert chunk.probability == pytest.approx(probabilities[piece.token_id].item(), rel=1e-3)
        assert math.exp(piece.logprob) == pytest.approx(chunk.probability)
        values, likeliest = probabilities.topk(10)
        assert [other.token_id for other in chunk.alternatives] == likeliest.tolist()
        assert [other.probability for other in chunk.alternatives] == pytest.approx(values.tolist(), rel=1e-3)
        assert [other.text for other in chunk.alternatives] == [model.tokenizer.decode([i]) for i in likeliest.tolist()]
        ids.append(piece.token_id)


def test_alternatives_are_at_most_the_vocabulary(model):
    [piece] = Generator(model).stream(HELLO, SamplingConfig(max_new_tokens=1), alternatives=10**6)
    assert len(piece.chunk.alternatives) == model.tokenizer.vocab_size
    assert sum(other.probability for other in piece.chunk.alternatives) == pytest.approx(1, abs=1e-4)


def test_end_token_has_its_name_as_text(parrot):
    model = parrot(HELLO, "the cat.")
    pieces = list(Generator(model).stream(HELLO, SamplingConfig(**GREEDY), alternatives=2))
    assert pieces[-1].chunk.text == pieces[-1].chunk.alternatives[0].text == "<|end|>"
    assert pieces[-1].text == ""
    assert all(len(piece.chunk.alternatives) == 2 for piece in pieces)


def test_cancelled_reply_has_no_last_chunk(model):
    pieces = speak(model, HELLO, lambda: True)
    assert pieces[-1].chunk is None


def test_truncate_left_continues_a_long_text_from_its_end(model):
    text = "the cat sat on the wall by the sea " * 20
    pieces = list(Generator(model).stream(text, SamplingConfig(max_new_tokens=4), truncate_left=True))
    assert pieces[0].prompt_tokens == pieces[0].window_used == model.config.window - 4
    assert pieces[-1].new_tokens == 4


def test_system_prompt_out_of_view_is_not_counted_as_a_dropped_turn(build):
    """The system prompt stays while a prompt is fitted; counted as dropped are the messages alone."""
    plain = build.model(special=False, window=48)
    declared = {"kind": "text", "form": "[INST] {user} [/INST] {assistant} ", "system": "{system}: "}
    model = dataclasses.replace(plain, template=ChatTemplate.for_model(plain.tokenizer, declared))
    system = {"role": "system", "content": "be kind"}
    opening = model.template.encode_turn(system)
    messages = [system, user("the cat " * 8), assistant("the boat"), user("hello")]
    generator = Generator(model)
    ids, dropped = prompt_ids(generator.model, messages, 20)
    assert ids[: len(opening)] == opening
    assert dropped == 1
    pieces = list(generator.stream(messages, SamplingConfig(max_new_tokens=60, seed=1, stop=(), allow_unk=True)))
    assert pieces[0].dropped_turns == 1
    assert max(piece.dropped_turns for piece in pieces) == 3  # the last question; never 4
    assert len(pieces) > 40
