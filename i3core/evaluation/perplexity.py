"""How well a model predicts text: loss, perplexity, bits per character."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch

from ..data.batches import IGNORED, WeightedDataset, make_batch, padded_width
from ..data.documents import Document
from ..data.token_dataset import TokenDataset
from ..errors import DataError
from ..model.network import I3Network
from ..system.device import DeviceChoice
from ..system.distributed import World
from ..text.chat_template import ChatTemplate

TOKENS_AT_ONCE = 4096


@dataclass(frozen=True)
class Evaluation:
    """Figures over held-out text.

    Attributes:
        loss: mean cross-entropy per predicted token, in nats.
        perplexity: exp(loss).
        bits_per_character: all the predicted tokens' bits (role marks and ends of turn too) per character of text.
        tokens: predicted tokens.
        characters: characters of the lower-cased text.
        unknown: `<UNK>` among the tokens.
    """

    loss: float
    perplexity: float
    bits_per_character: float
    tokens: int
    characters: int
    unknown: int


def _nats(network: I3Network, device: DeviceChoice, ids: torch.Tensor, targets: torch.Tensor) -> float:
    with torch.no_grad(), device.autocast():
        mean = network.loss(ids.to(device.name), targets.to(device.name))
    return mean.item() * int((targets >= 0).sum())


def evaluate_documents(
    network: I3Network,
    template: ChatTemplate,
    device: DeviceChoice,
    documents: Iterable[Document],
    progress: Callable[[int], None] | None = None,
) -> Evaluation:
    """Predicts every token of every document once.

    A document longer than the window is read as chat reads it: a token that does not fit makes the context the last
    half window, this token included, and the reading goes on.
    """
    network.eval()
    window = network.config.window
    kept = max(1, window // 2)
    rows: list[tuple[list[int], int]] = []  # ids, and how many targets at the front were predicted before
    nats, tokens, characters, unknown = 0.0, 0, 0, 0

    def flush() -> Iterator[float]:
        rows.sort(key=lambda row: len(row[0]))
        for start in range(0, len(rows), 16):
            part = rows[start : start + 16]
            longest = max(len(ids) for ids, _ in part) - 1
            inputs = torch.zeros(len(part), longest, dtype=torch.long)
            targets = torch.full((len(part), longest), IGNORED)
            for i, (ids, seen) in enumerate(part):
                inputs[i, : len(ids) - 1] = torch.tensor(ids[:-1])
                targets[i, seen : len(ids) - 1] = torch.tensor(ids[1 + seen :])
            yield _nats(network, device, inputs, targets)
        rows.clear()

    for document in documents:
        if document.messages:
            ids = [i for turn in template.encode_turns(document.messages) for i in turn]
        else:
            ids = list(document.ids) or template.encode_document(document.text)
        texts = [template.tokenizer.decode(ids)] if document.ids else document.texts
        characters += sum(len(text.lower()) for text in texts)
        unknown += ids.count(0)
        tokens += max(len(ids) - 1, 0)
        start, seen = 0, 0
        while len(ids) - start > 1:
            rows.append((ids[start : start + window + 1], seen))
            if start + window + 1 >= len(ids):
                break
            start, seen = start + window + 1 - kept, kept - 1
        if progress:
            progress(1)
        if len(rows) >= 256:
            nats += sum(flush())
    nats += sum(flush())
    if not tokens:
        raise DataError("There is no text to evaluate on.")
    loss = nats / tokens
    bits = nats / math.log(2) / max(characters, 1)
    return Evaluation(loss, math.exp(min(loss, 700)), bits, tokens, characters, unknown)


def evaluate_by_source(
    network: I3Network,
    template: ChatTemplate,
    device: DeviceChoice,
    documents: Sequence[Document],
    progress: Callable[[int], None] | None = None,
) -> dict[str, Evaluation]:
    """Figures of all documents, as "all", and then of each source by name; see `evaluate_documents`."""
    found = {}
    for source in sorted({document.source for document in documents}):
        part = [document for document in documents if document.source == source]
        found[source or "no source"] = evaluate_documents(network, template, device, part, progress)
    return {"all": _together(found.values()), **found}


def _together(parts: Iterable[Evaluation]) -> Evaluation:
    parts = list(parts)
    tokens, characters = sum(part.tokens for part in parts), sum(part.characters for part in parts)
    if not tokens:
        raise DataError("There is no text to evaluate on.")
    loss = sum(part.loss * part.tokens for part in parts) / tokens
    bits = loss * tokens / math.log(2) / max(characters, 1)
    return Evaluation(loss, math.exp(min(loss, 700)), bits, tokens, characters, sum(part.unknown for part in parts))


class Interrupted(Exception):  # noqa: N818 (a wish, not an error)
    """The user wants to stop in the middle of an evaluation."""


def evaluate_rows(
    network: I3Network,
    device: DeviceChoice,
    sets: Sequence[TokenDataset],
    items: Sequence[tuple[int, int]],
    assistant_only: bool,
    world: World,
    between: Callable[[], None],
) -> float | None:
    """Mean loss in nats over the rows `items`, (set, row) sorted by length; None if they hold nothing to predict.

    The processes of `world` share the work.

    `between` is called after each batch, on all processes as often; what it raises ends the evaluation.
    """
    network.eval()
    weighted, window = [WeightedDataset(rows) for rows in sets], network.config.window
    batches = _batches(sets, items)
    nats, total = 0.0, 0
    for start in range(0, len(batches), world.size):
        for batch in batches[start : start + world.size][world.rank : world.rank + 1]:
            ids, targets = make_batch(weighted, batch, assistant_only, window)
            total += int((targets >= 0).sum())
            nats += _nats(network, device, torch.from_numpy(ids), torch.from_numpy(targets))
        between()
    nats, total = world.summed([nats, total])
    return nats / total if total else None


def _batches(sets: Sequence[TokenDataset], items: Sequence[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    """`items`, which are sorted by length, in batches of at most TOKENS_AT_ONCE with padding, and a row at least."""
    batches: list[list[tuple[int, int]]] = []
    for number, row in items:
        width = padded_width(int(sets[number].lengths[row]) - 1)
        if not batches or (len(batches[-1]) + 1) * width > TOKENS_AT_ONCE:
            batches.append([])
        batches[-1].append((number, row))
    return batches
