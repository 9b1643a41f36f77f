"""Cache network states by token prefix, so that a prompt costs only its new tokens.

As vLLM's automatic prefix caching (Kwon et al. 2023) and SGLang's RadixAttention (Zheng et al. 2024) do for keys and
values; here recurrent states come with them. The KV caches of a token sequence serve every position in it, since an
entry depends only on the tokens up to its own. A recurrent state holds its whole past, so it is kept as a snapshot at
each position where reading paused, which is every token of a reply.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..model.block_kinds import KINDS
from ..model.network import I3Network
from ..model.state import KVCache, NetworkState, RecurrentState, recurrent_only

MAX_PREFIXES = 8
MAX_BYTES = 256 * 2**20


@dataclass(eq=False)
class CachedPrefix:
    """One token sequence that the network has read, and the states to continue from.

    Attributes:
        token_ids: the sequence.
        caches: the KV cache of each attention block, valid for all of `token_ids`, and None for the other blocks.
        snapshots: by position, the state of each recurrent block after that many tokens, in order.
        logits: by position, the logits (V,) after that many tokens, where several were read at once. Elsewhere the
            snapshot before the last token is known, and reading that token again is cheaper than keeping its logits.
    """

    token_ids: list[int]
    caches: list[KVCache | None]
    snapshots: dict[int, list[RecurrentState]]
    logits: dict[int, Tensor]

    @classmethod
    def empty(cls, network: I3Network) -> CachedPrefix:
        """A prefix before its first token."""
        layers = network.new_state().layers
        caches = [layer if isinstance(layer, KVCache) else None for layer in layers]
        return cls([], caches, {0: recurrent_only(layers)}, {})

    def match(self, ids: Sequence[int]) -> int:
        """The position in `ids` to continue from; their end only if its logits are cached."""
        shared = common_length(self.token_ids, ids)
        if shared == len(ids) and shared in self.logits:
            return shared
        limit = min(shared, len(ids) - 1)
        return limit if limit in self.snapshots else max((at for at in self.snapshots if at <= limit), default=0)

    def state_at(self, position: int) -> NetworkState:
        """A state to continue from. It writes into the KV caches of this prefix, from `position` on."""
        snapshot = iter(self.snapshots[position])
        return NetworkState(position, [next(snapshot).copy() if cache is None else cache for cache in self.caches])

    def record(self, ids: list[int], state: NetworkState, logits: Tensor | None) -> None:
        """Keep the state after `ids`, which extend this prefix or are a part of it."""
        if len(ids) > len(self.token_ids):
            self.token_ids = ids
        self.snapshots[len(ids)] = recurrent_only(state.layers)
        if logits is not None:
            self.logits[len(ids)] = logits

    def fork(self, position: int) -> CachedPrefix:
        """A copy of the first `position` tokens with KV caches of its own, for another continuation."""
        return CachedPrefix(
            self.token_ids[:position],
            [
                cache and KVCache(_copied(cache.keys, position), _copied(cache.values, position))
                for cache in self.caches
            ],
            {at: snapshot for at, snapshot in self.snapshots.items() if at <= position},
            {at: logits for at, logits in self.logits.items() if at <= position},
        )

    def drop_first_snapshot(self) -> None:
        """Free memory. Sequences that differ before the next snapshot can no longer use this prefix."""
        first = min(self.snapshots)
        del self.snapshots[first]
        self.logits.pop(first, None)


def common_length(first: Sequence[int], second: Sequence[int]) -> int:
    """The length of the longest common prefix of two sequences."""
    length = min(len(first), len(second))
    if first[:length] == second[:length]:
        return length
    return next(i for i in range(length) if first[i] != second[i])


def _copied(cache: Tensor, length: int) -> Tensor:
    """cache (B, heads, window, head_dim) with its first `length` positions; the rest is written before it is read."""
    copy = torch.empty_like(cache)
    copy[:, :, :length] = cache[:, :, :length]
    return copy


class PrefixCache:
    """Recently used prefixes of one network, bounded in number and in bytes."""

    def __init__(self, network: I3Network, max_prefixes: int = MAX_PREFIXES, max_bytes: int = MAX_BYTES) -> None:
        self.network = network
        self.max_prefixes, self.max_bytes = max_prefixes, max_bytes
        self._prefixes: list[CachedPrefix] = []  # the most recently used one is last
        config, size = network.config, network.embed.weight.element_size()
        kinds = [KINDS[name] for name in config.kinds]
        self.kv_bytes = 2 * sum(kind.attends for kind in kinds) * config.window * config.d_model * size
        self.snapshot_bytes = 4 * sum(sum(kind.state(config).values()) for kind in kinds)
        self.logits_bytes = 4 * config.vocab_size

    def __len__(self) -> int:
        return len(self._prefixes)

    @property
    def nbytes(self) -> int:
        """Bytes of all prefixes; snapshots that two of them share count twice."""
        snapshots = sum(len(prefix.snapshots) for prefix in self._prefixes)
        logits = sum(len(prefix.logits) for prefix in self._prefixes)
        return self.kv_bytes * len(self) + self.snapshot_bytes * snapshots + self.logits_bytes * logits

    def take(self, ids: list[int]) -> tuple[CachedPrefix, int]:
        """The prefix to read `ids` with, and the position to continue from.

        It is not in the cache until `insert` returns it: if reading fails, nothing half-read is left.
        """
        best, matched = None, 0
        for prefix in reversed(self._prefixes):
            position = prefix.match(ids)
            if position > matched:
                best, matched = prefix, position
            if matched >= len(ids) - 1:
                break
        if best is None:
            return CachedPrefix.empty(self.network), 0
        self._prefixes.remove(best)
        shared = min(len(best.token_ids), len(ids))
        if best.token_ids[:shared] == ids[:shared]:
            return best, matched
        self._prefixes.append(best)
        return best.fork(matched), matched

    def insert(self, prefix: CachedPrefix) -> None:
        """Add a prefix as the most recently used one, and evict what exceeds the bounds."""
        self._prefixes.append(prefix)
        while len(self) > 1 and (len(self) > self.max_prefixes or self.nbytes > self.max_bytes):
            del self._prefixes[0]
        while len(prefix.snapshots) > 1 and self.nbytes > self.max_bytes:
            prefix.drop_first_snapshot()

    def clear(self) -> None:
        """Remove all prefixes."""
        self._prefixes.clear()
