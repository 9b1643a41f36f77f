"""Continuous batching: one decoding step reads the weights once for many sequences.

Each sequence has a row of the batch and a position of its own. Rows in use come first, so that every tensor of a step
is a slice; when a row is freed, the last one takes its place. Prompts are prefilled one after the other, a part between
two steps, so that a long one does not delay the sequences that decode (iteration-level scheduling: Orca, Yu et al.
2022). A sequence gets the same tokens as from a `Generator` alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..checkpoints.checkpoint import Model
from ..errors import I3Error, NotFiniteError
from ..model.network import I3Network
from ..model.state import KVCache, LayerState, NetworkState, RecurrentState
from ..system.device import is_out_of_memory
from .context import half_window
from .generator import decoding_threads
from .outputs import Piece
from .sequence import TokenSequence

PREFILL_TOKENS = 128  # of a prompt, between two steps


class BatchState:
    """The states of up to `rows` sequences, each at its own position.

    Attributes:
        positions: (rows,) how many tokens each has read.
        layers: for each block its state, with `rows` rows.
    """

    def __init__(self, network: I3Network, rows: int) -> None:
        self.network = network
        self.layers = network.new_state(rows).layers
        self.positions = torch.zeros(rows, dtype=torch.long, device=network.embed.weight.device)

    def put(self, row: int, state: NetworkState) -> None:
        """Give a row the state of one sequence."""
        self._copy(state.layers, 0, row, state.position)

    def move(self, source: int, row: int) -> None:
        """Give `row` the state of the row `source`."""
        if source != row:
            self._copy(self.layers, source, row, int(self.positions[source]))

    def _copy(self, layers: list[LayerState], source: int, row: int, position: int) -> None:
        self.positions[row] = position
        for mine, other in zip(self.layers, layers, strict=True):
            if isinstance(mine, KVCache) and isinstance(other, KVCache):
                mine.keys[row, :, :position] = other.keys[source, :, :position]
                mine.values[row, :, :position] = other.values[source, :, :position]
            elif isinstance(mine, RecurrentState) and isinstance(other, RecurrentState):
                mine.write(other, row, source)

    def decode(self, ids: Tensor) -> Tensor:
        """Read a token in each of the first rows. ids: (rows in use,) -> logits (rows in use, V), float32."""
        count = len(ids)
        positions = self.positions[:count]
        length = int(positions.max()) + 1
        layers: list[LayerState] = [
            KVCache(layer.keys[:count, :, :length], layer.values[:count, :, :length])
            if isinstance(layer, KVCache)
            else layer.rows(count)
            for layer in self.layers
        ]
        logits = self.network.decode(ids, layers, positions)
        for mine, after in zip(self.layers, layers, strict=True):
            if isinstance(mine, RecurrentState) and isinstance(after, RecurrentState):
                mine.write(after, slice(count))
        positions += 1
        return logits


@dataclass(eq=False)
class _Request:
    """A sequence that is being generated.

    Attributes:
        key: the caller's name for it.
        state: while its prompt is read, the state after what has been read.
        next_id: the token that it reads next, once it decodes.
    """

    key: Hashable
    sequence: TokenSequence
    state: NetworkState | None = None
    next_id: int = -1


Outcome = tuple[Hashable, Piece | I3Error]


class BatchGenerator:
    """Generates up to `slots` sequences at once. Not thread-safe.

    Attributes:
        model: the model that answers.
        slots: how many sequences may be running, including those whose prompt is being read.
    """

    def __init__(self, model: Model, slots: int = 16) -> None:
        self.model, self.slots = model, slots
        self._batch: BatchState | None = None  # created with the first sequence
        self._decoding: list[_Request] = []  # in the order of their rows
        self._prefilling: deque[_Request] = deque()

    def __len__(self) -> int:
        return len(self._decoding) + len(self._prefilling)

    @property
    def has_room(self) -> bool:
        return len(self) < self.slots

    def add(self, key: Hashable, sequence: TokenSequence) -> None:
        """Enqueue a sequence under `key`. The batch must have room."""
        assert self.has_room, "full"
        self._prefilling.append(_Request(key, sequence))

    @torch.inference_mode()
    def cancel(self, key: Hashable) -> None:
        """End a sequence without another piece. An unknown key is ignored: that sequence has ended."""
        for request in [request for request in self._prefilling if request.key == key]:
            self._prefilling.remove(request)
        for row in [row for row, request in enumerate(self._decoding) if request.key == key]:
            self._free(row)

    @torch.inference_mode()
    def advance(self) -> list[Outcome]:
        """Read a part of a prompt and a token of every sequence.

        Returns new pieces, or why a sequence failed. Any other exception is a bug, and ends all sequences.
        """
        try:
            outcomes = self._decode() if self._decoding else []
            if self._prefilling:
                outcomes += self._prefill()
        except BaseException:
            self._decoding.clear()
            self._prefilling.clear()
            raise
        return outcomes

    def _prefill(self) -> list[Outcome]:
        """Read a part of the oldest prompt; after its last part the sequence joins those that decode."""
        request = self._prefilling[0]
        sequence, ids = request.sequence, request.sequence.context_ids
        scores = sequence.prompt_scores is not None
        if sequence.is_finished and not scores:
            self._prefilling.popleft()
            return [(request.key, sequence.finish(sequence.end_reason))]
        try:
            batch = self._batch = self._batch or BatchState(self.model.network, self.slots)
            state = request.state = request.state or self.model.network.new_state()
            start = state.position
            logits = self._read(ids[start : start + PREFILL_TOKENS], state, last_only=not scores)
            if scores:
                sequence.score(logits, start)
        except (RuntimeError, MemoryError) as error:
            self._prefilling.popleft()
            return [(request.key, _explained(error))]
        if state.position < len(ids):
            return []
        self._prefilling.popleft()
        if sequence.is_finished:
            return [(request.key, sequence.finish(sequence.end_reason))]
        piece = _next_piece(sequence, logits[-1])
        if isinstance(piece, NotFiniteError):
            return [(request.key, piece)]
        if piece.finish_reason is None:
            batch.put(len(self._decoding), state)
            request.state, request.next_id = None, piece.token_id
            self._decoding.append(request)
        return [(request.key, piece)]

    def _decode(self) -> list[Outcome]:
        """Read the next token of every row, and choose the one after it."""
        batch = self._batch
        assert batch is not None, "rows without a batch"
        try:
            self._reanchor(batch)
            # One thread for all rows of a small network: two gain a fifth alone, and lose most of it beside another
            # program.
            with self.model.device.autocast(), decoding_threads(self.model, 1):
                next_ids = [request.next_id for request in self._decoding]
                logits = batch.decode(torch.tensor(next_ids, device=batch.positions.device)).float().cpu().numpy()
        except (RuntimeError, MemoryError) as error:
            explained = _explained(error)
            failed: list[Outcome] = [(request.key, explained) for request in self._decoding]
            self._decoding.clear()
            return failed
        outcomes: list[Outcome] = []
        for row in reversed(range(len(self._decoding))):  # from the end, as the last row replaces a freed one
            request = self._decoding[row]
            piece = _next_piece(request.sequence, logits[row])
            outcomes.append((request.key, piece))
            if isinstance(piece, Piece) and piece.finish_reason is None:
                request.next_id = piece.token_id
            else:
                self._free(row)
        return outcomes[::-1]

    def _reanchor(self, batch: BatchState) -> None:
        """Rows whose window is full continue from its last half, as `Generator.step` does."""
        window = self.model.config.window
        for row in (batch.positions[: len(self._decoding)] >= window).nonzero().flatten().tolist():
            state = self.model.network.new_state()
            kept = self._decoding[row].sequence.token_ids[-half_window(window) :][:-1]
            if kept:
                self._read(kept, state)
            batch.put(row, state)

    def _read(self, ids: list[int], state: NetworkState, last_only: bool = True) -> np.ndarray:
        """Logits (T, V) after each of `ids` or the last one, float32 on the CPU. Advances `state`."""
        tokens = torch.tensor([ids], device=self.model.device.name)
        with self.model.device.autocast(), decoding_threads(self.model, len(ids)):
            return self.model.network(tokens, state, last_only=last_only)[0].float().cpu().numpy()

    def _free(self, row: int) -> None:
        last = self._decoding.pop()
        if row < len(self._decoding):
            assert self._batch is not None, "rows without a batch"
            self._batch.move(len(self._decoding), row)
            self._decoding[row] = last


def _next_piece(sequence: TokenSequence, logits: np.ndarray) -> Piece | NotFiniteError:
    """The next piece of a sequence, or why there is none: one that fails ends no other."""
    try:
        return sequence.append(logits)
    except NotFiniteError as error:
        return error


def _explained(error: BaseException) -> I3Error:
    if not is_out_of_memory(error):
        raise error
    return I3Error("The device ran out of memory.", "Close other programs, or serve with fewer --slots.")
