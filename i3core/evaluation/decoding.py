"""Replies of many chats at once."""

from __future__ import annotations

from collections.abc import Sequence

from ..checkpoints.checkpoint import Model
from ..generation.batch_generator import BatchGenerator
from ..generation.outputs import Piece
from ..generation.sequence import TokenSequence


def decode(model: Model, replies: Sequence[TokenSequence]) -> list[list[Piece]]:
    """Decode the pieces of all replies in batches.

    Raises the I3Error of a reply that failed.
    """
    generator = BatchGenerator(model)
    pieces: list[list[Piece]] = [[] for _ in replies]
    waiting = list(enumerate(replies))[::-1]
    while waiting or len(generator):
        while waiting and generator.has_room:
            generator.add(*waiting.pop())
        for number, piece in generator.advance():
            if not isinstance(piece, Piece):
                raise piece
            assert isinstance(number, int)
            pieces[number].append(piece)
    return pieces
