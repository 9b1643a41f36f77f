"""For all tests: they keep out of the user's own lists."""

import pytest
from hypothesis import settings

settings.register_profile("untimed", deadline=None)  # a busy machine is no fault of ours
settings.load_profile("untimed")


@pytest.fixture(autouse=True, scope="session")
def own_list_of_runs(tmp_path_factory):
    """Runs that tests make are not registered with the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("I3DESK_RUNS_FILE", str(tmp_path_factory.mktemp("runs") / "runs.json"))
        yield
