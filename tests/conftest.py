"""For all tests: hypothesis without deadlines or a database, and a cache folder of our own."""

import os

import pytest
from hypothesis import HealthCheck, settings

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before torch: spinning threads starve the other processes
settings.register_profile(
    "i3", deadline=None, database=None, derandomize=True, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("i3")


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory):
    """The token cache, for this process and for those that the tests start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield
