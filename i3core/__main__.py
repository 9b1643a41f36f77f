"""`python -m i3core`: the same as the `i3core` command."""

from .cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
