"""Entry point of the packaged program: the window, or the command line if it is called as i3core."""

import os
import sys
from pathlib import Path

from i3desk.__main__ import main


def restore_library_path() -> None:
    """Restore the library path for programs that this one opens, such as a browser."""
    if "LD_LIBRARY_PATH_ORIG" in os.environ:
        os.environ["LD_LIBRARY_PATH"] = os.environ.pop("LD_LIBRARY_PATH_ORIG")
    elif sys.platform.startswith("linux"):
        os.environ.pop("LD_LIBRARY_PATH", None)


if __name__ == "__main__":
    restore_library_path()
    name = Path(sys.argv[0]).stem.lower()
    sys.exit(main(["i3core", *sys.argv[1:]] if name == "i3core" else None))
