"""A process that may not write files above a size, as if the disk were full at a moment that the test chooses."""

# Code for `python -c CODE BYTES ARGUMENTS`: the command line with that limit.
LIMITED_MAIN = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
from i3core.cli.main import main
sys.exit(main(sys.argv[2:]))
"""
