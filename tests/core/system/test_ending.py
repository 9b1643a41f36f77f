"""The end of a program: quick, with everything saved."""

PROGRAM = """
import atexit, gc, sys, threading, time
from i3core.cli.main import main

file = open(sys.stdin.read(), "w")
atexit.register(lambda: print("left out:", gc.get_freeze_count() > 1000))
main(["models", "--json"])
file.write("not flushed yet")
atexit.register(lambda: print("exit handler"))
threading.Thread(target=lambda: (time.sleep(0.05), print("thread"))).start()
"""


def test_ending_skips_the_search_for_cycles_and_nothing_else(process, tmp_path):
    outcome = process(code=PROGRAM, stdin=str(tmp_path / "file"), fresh=True)
    assert outcome.out.splitlines()[1:] == ["thread", "exit handler", "left out: True"]
    assert (tmp_path / "file").read_text() == "not flushed yet"
