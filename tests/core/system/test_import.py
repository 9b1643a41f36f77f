"""Importing the library changes nothing of its host; the programs set what torch reads."""

import os
import subprocess
import sys

from paths import REPOSITORY

from i3core.system.priority import TORCH_ENVIRONMENT, set_torch_environment

IMPORTS_ALL = """
import os
os.umask(0o037)
before = dict(os.environ)
import i3core
for name in i3core.__all__:
    getattr(i3core, name)
import i3core.serving.engine, i3core.training.train, i3core.system.files, i3core.cli.main
assert dict(os.environ) == before, dict(os.environ).items() ^ before.items()
assert os.umask(0) == 0o037
"""


def test_importing_changes_neither_environment_nor_umask():
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    for name in TORCH_ENVIRONMENT:
        environment.pop(name, None)
    subprocess.run([sys.executable, "-c", IMPORTS_ALL], check=True, env=environment, timeout=120)


def test_programs_set_what_the_user_has_not_set(monkeypatch):
    monkeypatch.setenv("GOMP_SPINCOUNT", "7")
    monkeypatch.delenv("THP_MEM_ALLOC_ENABLE", raising=False)
    set_torch_environment()
    assert os.environ["GOMP_SPINCOUNT"] == "7"
    assert os.environ["THP_MEM_ALLOC_ENABLE"] == "1"
