"""States that the network was in, so that going on from any place of what it has read reads only what is new.

A trail is one sequence of tokens. Its KV caches serve every place in it, since an entry depends only on the tokens up
to its own; the recurrent states are kept for each place where reading paused, which is every token of a reply.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..model.network import I3Network, LayerState, NetworkState

MAX_PREFIXES = 8
MAX_BYTES = 256 * 2**20


@dataclass(eq=False)
class CachedPrefix:
    """One sequence of tokens that was read.

    Attributes:
        ids: the tokens.
        caches: for each block its KV cache, valid for all of `ids`; None for a recurrent block.
        places: number of tokens -> for each block its recurrent state after them; None for an attention block.
        logits: number of tokens -> logits (V,) after them, where several tokens were read at once. Elsewhere the state
            before the last token is known, and reading it again is cheaper than keeping them.
    """

    ids: list[int]
    caches: tuple[LayerState | None, ...]
    places: dict[int, tuple[LayerState | None, ...]]
    logits: dict[int, Tensor]

    @classmethod
    def begin(cls, network: I3Network) -> CachedPrefix:
        """A trail before its first token."""
        layers, blocks = network.new_state().layers, list(network.layers)
        caches = tuple(s if block.is_attention else None for s, block in zip(layers, blocks, strict=True))
        start = tuple(None if block.is_attention else s for s, block in zip(layers, blocks, strict=True))
        return cls([], caches, {0: start}, {})

    def known(self, ids: Sequence[int]) -> int:
        """After how many of `ids` reading can go on here: all of them if even the logits are known."""
        shared = _shared(self.ids, ids)
        if shared == len(ids) and shared in self.logits:
            return shared
        limit = min(shared, len(ids) - 1)
        return limit if limit in self.places else max((place for place in self.places if place <= limit), default=0)

    def state(self, place: int) -> NetworkState:
        """A state to go on with. It writes into this trail's caches, from `place` on."""
        layers = (cache or layer for cache, layer in zip(self.caches, self.places[place], strict=True))
        return NetworkState(place, [LayerState(layer.first, layer.second) for layer in layers])

    def add(self, ids: list[int], state: NetworkState, logits: Tensor | None) -> None:
        """Remembers `state`, which is that after `ids`: this trail's tokens and new ones, or its first ones again."""
        if len(ids) > len(self.ids):
            self.ids = ids
        self.places[len(ids)] = tuple(
            None if cache else layer for cache, layer in zip(self.caches, state.layers, strict=True)
        )
        if logits is not None:
            self.logits[len(ids)] = logits

    def fork(self, place: int) -> CachedPrefix:
        """A trail with the first `place` tokens and caches of its own, to go on differently."""
        return CachedPrefix(
            self.ids[:place],
            tuple(cache and LayerState(_copy(cache.first, place), _copy(cache.second, place)) for cache in self.caches),
            {at: layers for at, layers in self.places.items() if at <= place},
            {at: logits for at, logits in self.logits.items() if at <= place},
        )

    def forget_first_place(self) -> None:
        """Makes room: going on from before the next place will have to begin anew."""
        first = min(self.places)
        del self.places[first]
        self.logits.pop(first, None)


def _shared(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens two sequences have in common at their beginnings."""
    length = min(len(one), len(other))
    if one[:length] == other[:length]:
        return length
    return next(i for i in range(length) if one[i] != other[i])


def _copy(cache: Tensor, length: int) -> Tensor:
    """cache (B, heads, window, head_dim) with its first `length` positions; what follows is never read unwritten."""
    copy = torch.empty_like(cache)
    copy[:, :, :length] = cache[:, :, :length]
    return copy


class PrefixCache:
    """The last few trails of one network, bounded by their number and bytes."""

    def __init__(self, network: I3Network, max_trails: int = MAX_PREFIXES, max_bytes: int = MAX_BYTES) -> None:
        self.network = network
        self.max_trails, self.max_bytes = max_trails, max_bytes
        self._prefixes: list[CachedPrefix] = []  # the one used last comes last
        config, size = network.config, network.embed.weight.element_size()
        self._cache_bytes = 2 * config.attention_layers * config.window * config.d_model * size
        self._place_bytes = 4 * config.hybrid_layers * (config.d_model + config.d_state)
        self._logits_bytes = 4 * config.vocab_size

    @property
    def nbytes(self) -> int:
        """Bytes of all trails; states that two of them share count twice."""
        places = sum(len(trail.places) for trail in self._prefixes)
        logits = sum(len(trail.logits) for trail in self._prefixes)
        caches = self._cache_bytes * len(self._prefixes)
        return caches + self._place_bytes * places + self._logits_bytes * logits

    def take(self, ids: list[int]) -> tuple[CachedPrefix, int]:
        """A trail to read `ids` on, and how many of them it knows already.

        It is not among the trails until `keep` puts it back: if reading fails, nothing half-read is left.
        """
        best, known = None, 0
        for trail in reversed(self._prefixes):
            place = trail.known(ids)
            if place > known:
                best, known = trail, place
            if known >= len(ids) - 1:
                break
        if best is None:
            return CachedPrefix.begin(self.network), 0
        self._prefixes.remove(best)
        shared = min(len(best.ids), len(ids))
        if best.ids[:shared] == ids[:shared]:
            return best, known
        self._prefixes.append(best)
        return best.fork(known), known

    def keep(self, trail: CachedPrefix) -> None:
        """Puts a trail back as the one used last; those not used for longest give way."""
        self._prefixes.append(trail)
        while len(self._prefixes) > 1 and (len(self._prefixes) > self.max_trails or self.nbytes > self.max_bytes):
            del self._prefixes[0]
        while len(trail.places) > 1 and self.nbytes > self.max_bytes:
            trail.forget_first_place()

    def clear(self) -> None:
        """Forgets everything."""
        self._prefixes.clear()
