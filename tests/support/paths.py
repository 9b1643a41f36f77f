"""Where the checkout and the parts of the test suite are."""

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
SUPPORT = REPOSITORY / "tests" / "support"
OLD_DATABASE = REPOSITORY / "tests" / "data" / "version-1"
