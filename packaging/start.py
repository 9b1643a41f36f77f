"""Where the packaged program starts: the window, or the command line if it is called by the name i3core."""

import os
import sys
from pathlib import Path

from i3desk.__main__ import main


def give_back_library_path() -> None:
    """Programs that this one opens, such as a browser, are to find their own libraries and not ours."""
    if "LD_LIBRARY_PATH_ORIG" in os.environ:
        os.environ["LD_LIBRARY_PATH"] = os.environ.pop("LD_LIBRARY_PATH_ORIG")
    elif sys.platform.startswith("linux"):
        os.environ.pop("LD_LIBRARY_PATH", None)


if __name__ == "__main__":
    give_back_library_path()
    called = Path(sys.argv[0]).stem.lower()
    sys.exit(main(["i3core", *sys.argv[1:]] if called == "i3core" else None))
