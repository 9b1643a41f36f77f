"""Writes the curriculum: python -m curriculum OUT.jsonl --characters 60_000_000 --seed 1"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .mix import SHARES, Mixer, MixError, write


def shares(text: str) -> dict[str, float]:
    """memory=3,facts=2 as a dict."""
    try:
        parted = [part.split("=") for part in text.split(",")]
        found = {skill.strip(): float(share) for skill, share in parted}
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} does not look like memory=3,facts=2.") from None
    if any(share < 0 for share in found.values()):
        raise argparse.ArgumentTypeError("a share may not be negative.")
    return found


def number(text: str) -> int:
    """A number above 0 of characters, as 60_000_000 or 6e7."""
    try:
        found = int(float(text.replace("_", "").replace(",", "")))
    except (ValueError, OverflowError):
        found = 0
    if found <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of characters above 0, such as 60_000_000.")
    return found


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser("curriculum", description="Writes conversations that i3-mini learns to talk from.")
    parser.add_argument("out", type=Path, help="the file to write, one conversation a line (.jsonl)")
    parser.add_argument("--characters", type=number, default=60_000_000, help="to write (default 60_000_000)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed writes the same (default 1)")
    usual = ", ".join(f"{skill}={share}" for skill, share in SHARES.items())
    parser.add_argument("--shares", type=shares, default={}, help=f"as memory=3,facts=2; usual: {usual}")
    parser.add_argument("--skills", help="only these, as memory,facts")
    parser.add_argument("--held-out", type=Path, help="a file of further words that may not occur, one a line")
    parser.add_argument("--show", type=int, default=0, help="print so many conversations and write nothing")
    given = parser.parse_args(arguments)
    only = [skill.strip() for skill in given.skills.split(",")] if given.skills else []
    try:
        held = given.held_out.read_text(encoding="utf-8").lower().split() if given.held_out else []
        mixer = Mixer(given.seed, given.shares, only, held)
        if given.show:
            show(mixer, given.show)
        else:
            write(given.out, given.characters, mixer)
    except (OSError, UnicodeDecodeError, MixError) as error:
        parser.error(str(error))
    return 0


def show(mixer: Mixer, conversations: int) -> None:
    """Prints conversations for people to read."""
    for _ in range(conversations):
        skill, (system, exchanges) = mixer.conversation()
        print(f"--- {skill}" + (f"\n[{system}]" if system else ""))
        for user, reply in exchanges:
            print(f"> {user}\n    {reply}")


if __name__ == "__main__":
    sys.exit(main())
