"""For all tests: they keep out of the user's own lists, and those that need the machine to themselves get it."""

import os

import pytest
from hypothesis import settings

try:
    import fcntl
except ImportError:  # Windows: there, run the tests with -n 0
    fcntl = None

settings.register_profile("untimed", deadline=None)  # a busy machine is no fault of ours
settings.load_profile("untimed")


@pytest.fixture(autouse=True, scope="session")
def own_list_of_runs(tmp_path_factory):
    """Runs that tests make are not registered with the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("I3DESK_RUNS_FILE", str(tmp_path_factory.mktemp("runs") / "runs.json"))
        yield


@pytest.fixture(autouse=True)
def room(request, tmp_path_factory):
    """A test marked `alone` runs while no other process of this test run is at work.

    All others hold a lock together. The gate is held while somebody waits for it: nobody else gets past him.
    """
    if "PYTEST_XDIST_WORKER" not in os.environ or fcntl is None:
        yield
        return
    alone = request.node.get_closest_marker("alone") is not None
    shared = tmp_path_factory.getbasetemp().parent
    with open(shared / "gate", "a") as gate, open(shared / "room", "a") as lock:
        fcntl.flock(gate, fcntl.LOCK_EX)
        fcntl.flock(lock, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(gate, fcntl.LOCK_UN)
        yield
