"""Loss and bits per character against a plain token-by-token reading."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from i3core.data.batches import choose_sequences
from i3core.data.documents import Document, read_documents
from i3core.data.token_dataset import tokenize_source
from i3core.errors import DataError
from i3core.evaluation.perplexity import evaluate_documents, evaluate_sequences
from i3core.system.distributed import World


def plain_nats(model, ids):
    """Nats of every token but the first, each from one whole pass over its context."""
    window, context, total = model.config.window, [ids[0]], 0.0
    with torch.no_grad():
        for token in ids[1:]:
            total -= model.network(torch.tensor([context]))[0, -1].double().log_softmax(0)[token].item()
            context.append(token)
            if len(context) > window:
                context = context[-max(1, window // 2) :]
    return total


def evaluate(model, *documents):
    return evaluate_documents(model.network, model.template, model.device, documents)


@pytest.fixture(scope="module")
def small(build):
    return build.model(window=16)


@settings(max_examples=25)
@given(st.integers(0, 60), st.sampled_from([1, 2, 7, 16]))
def test_documents_of_any_length_match_plain_evaluation(build, length, window):
    model = build.model(window=window)
    text = build.story[:length]
    ids = model.template.encode_document(text)
    result = evaluate(model, Document(text))
    nats = plain_nats(model, ids)
    assert result.tokens == len(ids) - 1
    assert result.characters == length
    assert result.loss == pytest.approx(nats / result.tokens, rel=1e-4)
    assert result.perplexity == pytest.approx(math.exp(nats / result.tokens), rel=1e-3)
    assert result.bits_per_character == pytest.approx(nats / math.log(2) / max(length, 1), rel=1e-4)


def test_many_documents_are_summed(small, build):
    """Long, short and conversations, more than fit one batch."""
    messages = [{"role": "user", "content": "Hello!"}, {"role": "assistant", "content": "hi there, cat"}]
    documents = [Document(build.story[:n]) for n in range(1, 120, 6)] + [Document(messages=tuple(messages))] * 2
    result = evaluate(small, *documents)
    encoded = [small.template.encode_document(document.text) for document in documents[:-2]]
    encoded += [[i for turn in small.template.encode_turns(messages) for i in turn]] * 2
    nats = sum(plain_nats(small, ids) for ids in encoded)
    characters = sum(range(1, 120, 6)) + 2 * len("hello!hi there, cat")
    assert result.tokens == sum(len(ids) - 1 for ids in encoded)
    assert result.characters == characters
    assert result.bits_per_character == pytest.approx(nats / math.log(2) / characters, rel=1e-4)
    assert result.unknown == sum(ids.count(0) for ids in encoded)


def test_empty_text_is_refused(build):
    with pytest.raises(DataError):
        evaluate(build.model(special=False), Document(""))


@pytest.mark.parametrize("assistant_only", [True, False])
def test_validation_loss_of_conversations_matches_plain_evaluation(build, tmp_path, assistant_only):
    model = build.model()
    path = build.conversations(tmp_path / "chat.jsonl")
    rows = tokenize_source(path, model.template, 64)
    losses = []
    for document in read_documents(path):
        question, answer = model.template.encode_turns(document.messages)
        ids = torch.tensor(question + answer)
        with torch.no_grad():
            logprobs = model.network(ids[None, :-1])[0].log_softmax(-1).gather(1, ids[1:, None])[:, 0]
        losses.append(-logprobs[len(question) if assistant_only else 0 :])
    items, calls = choose_sequences([rows], 10**6, 0), []
    assert len(items) == len(rows)
    result = evaluate_sequences(
        model.network, model.device, [rows], items, assistant_only, World(), lambda: calls.append(1)
    )
    tokens = sum(32 * -(-(length - 1) // 32) for length in rows.lengths.tolist())
    assert len(calls) >= tokens / 4096
    assert result == pytest.approx(torch.cat(losses).mean().item(), rel=1e-4)
