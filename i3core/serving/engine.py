"""One model that answers many clients: a thread that decodes, and a queue before it that is fair to all of them."""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Container
from dataclasses import dataclass

from ..checkpoints.checkpoint import Model
from ..errors import I3Error
from ..generation.batch_generator import BatchGenerator
from ..generation.outputs import Piece
from ..generation.sequence import TokenSequence


class BusyError(I3Error):
    """As many requests wait as may."""


class ClosingError(I3Error):
    """The server ends, and its replies with it."""

    def __init__(self) -> None:
        super().__init__("The server is closing.", "Ask again when it has started anew.")


@dataclass(frozen=True)
class EngineLoad:
    """How busy the engine is: replies under way, and replies that wait for a place."""

    running: int
    waiting: int


class FairQueue:
    """Replies that wait. Clients take turns, whatever number of replies each of them wants."""

    def __init__(self) -> None:
        self._clients: OrderedDict[str, deque[tuple[int, TokenSequence]]] = OrderedDict()

    def __len__(self) -> int:
        return sum(map(len, self._clients.values()))

    def count(self, client: str) -> int:
        """How many replies of this client wait."""
        return len(self._clients.get(client, ()))

    def push(self, client: str, ticket: int, reply: TokenSequence) -> None:
        self._clients.setdefault(client, deque()).append((ticket, reply))

    def pop(self, passed_over: Container[str] = ()) -> tuple[str, int, TokenSequence] | None:
        """The next reply: the first of the client whose turn it is. That client's turn comes last again.

        None if there is none but of clients that are `passed_over`; their turn stays.
        """
        client = next((client for client in self._clients if client not in passed_over), None)
        if client is None:
            return None
        replies = self._clients.pop(client)
        ticket, reply = replies.popleft()
        if replies:
            self._clients[client] = replies
        return client, ticket, reply

    def remove(self, ticket: int) -> None:
        for client, replies in list(self._clients.items()):
            left = deque(entry for entry in replies if entry[0] != ticket)
            if left:
                self._clients[client] = left
            else:
                del self._clients[client]


class Engine:
    """Answers in a thread of its own. Its methods may be called from any thread.

    No client keeps others out: none gets the last free slot while it has others, or more places to wait in than it
    leaves free.
    """

    def __init__(self, model: Model, slots: int = 16, max_waiting: int = 512) -> None:
        self.model, self.max_waiting = model, max_waiting
        self._batch = BatchGenerator(model, slots)
        self._queue = FairQueue()
        self._listeners: dict[int, Callable[[Piece | I3Error], None]] = {}
        self._left: list[int] = []  # tickets of clients that are gone
        self._under_way: dict[int, str] = {}  # ticket to client
        self._tickets = itertools.count(1)
        self._wake = threading.Condition()
        self._closing = False
        self._running = 0
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._thread.start()

    @property
    def load(self) -> EngineLoad:
        with self._wake:
            return EngineLoad(self._running, len(self._queue))

    @property
    def most_at_once(self) -> int:
        """How many replies one client may ask for while nothing else is going on."""
        return self._batch.slots + (self.max_waiting + 1) // 2

    def submit(self, client: str, replies: list[tuple[TokenSequence, Callable[[Piece | I3Error], None]]]) -> list[int]:
        """Lets these replies be made, and returns a ticket for each.

        Args:
            client: who asks; clients take turns.
            replies: each with a function for its pieces, the last of which has a finish_reason, or for the error that
                ends it. It is called in the engine's thread and must not wait.

        Raises:
            BusyError: too many wait already, of this client or in all.
            ClosingError: the server ends.
        """
        with self._wake:
            if self._closing:
                raise ClosingError
            at_once = max(0, self._batch.slots - self._running)
            waiting = max(0, len(self._queue) + len(replies) - at_once)
            of_client = max(0, self._queue.count(client) + len(replies) - at_once)
            if waiting > self.max_waiting + (0 if of_client else self._batch.slots):
                raise BusyError(f"{len(self._queue)} replies are waited for already.", "Try again in a moment.")
            if of_client > self.max_waiting - waiting + 1:
                raise BusyError(f"You wait for {self._queue.count(client)} replies already.", "Try again in a moment.")
            tickets = [next(self._tickets) for _ in replies]
            for ticket, (reply, listener) in zip(tickets, replies, strict=True):
                self._listeners[ticket] = listener
                self._queue.push(client, ticket, reply)
            self._wake.notify()
        return tickets

    def cancel(self, tickets: list[int]) -> None:
        """Ends these replies before the next token; their functions are not called any more."""
        with self._wake:
            for ticket in tickets:
                if self._listeners.pop(ticket, None) is not None:
                    self._queue.remove(ticket)
                    self._left.append(ticket)
            self._wake.notify()

    def close(self) -> None:
        """Ends all replies with an error, then the thread."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()

    def _run(self) -> None:
        while self._admit():
            try:
                pieces = self._batch.advance()
            except Exception as error:  # a bug: those under way end, the server lives on
                told = I3Error(f"The model failed ({type(error).__name__}: {error}).", "Try again.")
                with self._wake:
                    pieces = [(ticket, told) for ticket in self._under_way]
            for ticket, piece in pieces:
                with self._wake:
                    listener = self._listeners.get(ticket)
                    if isinstance(piece, I3Error) or piece.finish_reason:
                        self._listeners.pop(ticket, None)
                        self._under_way.pop(ticket, None)
                if listener is not None:
                    listener(piece)
            with self._wake:
                self._running = len(self._batch)
        with self._wake:
            listeners, self._listeners = self._listeners, {}
        for listener in listeners.values():
            listener(ClosingError())

    def _admit(self) -> bool:
        """Waits for work and takes it in; False when the engine closes."""
        with self._wake:
            self._wake.wait_for(lambda: self._closing or self._left or len(self._queue) or len(self._batch))
            for ticket in self._left:
                self._batch.cancel(ticket)
                self._under_way.pop(ticket, None)
            self._left.clear()
            while (free := self._batch.slots - len(self._batch)) > 0:
                is_last = free == 1 and self._batch.slots > 1
                found = self._queue.pop(passed_over=set(self._under_way.values()) if is_last else ())
                if found is None:
                    break
                client, ticket, reply = found
                self._batch.add(ticket, reply)
                self._under_way[ticket] = client
            self._running = len(self._batch)
            return not self._closing
