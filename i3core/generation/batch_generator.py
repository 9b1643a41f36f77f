"""Many replies of one network at once: a step of decoding reads the weights once for all of them.

Each reply has a row of the batch and a position of its own. Rows that are in use come first, so that every tensor of a
step is a slice; a row that ends is replaced by the last one. Prompts are read one after the other, a part between two
steps, so that a long one does not hold up the replies that are under way (Orca, Yu et al. 2022, calls this continuous
batching). A reply is the same as that of a `Generator` alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable

import torch
import torch.nn.functional as F
from torch import Tensor

from ..checkpoints.checkpoint import Model
from ..errors import I3Error
from ..model.network import Block, LayerState, NetworkState
from ..system.device import is_out_of_memory
from .context import half_window
from .generator import decoding_threads
from .outputs import Piece
from .sequence import TokenSequence

PROMPT_PART = 128  # tokens of a prompt that are read between two steps


class BatchState:
    """States of up to `rows` sequences, each at its own position.

    Attributes:
        positions: (rows,) how many tokens each has read.
        layers: for each block (h (rows, D), s (rows, N)), or keys and values (rows, heads, window, head_dim).
    """

    def __init__(self, model: Model, rows: int) -> None:
        self.network = model.network
        state = self.network.new_state(rows)
        self.layers = [LayerState(layer.first.clone(), layer.second.clone()) for layer in state.layers]
        self.positions = torch.zeros(rows, dtype=torch.long, device=self.network.embed.weight.device)

    def put(self, row: int, state: NetworkState) -> None:
        """Gives a row the state of one sequence."""
        self._copy(row, state.layers, 0, state.position)

    def move(self, row: int, to: int) -> None:
        """Gives row `to` the state of `row`."""
        if row != to:
            self._copy(to, self.layers, row, int(self.positions[row]))

    def _copy(self, row: int, layers: list[LayerState], source: int, position: int) -> None:
        self.positions[row] = position
        for block, layer, other in zip(self.network.layers, self.layers, layers, strict=True):
            for mine, theirs in ((layer.first, other.first), (layer.second, other.second)):
                if block.is_attention:
                    mine[row, :, :position] = theirs[source, :, :position]
                else:
                    mine[row] = theirs[source]

    def step(self, ids: Tensor) -> Tensor:
        """Reads a token in each of the first rows. ids: (rows in use,) -> logits (rows in use, V), float32."""
        network, count = self.network, len(ids)
        positions = self.positions[:count]
        x = network.embed(ids) + network.pos_embed(positions)  # (rows, D)
        longest = int(positions.max()) + 1
        allowed = torch.arange(longest, device=x.device) <= positions[:, None]  # (rows, longest)
        for block, layer in zip(network.layers, self.layers, strict=True):
            mixed = block.ln1(x)
            if block.is_attention:
                mixed = self._attend(block, mixed, layer, allowed)
            else:
                with torch.autocast(x.device.type, enabled=False):
                    state = LayerState(layer.first[:count], layer.second[:count])
                    mixed = block.hybrid.step(mixed.float(), state)
                layer.first[:count], layer.second[:count] = state.first, state.second
            x = x + mixed
            x = x + block.ffn(block.ln2(x))
        self.positions[:count] += 1
        return network.head(network.ln_f(x)).float()

    def _attend(self, block: Block, x: Tensor, layer: LayerState, allowed: Tensor) -> Tensor:
        count, longest = allowed.shape
        q, k, v = block.attn.qkv(x).view(count, 3, block.attn.n_heads, -1).unbind(1)  # (rows, heads, head_dim) each
        each = torch.arange(count, device=x.device)
        layer.first[each, :, self.positions[:count]] = k.to(layer.first.dtype)
        layer.second[each, :, self.positions[:count]] = v.to(layer.second.dtype)
        keys, values = layer.first[:count, :, :longest].to(q.dtype), layer.second[:count, :, :longest].to(q.dtype)
        y = F.scaled_dot_product_attention(q[:, :, None], keys, values, attn_mask=allowed[:, None, None])
        return block.attn.out_proj(y.reshape(count, -1))


class _Job:
    """A reply that is under way. Its row is its place in the list of those that decode."""

    def __init__(self, key: Hashable, reply: TokenSequence) -> None:
        self.key, self.reply = key, reply
        self.state: NetworkState | None = None  # while its prompt is read


class BatchGenerator:
    """Up to `slots` replies at once. Not thread-safe.

    Attributes:
        model: what answers.
        slots: how many replies may be under way, prompts that are being read included.
    """

    def __init__(self, model: Model, slots: int = 16) -> None:
        self.model, self.slots = model, slots
        self._rows: BatchState | None = None  # made with the first reply
        self._decoding: list[_Job] = []
        self._next: list[int] = []  # the token that each of them reads next
        self._reading: deque[_Job] = deque()

    def __len__(self) -> int:
        return len(self._decoding) + len(self._reading)

    @property
    def has_room(self) -> bool:
        return len(self) < self.slots

    def add(self, key: Hashable, reply: TokenSequence) -> None:
        """Takes a reply in, under a name of the caller's. There must be room."""
        assert self.has_room, "full"
        self._reading.append(_Job(key, reply))

    @torch.inference_mode()
    def cancel(self, key: Hashable) -> None:
        """Ends a reply without another piece; an unknown one is over already."""
        for job in [job for job in self._reading if job.key == key]:
            self._reading.remove(job)
        for row in [row for row, job in enumerate(self._decoding) if job.key == key]:
            self._free(row)

    @torch.inference_mode()
    def advance(self) -> list[tuple[Hashable, Piece | I3Error]]:
        """Reads a part of a prompt and a token of every reply; returns the new pieces, or why a reply broke off.

        Anything that is not an I3Error is a bug, and leaves no reply under way.
        """
        try:
            done = self._step() if self._decoding else []
            if self._reading:
                done += self._read_part()
        except BaseException:
            self._decoding, self._next = [], []
            self._reading.clear()
            raise
        return done

    def _read_part(self) -> list[tuple[Hashable, Piece | I3Error]]:
        job = self._reading[0]
        try:
            if self._rows is None:
                self._rows = BatchState(self.model, self.slots)
            job.state = job.state or self.model.network.new_state()
            ids = job.reply.context_ids
            logits = self._prefill(job.state, ids[job.state.position : job.state.position + PROMPT_PART])
        except (RuntimeError, MemoryError) as error:
            self._reading.popleft()
            return [(job.key, _explained(error))]
        if job.state.position < len(ids):
            return []
        self._reading.popleft()
        piece = job.reply.take(logits)
        if piece.finish_reason is None:
            self._rows.put(len(self._decoding), job.state)
            self._decoding.append(job)
            self._next.append(piece.token_id)
        job.state = None
        return [(job.key, piece)]

    def _step(self) -> list[tuple[Hashable, Piece | I3Error]]:
        try:
            self._anchor_anew()
            # One thread for all rows of a small network: two gain a fifth alone, and lose most of it beside another.
            with self.model.device.autocast(), decoding_threads(self.model, 1):
                ids = torch.tensor(self._next, device=self._rows.positions.device)
                logits = self._rows.step(ids).cpu()
        except (RuntimeError, MemoryError) as error:
            explained = _explained(error)
            broken = [(job.key, explained) for job in self._decoding]
            self._decoding, self._next = [], []
            return broken
        done: list[tuple[Hashable, Piece | I3Error]] = []
        for row in reversed(range(len(self._decoding))):  # from the end, as a freed row is filled by the last
            job = self._decoding[row]
            piece = job.reply.take(logits[row])
            done.append((job.key, piece))
            if piece.finish_reason is None:
                self._next[row] = piece.token_id
            else:
                self._free(row)
        return done[::-1]

    def _anchor_anew(self) -> None:
        """Rows whose window is full go on from its last half, as `Generator.step` does."""
        window = self.model.config.window
        for row in (self._rows.positions[: len(self._decoding)] >= window).nonzero().flatten().tolist():
            state = self.model.network.new_state()
            kept = self._decoding[row].reply.said[-half_window(window) :][:-1]
            if kept:
                self._prefill(state, kept)
            self._rows.put(row, state)

    def _prefill(self, state: NetworkState, ids: list[int]) -> Tensor:
        """Logits (V,) after `ids`, on the CPU. Advances `state`."""
        given = torch.tensor([ids], device=self.model.device.name)
        with self.model.device.autocast(), decoding_threads(self.model, len(ids)):
            return self.model.network(given, state, last_only=True)[0, -1].float().cpu()

    def _free(self, row: int) -> None:
        last = len(self._decoding) - 1
        self._rows.move(last, row)
        self._decoding[row], self._next[row] = self._decoding[last], self._next[last]
        del self._decoding[last], self._next[last]


def _explained(error: BaseException) -> I3Error:
    if not is_out_of_memory(error):
        raise error
    return I3Error("The device ran out of memory.", "Close other programs, or serve with fewer --slots.")
