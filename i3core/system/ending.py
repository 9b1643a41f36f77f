"""End a program soon after its last word."""

import atexit
import gc


def skip_last_collection() -> None:
    """Let the interpreter end without searching torch's objects for cycles, which takes half a second.

    Threads are joined, exit handlers run and files are closed as ever; only cycles that nothing refers to are left
    to the system. Call it first in a program: of exit handlers the first registered runs last.
    """
    atexit.unregister(gc.freeze)
    atexit.register(gc.freeze)
