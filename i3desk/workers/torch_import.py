"""Import torch on a worker thread without blocking the UI.

`import torch` loads 450 MB of shared libraries under Python's global lock, which stops the event loop for up to half a
second. Called through ctypes, the system's loader works without that lock; the import then finds the libraries already
loaded. The rest is Python code, which shares the lock in turns.
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path

_LIBRARIES = ("libtorch_global_deps", "libtorch_cpu", "libtorch_python")


def import_torch(cancelled: Callable[[], bool]) -> bool:
    """Import torch, in a worker thread; returns False if `cancelled` returned True meanwhile."""
    if "torch" not in sys.modules:
        _preload_libraries()
        if cancelled():
            return False
        importlib.import_module("numpy")
        if cancelled():
            return False
    importlib.import_module("torch")
    return not cancelled()


def _preload_libraries() -> None:
    """Load torch's libraries through the system. A failure is ignored: the import itself reports it better."""
    spec = importlib.util.find_spec("torch")
    if spec is None or not spec.submodule_search_locations or not hasattr(os, "RTLD_NOW"):
        return
    folder = Path(spec.submodule_search_locations[0]) / "lib"
    suffix = ".dylib" if sys.platform == "darwin" else ".so"
    load_library = ctypes.CDLL(None).dlopen
    load_library.restype = ctypes.c_void_p
    load_library.argtypes = (ctypes.c_char_p, ctypes.c_int)
    for name in _LIBRARIES:
        path = folder / (name + suffix)
        if path.is_file():
            scope = os.RTLD_GLOBAL if name == _LIBRARIES[0] else os.RTLD_LOCAL  # as torch itself loads them
            load_library(os.fsencode(path), os.RTLD_NOW | scope)
