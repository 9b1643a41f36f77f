"""Fixtures for all tests: no access to the user's own files, and exclusive use of the machine where needed."""

import os

import pytest
from hypothesis import settings

try:
    import fcntl
except ImportError:  # Windows: there, run the tests with -n 0
    fcntl = None

settings.register_profile("untimed", deadline=None)  # a busy machine must not fail a test
settings.load_profile("untimed")


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory):
    """Keep tests away from the user's cache, whose entries another version may have written."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("I3DESK_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True, scope="session")
def separate_run_index(tmp_path_factory):
    """Register the runs of tests in an index of their own, not in the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("I3DESK_RUNS_FILE", str(tmp_path_factory.mktemp("runs") / "runs.json"))
        yield


@pytest.fixture(autouse=True)
def machine_lock(request, tmp_path_factory):
    """Run a test marked `alone` while no other process of this test session runs a test.

    All others share a lock. The gate is held while a test waits for the lock, so that no other test overtakes it.
    """
    if "PYTEST_XDIST_WORKER" not in os.environ or fcntl is None:
        yield
        return
    alone = request.node.get_closest_marker("alone") is not None
    shared = tmp_path_factory.getbasetemp().parent
    with open(shared / "gate", "a") as gate, open(shared / "lock", "a") as lock:
        fcntl.flock(gate, fcntl.LOCK_EX)
        fcntl.flock(lock, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(gate, fcntl.LOCK_UN)
        yield
