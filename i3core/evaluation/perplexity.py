"""Loss, perplexity and bits per character of a model on text."""

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
    """Results on held-out text.

    Attributes:
        loss: mean cross-entropy per predicted token, in nats.
        perplexity: exp(loss).
        bits_per_character: bits of all predicted tokens (role marks and ends of turn included) per character of text.
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
    """Predict every token of every document once.

    A document longer than the window is read as chat reads it: when a token does not fit, the context is reduced to the
    last half window, this token included.
    """
    network.eval()
    window = network.config.window
    kept = max(1, window // 2)
    sequences: list[tuple[list[int], int]] = []  # ids, and how many targets at the front are predicted already
    nats, tokens, characters, unknown = 0.0, 0, 0, 0

    def flush() -> Iterator[float]:
        sequences.sort(key=lambda sequence: len(sequence[0]))
        for start in range(0, len(sequences), 16):
            part = sequences[start : start + 16]
            longest = max(len(ids) for ids, _ in part) - 1
            inputs = torch.zeros(len(part), longest, dtype=torch.long)
            targets = torch.full((len(part), longest), IGNORED)
            for i, (ids, seen) in enumerate(part):
                inputs[i, : len(ids) - 1] = torch.tensor(ids[:-1])
                targets[i, seen : len(ids) - 1] = torch.tensor(ids[1 + seen :])
            yield _nats(network, device, inputs, targets)
        sequences.clear()

    for document in documents:
        if document.messages:
            ids = [i for turn in template.encode_turns(document.messages) for i in turn]
        else:
            ids = list(document.ids) or template.encode_document(document.text)
        texts = [template.tokenizer.decode(ids)] if document.ids else document.texts
        characters += sum(len(template.tokenizer.normalized(text)) for text in texts)
        unknown += ids.count(0)
        tokens += max(len(ids) - 1, 0)
        start, seen = 0, 0
        while len(ids) - start > 1:
            sequences.append((ids[start : start + window + 1], seen))
            if start + window + 1 >= len(ids):
                break
            start, seen = start + window + 1 - kept, kept - 1
        if progress:
            progress(1)
        if len(sequences) >= 256:
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
    """Evaluate all documents ("all") and those of each source by name; see `evaluate_documents`."""
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


class Interrupted(Exception):  # noqa: N818 (a request, not an error)
    """Raised by the user's request to stop during an evaluation."""


def evaluate_sequences(
    network: I3Network,
    device: DeviceChoice,
    datasets: Sequence[TokenDataset],
    items: Sequence[tuple[int, int]],
    assistant_only: bool,
    world: World,
    between: Callable[[], None],
) -> float | None:
    """Mean loss in nats over `items`.

    None if there is nothing to predict. The processes of `world` share the work.

    Args:
        items: (dataset, sequence), sorted by length.
        between: called after each batch, equally often on all processes; its exceptions end the evaluation.
    """
    network.eval()
    weighted, window = [WeightedDataset(dataset) for dataset in datasets], network.config.window
    batches = _batches(datasets, items)
    nats, total = 0.0, 0
    for start in range(0, len(batches), world.size):
        for batch in batches[start : start + world.size][world.rank : world.rank + 1]:
            ids, targets = make_batch(weighted, batch, assistant_only, window)
            total += int((targets >= 0).sum())
            nats += _nats(network, device, torch.from_numpy(ids), torch.from_numpy(targets))
        between()
    nats, total = world.summed([nats, total])
    return nats / total if total else None


def _batches(datasets: Sequence[TokenDataset], items: Sequence[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    """Split `items`, sorted by length, into batches of at most TOKENS_AT_ONCE with padding, but at least one each."""
    batches: list[list[tuple[int, int]]] = []
    for number, sequence in items:
        width = padded_width(int(datasets[number].lengths[sequence]) - 1)
        if not batches or (len(batches[-1]) + 1) * width > TOKENS_AT_ONCE:
            batches.append([])
        batches[-1].append((number, sequence))
    return batches
