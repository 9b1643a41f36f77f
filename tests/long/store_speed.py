"""Measure the store with 10,000 conversations: list, search, opening, and every write while the disk is busy.

    .venv/bin/python tests/long/store_speed.py

The limits are those of the window: 50 ms for anything in the GUI thread, 100 ms for a search in the background. Exits 1
if one is exceeded.
"""

import gc
import itertools
import random
import sys
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from i3core.generation.outputs import Alternative, Chunk  # noqa: E402
from i3desk.conversations.conversation import ASSISTANT, USER, Conversation, ReplyState  # noqa: E402
from i3desk.conversations.store import Store, checkpoint, search, tidy  # noqa: E402

CONVERSATIONS, MESSAGES, WORDS = 10_000, 10, 40
chance = random.Random(0)
syllables = [first + second for first in "bdfgklmnprstw" for second in "aeiou"]
vocabulary = ["".join(chance.choices(syllables, k=chance.randint(1, 4))) for _ in range(20_000)]
weights = list(itertools.accumulate(1 / rank for rank in range(1, len(vocabulary) + 1)))


def text(words: int = WORDS) -> str:
    return " ".join(chance.choices(vocabulary, cum_weights=weights, k=words))


def conversation(messages: int) -> Conversation:
    made = Conversation()
    for number in range(messages):
        made.add(ASSISTANT if number % 2 else USER, text(), made.leaf)
    return made


def chunk(number: int) -> Chunk:
    others = tuple(Alternative(number + i, vocabulary[i][:3], chance.random()) for i in range(10))
    return Chunk(number, vocabulary[number % 1000][:3], chance.random(), others)


failures: list[str] = []


def milliseconds(work, times: int = 5) -> list[float]:
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        taken.append((time.perf_counter() - start) * 1000)
    return sorted(taken)


def say(what: str, taken: list[float], limit_ms: float) -> None:
    median = taken[len(taken) // 2]
    verdict = "ok" if median <= limit_ms else "TOO SLOW"
    if median > limit_ms:
        failures.append(what)
    print(f"{what:44} median {median:7.2f}  longest {taken[-1]:7.2f} ms  (limit {limit_ms:g}) {verdict}")


def streamed(store: Store, replies: int, tokens: int, step: int) -> tuple[list[float], list[float]]:
    """Seconds of each save while replies stream `step` tokens per save, and at their ends."""
    during, ends = [], []
    for _ in range(replies):
        talk = conversation(1)
        store.add(talk)
        reply = talk.add(ASSISTANT, parent=1, state=ReplyState.STREAMING)
        for count in range(0, tokens, step):
            reply.chunks += [chunk(number) for number in range(count, count + step)]
            reply.text += text(step // 2) + " "
            during += milliseconds(lambda talk=talk, reply=reply: store.save_message(talk, reply), 1)
        reply.state = ReplyState.DONE
        ends += milliseconds(lambda talk=talk, reply=reply: store.save_message(talk, reply), 1)
    return sorted(during), sorted(ends)


def main() -> None:
    gc.disable()  # as the window does while it streams
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "conversations.sqlite3")
        with closing(Store(path)) as store:
            start = time.perf_counter()
            for _ in range(CONVERSATIONS):
                store.add(conversation(MESSAGES))
            print(f"{CONVERSATIONS:,} conversations added in {time.perf_counter() - start:.1f} s")
            print(f"search before the first tidying: {milliseconds(lambda: search(path, 'bamo'))[-1]:.0f} ms")
            start = time.perf_counter()
            tidy(path)
            print(f"tidied in {time.perf_counter() - start:.1f} s; {path.stat().st_size / 2**20:.0f} MiB")

            say("list of 10,000", milliseconds(store.rows), 50)
            for query in ("b", "ba", "bamo", "ba mo", vocabulary[0], vocabulary[5000], '"ba mo"', "nothingatall"):
                say(
                    f"search {query!r}: {len(search(path, query))} hits",
                    milliseconds(lambda q=query: search(path, q)),
                    100,
                )

            long = conversation(2000)
            for message in long.messages.values():
                message.chunks = [chunk(number) for number in range(20)] if message.role == ASSISTANT else []
            store.add(long)
            say("open 2,000 messages", milliseconds(lambda: store.open(long.id)), 30)
            say("duplicate 2,000 messages with chunks", milliseconds(lambda: store.duplicate(long.id), 3), 50)
            say("rename, pin, delete, restore", milliseconds(lambda: edited(store), 50), 5)

            during, ends = streamed(store, 3, 4000, 50)
            say("save while 4,000 tokens stream", during, 5)
            say("save at the end of such a reply", ends, 20)

            stop = threading.Event()
            thread = threading.Thread(target=busy, args=(path, stop))
            thread.start()
            during, ends = streamed(store, 20, 1000, 50)
            stop.set()
            thread.join()
            say("save beside search, tidying, checkpoints", during, 5)
            say("end of a reply beside them", ends, 20)


def edited(store: Store) -> None:
    number = chance.randrange(1, CONVERSATIONS)
    store.rename(number, text(4))
    store.set_pinned(number, True)
    store.delete(number)
    store.restore(number)


def busy(path: Path, stop: threading.Event) -> None:
    while not stop.is_set():
        search(path, chance.choice(vocabulary))
        tidy(path, stop.is_set)
        checkpoint(path)


if __name__ == "__main__":
    main()
    sys.exit(f"too slow: {', '.join(failures)}" if failures else 0)
