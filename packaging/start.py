"""Where the packaged program starts: the window, or the command line if it is called by the name i3core."""

import sys
from pathlib import Path

from i3desk.__main__ import main

if __name__ == "__main__":
    called = Path(sys.argv[0]).stem.lower()
    sys.exit(main(["i3core", *sys.argv[1:]] if called == "i3core" else None))
