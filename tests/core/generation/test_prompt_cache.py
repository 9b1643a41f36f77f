"""Stored states: whatever was read before, going on equals a fresh computation of exactly what is in view."""

from contextlib import contextmanager

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from prompts import prompt_ids

import i3core
from i3core.generation.config import SamplingConfig
from i3core.generation.context import fit_context, view_start
from i3core.generation.generator import Generator
from i3core.generation.prompt_cache import PrefixCache

TOLERANCE = {"rtol": 1e-4, "atol": 1e-4}


def user(text):
    return {"role": "user", "content": text}


def assistant(text):
    return {"role": "assistant", "content": text}


def tokens(pieces):
    return [piece.chunk.token_id for piece in pieces if piece.chunk]


@pytest.fixture(
    scope="module",
    params=[
        {"window": 24, "hybrid_layers": 1},
        {"window": 64, "hybrid_layers": 1},
        {"window": 24, "blocks": "attention:1+rwkv4:2", "kind": "bpe"},
    ],
)
def wordy(request, build):
    """A model whose replies end by their budget, with a window that they pass or fill."""
    model = build.model(seed=3, **request.param)
    with torch.no_grad():
        model.network.head.bias[model.template.end_id] = -100.0
    return model


@pytest.fixture
def reads(wordy):
    """How many tokens each call of the network read."""
    counts = []
    hook = wordy.network.register_forward_pre_hook(lambda module, inputs: counts.append(inputs[0].shape[1]))
    yield counts
    hook.remove()


def fresh_logits(model, said, first):
    """Logits after said[:first], said[:first + 1] and so on, of what generation has in view there, without a state."""
    starts = [view_start(count, model.config.window) for count in range(first, len(said) + 1)]
    found = []
    for start in sorted(set(starts)):
        last = len(said) - starts[::-1].index(start)
        with torch.no_grad():
            logits = model.network(torch.tensor([said[start:last]]))[0]
        found += logits[-starts.count(start) :]
    return found


class Watched(Generator):
    """A generator that shows the logits of the last place."""

    def prefill(self, ids):
        self.last = super().prefill(ids)
        return self.last


QUESTIONS = ("the cat", "hello!", "a big red sail", "what?")


def operations():
    """What somebody does in a chat: (what, where, token or count)."""
    kinds = st.sampled_from(["send", "continue", "branch", "branch", "regenerate", "switch", "edit"])
    return st.lists(st.tuples(kinds, st.integers(0, 40), st.integers(0, 149)), min_size=1, max_size=10)


@given(steps=operations(), max_prefixes=st.integers(1, 4), max_bytes=st.sampled_from([0, 60_000, 2**28]))
def test_any_walk_through_a_chat_equals_fresh_computations(wordy, steps, max_prefixes, max_bytes):
    """Replies are stopped anywhere, continued, started with other tokens, repeated; questions are edited."""
    generator = Watched(wordy, PrefixCache(wordy.network, max_prefixes, max_bytes))
    forbidden = [0, *(i for role, i in wordy.tokenizer.special_tokens.items() if role != "end")]
    said = []  # every version so far: its messages and the tokens of its reply

    def answer(messages, prefix, count):
        config = SamplingConfig(temperature=0.0, max_new_tokens=count, seed=1)
        pieces = list(generator.stream(messages, config, prefix_ids=prefix, alternatives=3))
        plan = fit_context(wordy.template, messages, count, wordy.config.window)
        reply = [*prefix, *tokens(pieces)]
        assert len(reply) == len(prefix) + count
        expected = fresh_logits(wordy, [*plan.ids, *reply[:-1]], len(plan.ids) + len(prefix))
        torch.testing.assert_close(generator.last, expected[-1], **TOLERANCE)
        for logits, token in zip(expected, tokens(pieces), strict=True):
            logits[forbidden] = -torch.inf
            assert logits[token] >= logits.max() - 1e-4  # the same greedy text
        said.append((messages, reply))

    answer([user("hello!")], [], 12)
    for kind, where, number in steps:
        messages, reply = said[where % len(said)]
        count = 1 + number % 8
        if kind == "send":
            text = wordy.tokenizer.decode(reply).strip() or "the"
            messages = [*messages[-3:], assistant(text[:20]), user(QUESTIONS[number % 4])]
            answer(messages[-3:], [], count)
        elif kind == "continue":
            answer(messages, reply, count)
        elif kind == "branch":
            other = 1 + where + (1 + where == wordy.template.end_id)  # which would end the reply
            answer(messages, [*reply[: number % len(reply)], other], count)
        elif kind == "regenerate":
            answer(messages, [], count)
        elif kind == "switch":
            answer(messages, reply[: number % (len(reply) + 1)], count)
        else:
            answer([*messages[:-1], user(QUESTIONS[number % 4])], [], count)


def test_another_token_or_going_back_costs_one_step(wordy, reads):
    """A reply of 15, continued from another token in its middle, then the first version from another one again."""
    generator, config = Generator(wordy), SamplingConfig(seed=1, max_new_tokens=15)
    prompt = [user("the")]
    first = tokens(generator.stream(prompt, config))
    for at in (0, 7, 14, 3, 10):
        reads.clear()
        list(generator.stream(prompt, config, prefix_ids=[*first[:at], 5]))
        assert set(reads[: 15 - at]) == {1}
        reads.clear()
        next(iter(generator.stream(prompt, config, prefix_ids=[*first[:at], 9])))
        assert reads == [1]


def test_repeated_prompt_is_not_read_again(wordy, reads):
    generator, config = Generator(wordy), SamplingConfig(seed=1, max_new_tokens=5)
    first = tokens(generator.stream([user("the cat")], config))
    reads.clear()
    assert tokens(generator.stream([user("the cat")], config)) == first
    assert reads == [1] * 4


def test_continuing_a_cut_reply_costs_one_step(wordy, reads):
    generator, config = Generator(wordy), SamplingConfig(seed=1, max_new_tokens=5)
    first = tokens(generator.stream([user("the cat")], config))
    reads.clear()
    next(iter(generator.stream([user("the cat")], config, prefix_ids=first)))
    assert reads == [1]


def test_another_token_at_a_full_window_costs_one_step(build):
    model = build.model(window=24, seed=3)
    generator = Generator(model)
    model.network.head.bias.data[model.template.end_id] = -100.0
    prompt, config = [user("the cat")], SamplingConfig(seed=1, max_new_tokens=40)
    first = tokens(generator.stream(prompt, config))
    begin = len(prompt_ids(generator.model, prompt, 40)[0])
    counts = []
    hook = model.network.register_forward_pre_hook(lambda module, inputs: counts.append(inputs[0].shape[1]))
    next(
        iter(generator.stream(prompt, config, prefix_ids=[*first[: 24 - begin], 5]))
    )  # the first token that does not fit
    hook.remove()
    assert counts == [1]


def test_message_after_switching_versions_reads_only_new_tokens(build):
    model = build.model(window=200)
    generator, prompt = Generator(model), [user("hello!")]
    model.network.head.bias.data[model.template.end_id] = -100.0
    ids, _ = prompt_ids(generator.model, prompt, 8)
    versions = ["the cat likes fish.", "hi there, how are you today?"]
    for text in versions:
        list(generator.stream(prompt, SamplingConfig(max_new_tokens=1), prefix_ids=model.tokenizer.encode(text)))
    counts = []
    hook = model.network.register_forward_pre_hook(lambda module, inputs: counts.append(inputs[0].shape[1]))
    for text in versions:
        messages = [*prompt, assistant(text), user("and then?")]
        whole, _ = prompt_ids(generator.model, messages, 8)
        counts.clear()
        next(iter(generator.stream(messages, SamplingConfig(max_new_tokens=8))))
        assert counts == [len(whole) - len(ids) - len(model.tokenizer.encode(text))]
    hook.remove()


@contextmanager
def failing(network):
    """Makes the network fail after all its blocks have written their states and caches."""

    def fail(module, inputs):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    hook = network.ln_f.register_forward_pre_hook(fail)
    try:
        yield
    finally:
        hook.remove()


@pytest.mark.parametrize("at", [0, 3, 8])
def test_failure_while_reading_leaves_no_stale_state(wordy, at):
    """It fails while a stored state is gone on with, in place and on a copy."""
    generator, config = Generator(wordy), SamplingConfig(temperature=0.0, max_new_tokens=8)
    prompt = [user("the cat")]
    ids, _ = prompt_ids(generator.model, prompt, 8)
    first = tokens(generator.stream(prompt, config))
    for more in ([*first[:at], 5, 6, 7], [*first, 9, 9]):
        with failing(wordy.network), pytest.raises(RuntimeError):
            generator.prefill([*ids, *more][: wordy.config.window])
    for prefix in (first[:at], [*first[:at], 5], first):
        fresh = Generator(wordy)
        assert tokens(generator.stream(prompt, config, prefix_ids=prefix)) == tokens(
            fresh.stream(prompt, config, prefix_ids=prefix)
        )


def test_out_of_memory_clears_the_cache(wordy):
    generator = Generator(wordy)
    list(generator.stream([user("the cat")], SamplingConfig(max_new_tokens=8)))
    assert generator.cache.nbytes > 0
    with failing(wordy.network), pytest.raises(i3core.I3Error, match="memory"):
        list(generator.stream([user("the boat")]))
    assert generator.cache.nbytes == 0


def test_cache_keeps_to_its_bounds(wordy):
    cache = PrefixCache(wordy.network, max_prefixes=3, max_bytes=10 * 2**20)
    generator = Generator(wordy, cache)
    for start in range(1, 8):
        list(generator.stream([user(QUESTIONS[start % 4] + "the " * (start % 3))], SamplingConfig(max_new_tokens=9)))
        assert 0 < len(cache) <= 3
    small = PrefixCache(wordy.network, max_bytes=cache.kv_bytes + 5 * cache.snapshot_bytes)
    list(Generator(wordy, small).stream([user("the cat")], SamplingConfig(max_new_tokens=12)))
    assert len(small) == 1
    assert small.nbytes <= small.max_bytes


def test_counted_bytes_are_those_of_the_tensors(wordy):
    cache = PrefixCache(wordy.network)
    for ids in ([5, 6, 7], [5, 6, 7, 8], [5, 6, 7, 8, 9, 4]):  # one prefix, read further and further
        prefix, position = cache.take(ids)
        state = prefix.state_at(position)
        prefix.record(ids, state, wordy.network(torch.tensor([ids[position:]]), state)[0, -1])
        cache.insert(prefix)
        held = [tensor for each in prefix.caches if each for tensor in (each.keys, each.values)]
        held += [tensor for states in prefix.snapshots.values() for each in states for tensor in each.tensors]
        held += prefix.logits.values()
        assert len(cache) == 1
        assert cache.nbytes == sum(tensor.nbytes for tensor in held)
