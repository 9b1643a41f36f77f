"""One model for many clients: a decoding thread behind a queue that is fair to all of them."""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Container, Hashable
from dataclasses import dataclass

from ..checkpoints.checkpoint import Model
from ..errors import I3Error
from ..generation.batch_generator import BatchGenerator
from ..generation.outputs import Piece
from ..generation.sequence import TokenSequence

Listener = Callable[[Piece | I3Error], None]


class BusyError(I3Error):
    """The queue is full."""


class ClosingError(I3Error):
    """The server is closing; its replies end."""

    def __init__(self) -> None:
        super().__init__("The server is closing.", "Ask again when it has restarted.")


@dataclass(frozen=True)
class EngineLoad:
    """How busy the engine is: replies that are generated, and replies that wait for a slot."""

    running: int
    waiting: int


class FairQueue:
    """Sequences that wait. Clients take turns, however many sequences each of them has."""

    def __init__(self) -> None:
        self._clients: OrderedDict[str, deque[tuple[int, TokenSequence]]] = OrderedDict()

    def __len__(self) -> int:
        return sum(map(len, self._clients.values()))

    def count(self, client: str) -> int:
        """The number of waiting sequences of this client."""
        return len(self._clients.get(client, ()))

    def push(self, client: str, ticket: int, sequence: TokenSequence) -> None:
        self._clients.setdefault(client, deque()).append((ticket, sequence))

    def pop(self, skip: Container[str] = ()) -> tuple[str, int, TokenSequence] | None:
        """Remove and return the next sequence: client, ticket, sequence. The client then has its turn last.

        Clients in `skip` are passed over and keep their turn; None if no other client waits.
        """
        client = next((client for client in self._clients if client not in skip), None)
        if client is None:
            return None
        waiting = self._clients.pop(client)
        ticket, sequence = waiting.popleft()
        if waiting:
            self._clients[client] = waiting
        return client, ticket, sequence

    def remove(self, ticket: int) -> None:
        for client, waiting in list(self._clients.items()):
            others = deque(entry for entry in waiting if entry[0] != ticket)
            if others:
                self._clients[client] = others
            else:
                del self._clients[client]


class Engine:
    """Generate replies in a thread of its own. Methods may be called from any thread.

    No client can keep others out: a client that has slots does not get the last free one, and of the places in the
    queue it gets at most as many as it leaves free.
    """

    def __init__(self, model: Model, slots: int = 16, max_waiting: int = 512) -> None:
        self.model, self.max_waiting = model, max_waiting
        self._batch = BatchGenerator(model, slots)
        self._queue = FairQueue()
        self._listeners: dict[Hashable, Listener] = {}  # by ticket
        self._cancelled: list[int] = []  # tickets
        self._clients: dict[Hashable, str] = {}  # ticket of a sequence in a slot -> client
        self._tickets = itertools.count(1)
        self._wake = threading.Condition()
        self._closing = False
        self._busy_slots = 0
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._thread.start()

    @property
    def load(self) -> EngineLoad:
        with self._wake:
            return EngineLoad(self._busy_slots, len(self._queue))

    @property
    def max_replies(self) -> int:
        """The number of replies that one client may ask for while no other client is there."""
        return self._batch.slots + (self.max_waiting + 1) // 2

    def submit(self, client: str, sequences: list[tuple[TokenSequence, Listener]]) -> list[int]:
        """Enqueue sequences and return a ticket for each.

        Args:
            client: name of the client; clients take turns.
            sequences: each with a listener for its pieces (the last has a finish_reason) or for the error that ends
                it. Listeners are called in the engine's thread and must not block.

        Raises:
            BusyError: too many replies wait already, of this client or in all.
            ClosingError: the server is closing.
        """
        with self._wake:
            if self._closing:
                raise ClosingError
            free = max(0, self._batch.slots - self._busy_slots)
            waiting = max(0, len(self._queue) + len(sequences) - free)
            of_client = max(0, self._queue.count(client) + len(sequences) - free)
            if waiting > self.max_waiting + (0 if of_client else self._batch.slots):
                raise BusyError(f"{len(self._queue)} replies are waiting already.", "Try again in a moment.")
            if of_client > self.max_waiting - waiting + 1:
                raise BusyError(
                    f"{self._queue.count(client)} of your replies are waiting already.", "Try again in a moment."
                )
            tickets = [next(self._tickets) for _ in sequences]
            for ticket, (sequence, listener) in zip(tickets, sequences, strict=True):
                self._listeners[ticket] = listener
                self._queue.push(client, ticket, sequence)
            self._wake.notify()
        return tickets

    def cancel(self, tickets: list[int]) -> None:
        """End these replies before the next token; their listeners are not called again."""
        with self._wake:
            for ticket in tickets:
                if self._listeners.pop(ticket, None) is not None:
                    self._queue.remove(ticket)
                    self._cancelled.append(ticket)
            self._wake.notify()

    def close(self) -> None:
        """End all replies with an error, then the thread."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()

    def _run(self) -> None:
        while self._admit():
            try:
                pieces = self._batch.advance()
            except Exception as error:  # a bug: running replies end, the server does not
                failure = I3Error(f"The model failed ({type(error).__name__}: {error}).", "Try again.")
                with self._wake:
                    pieces = [(ticket, failure) for ticket in self._clients]
            for ticket, piece in pieces:
                with self._wake:
                    listener = self._listeners.get(ticket)
                    if isinstance(piece, I3Error) or piece.finish_reason:
                        self._listeners.pop(ticket, None)
                        self._clients.pop(ticket, None)
                if listener is not None:
                    listener(piece)
            with self._wake:
                self._busy_slots = len(self._batch)
        with self._wake:
            listeners, self._listeners = self._listeners, {}
        for listener in listeners.values():
            listener(ClosingError())

    def _admit(self) -> bool:
        """Wait for work and fill free slots with it; False once the engine closes."""
        with self._wake:
            self._wake.wait_for(lambda: self._closing or self._cancelled or len(self._queue) or len(self._batch))
            for ticket in self._cancelled:
                self._batch.cancel(ticket)
                self._clients.pop(ticket, None)
            self._cancelled.clear()
            while (free := self._batch.slots - len(self._batch)) > 0:
                is_last = free == 1 and self._batch.slots > 1
                found = self._queue.pop(skip=set(self._clients.values()) if is_last else ())
                if found is None:
                    break
                client, ticket, sequence = found
                self._batch.add(ticket, sequence)
                self._clients[ticket] = client
            self._busy_slots = len(self._batch)
            return not self._closing
