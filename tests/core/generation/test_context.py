"""What the model has in view, told before anything is sent."""

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from i3core.errors import PromptError
from i3core.generation.context import fit_context, view_start
from i3core.text.chat_template import ChatTemplate
from i3core.text.tokenizer import ChunkTokenizer


def user(text):
    return {"role": "user", "content": text}


def assistant(text):
    return {"role": "assistant", "content": text}


def system(text):
    return {"role": "system", "content": text}


@pytest.fixture(scope="module", params=[True, False], ids=["system turn", "no system turn"])
def template(request, build):
    """Templates with and without a turn for a system prompt."""
    plain = build.tokenizer()
    if not request.param:
        return ChatTemplate.for_model(plain)
    chunks = {chunk: i for i, chunk in enumerate(plain.chunks)} | {"<|system|>": plain.vocab_size}
    return ChatTemplate.for_model(ChunkTokenizer(chunks, plain.special_tokens | {"system": plain.vocab_size}))


@given(
    prompt=st.integers(1, 40), count=st.integers(0, 200), window=st.integers(1, 40)
)  # fmt: skip
def test_view_start_after_each_token(prompt, count, window):
    """The rule as it is said: a token that does not fit leaves the last half window, itself included."""
    said = list(range(min(prompt, window)))
    view = list(said)
    for _ in range(count):
        said.append(len(said))
        view.append(said[-1])
        if len(view) > window:
            view = view[-max(1, window // 2) :]
    assert said[view_start(len(said), window) :] == view


words = st.text("abthe ?", min_size=1, max_size=20).filter(str.strip)


@given(
    pairs=st.lists(st.tuples(words, words), max_size=5), last=words, persona=st.none() | words,
    budget=st.integers(1, 40), window=st.integers(8, 80),
)  # fmt: skip
def test_fitted_context_keeps_the_newest_messages(template, pairs, last, persona, budget, window):
    """The system prompt, then as many of the newest messages as there is room for, counted one by one."""
    messages = [message for one, other in pairs for message in (user(one), assistant(other))] + [user(last)]
    opening, room = template.reply_opening(), window - min(budget, window // 2)
    first = [] if persona is None else [system(persona)]
    prompt = [*first, *messages]

    def read(count):
        """The prompt with the last `count` messages."""
        return [i for turn in template.encode_turns([*first, *messages[-count:]]) for i in turn] + opening

    kept = 1
    while kept < len(messages) and len(read(kept + 1)) <= room:
        kept += 1
    if persona is not None and not template.has_system_turn and 1 < kept < len(messages):
        kept -= messages[-kept]["role"] == "assistant"  # as in training, the persona comes first
    if len(read(1)) > room:
        with pytest.raises(PromptError, match="window"):
            fit_context(template, prompt, budget, window)
        return
    plan = fit_context(template, prompt, budget, window)
    assert plan.ids == read(kept)
    assert plan.used == len(plan.ids) <= room
    assert plan.dropped_turns == len(messages) - kept
    assert len(plan.ends) == kept
    shown = template.encode_turns([*first, *messages[-kept:]])
    assert [len(turn) for turn in shown[len(shown) - kept + 1 :]] == [b - a for a, b in pairwise(plan.ends)]
    assert plan.ends[-1] == len(plan.ids) - len(opening)


def test_truncate_left_keeps_the_end_of_a_long_text(template):
    text = "the cat sat on the wall by the sea " * 10
    ids = template.encode_document(text)[:-1]
    with pytest.raises(PromptError, match="window"):
        fit_context(template, text, 20, 64)
    plan = fit_context(template, text, 20, 64, truncate_left=True)
    assert plan.ids == ids[-44:]
    assert fit_context(template, text, 4096, 64, truncate_left=True).ids == ids[-32:]
    short = fit_context(template, "the cat", 20, 64, truncate_left=True)
    assert short.ids == template.encode_document("the cat")[:-1]


def test_too_long_system_prompt_is_named_with_its_length(template):
    persona = system("the cat sat on the wall " * 9)
    length = sum(map(len, template.encode_turns([persona, user("hello")]))) - len(template.encode_turn(user("hello")))
    with pytest.raises(PromptError, match=f"{length} of them the system prompt"):
        fit_context(template, [persona, user("hello")], 20, 64)


def test_fitting_again_encodes_no_message_twice(template):
    """Four hundred messages at every key: of the last of several tries, a fraction of the 5 ms that it may take."""
    texts = ["the cat sat on the wall by the sea and looked at the boats " * 2, "it likes fish and the old man " * 3]
    messages = [(user if i % 2 == 0 else assistant)(f"{i} {texts[i % 2]}") for i in range(401)]
    times = []
    for i in range(5):
        messages[-1] = user(f"draft {i}")
        start = time.process_time()
        fit_context(template, messages, 160, 512)
        times.append(time.process_time() - start)
    assert min(times) < 0.005
