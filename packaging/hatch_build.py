"""Compile the library of `i3core/model/native.py` when a wheel is built; hatchling calls this."""

import sys
import sysconfig
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).parent))
import native


class NativeBuildHook(BuildHookInterface):
    """Without a compiler the wheel is for every system, and the model decodes with torch alone."""

    def initialize(self, version, build_data):
        if native.build():
            platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
            build_data["pure_python"], build_data["tag"] = False, f"py3-none-{platform}"
