"""Kill a process that streams replies into the store with signal 9, repeatedly and at random moments.

    .venv/bin/python tests/long/store_kill.py [--kills 50] [--seed 0]

The child writes as the window does, every 250 ms, while another of its threads searches and checkpoints; it reports
what it has "shown" and when. After each kill the database must open and be sound, everything shown half a second
before the kill must be there, and the unfinished reply must be marked as cut.
"""

import argparse
import json
import random
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from i3core.generation.outputs import Alternative, Chunk  # noqa: E402
from i3desk.conversations.conversation import ASSISTANT, USER, Conversation, ReplyState  # noqa: E402
from i3desk.conversations.store import Store, checkpoint, search  # noqa: E402

PIECE_S, DRAW_S, SAVE_S, MAY_BE_LOST_S = 0.004, 0.04, 0.25, 0.5


def stream(path: Path, seed: int) -> None:
    """Child process: write questions and answers until killed."""
    chance = random.Random(seed)
    store, conversation = Store(path), Conversation()
    threading.Thread(target=keep_up, args=(path,), daemon=True).start()
    while True:
        if len(conversation.messages) > 8:
            conversation = Conversation()
        question = conversation.add(USER, f"question {chance.random()}", conversation.leaf)
        if conversation.id is None:
            store.add(conversation)
        reply = conversation.add(ASSISTANT, parent=question.number, state=ReplyState.WAITING)
        for message in (question, reply):
            store.save_message(conversation, message)
        report(conversation, question)
        answer(store, conversation, reply, chance)


def answer(store: Store, conversation: Conversation, reply, chance: random.Random) -> None:
    drawn = saved = time.monotonic()
    for _ in range(chance.randrange(20, 400)):
        time.sleep(PIECE_S)
        text = f"{chance.randrange(100)} "
        reply.state = ReplyState.STREAMING
        reply.text += text
        reply.chunks.append(Chunk(1, text, 0.5, tuple(Alternative(i, str(i), 0.05) for i in range(10))))
        now = time.monotonic()
        if now - drawn >= DRAW_S:
            drawn = now
            report(conversation, reply)
        if now - saved >= SAVE_S:
            saved = now
            store.save_message(conversation, reply)
            store.save_conversation(conversation)
    reply.state = ReplyState.DONE
    store.save_message(conversation, reply)
    report(conversation, reply)


def report(conversation: Conversation, message) -> None:
    record = [time.monotonic(), conversation.id, message.number, message.text, message.state.value]
    print(json.dumps(record), flush=True)


def keep_up(path: Path) -> None:
    """Search and checkpoint on a second thread."""
    while True:
        search(path, "question 1")
        checkpoint(path)
        time.sleep(0.1)


def killed(path: Path, seed: int, after_s: float) -> tuple[float, list[list]]:
    """Let a child write, then kill it; return the time of the kill and its reports."""
    command = [sys.executable, __file__, "--child", path, "--seed", str(seed)]
    with tempfile.TemporaryFile("w+") as shown, subprocess.Popen(command, stdout=shown) as child:
        while child.poll() is None and not Path(path).exists():
            time.sleep(0.01)
        time.sleep(after_s)
        at = time.monotonic()
        child.kill()
        if child.wait() != -9:
            raise SystemExit(f"The child ended by itself with {child.returncode}.")
        shown.seek(0)
        lines = shown.read().split("\n")[:-1]  # the last line may be half
    return at, [json.loads(line) for line in lines]


def verify(path: Path, at: float, shown: list[list]) -> tuple[int, int]:
    """Raise AssertionError if something is missing; return the numbers of cut replies and lost characters."""
    with closing(Store(path)) as store:
        assert store.notice == "", store.notice
        cut = store.mark_cut()
        assert cut <= 1, f"{cut} unfinished replies"
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        lost = 0
        opened = {number: store.open(number) for number in {record[1] for record in shown}}
        for when, number, message_number, text, state in shown:
            message = opened[number].messages.get(message_number)
            if when <= at - MAY_BE_LOST_S:
                assert message is not None, f"message {message_number} of conversation {number} is gone"
                assert message.text.startswith(text), f"of {len(text)} characters only {len(message.text)} are there"
                assert message.state is ReplyState.CUT or state != "done" or message.state is ReplyState.DONE
            lost = len(text) - len(message.text) if message is not None else 0
        for conversation in opened.values():
            for message in conversation.messages.values():
                assert message.ended
                if message.role == ASSISTANT:
                    chunks = store.load_chunks(conversation.id, message.number)
                    assert "".join(chunk.text for chunk in chunks).removesuffix("<|end|>") == message.text
        states = [message.state for row in store.rows() for message in store.open(row.id).messages.values()]
        assert states.count(ReplyState.CUT) >= cut
        return cut, max(0, lost)


def kill_repeatedly(path: Path, kills: int, kill_once: Callable[[int], tuple[float, list[list]]]) -> None:
    """Kill what writes to this database again and again; nothing of it may be lost or change, see `verify`."""
    everything: dict[tuple[int, int], str] = {}
    marked = 0
    for kill in range(kills):
        at, shown = kill_once(kill)
        cut, lost = verify(path, at, shown)
        marked += cut
        print(f"kill {kill + 1}: {len(shown)} reports, {cut} reply cut, {lost} characters behind", flush=True)
        with closing(Store(path)) as store:
            stored = {
                (row.id, message.number): message.text
                for row in store.rows()
                for message in store.open(row.id).messages.values()
            }
        assert everything.items() <= stored.items(), "something older has changed"
        everything = stored
    print(f"{kills} kills: {len(everything)} messages, none lost, {marked} replies marked as cut")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--longest", type=float, default=2.5, help="seconds until a kill, at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        stream(options.child, options.seed)
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "conversations.sqlite3")
        kill_repeatedly(
            path, options.kills, lambda kill: killed(path, options.seed + kill, chance.uniform(0.3, options.longest))
        )


if __name__ == "__main__":
    main()
