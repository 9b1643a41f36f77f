"""Whole conversations from the units of all skills, as lines of JSON."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path

from .core import Writer, held_out
from .units import Choice, Conversation, Units, length

SHARES = {  # of the characters
    "identity": 9, "facts": 16, "sums": 9, "memory": 17, "tasks": 14, "stories": 7, "feelings": 9, "smalltalk": 10,
    "honest": 6, "followups": 9, "system": 6, "greetings": 3, "poems": 4,
}  # fmt: skip
OTHER_SHARE = 5.0  # of a skill that the table does not name
ROOM = 900  # characters of a conversation, about one window of 512 tokens
ALONE = 0.3  # of the conversations are one unit
MOST_UNITS = 20
MEASURED = 150  # pieces of a skill whose length is measured first
WEIGHED = 50  # conversations after which the shares are kept by other weights
MOST_REPEATED = 20_000  # conversations in a row that were all written before: there are no more

_WORD = re.compile(r"[a-z]+")


class MixError(Exception):
    """What was asked for cannot be written; says why."""


class Mixer:
    """Writes conversations by shares of skills.

    Attributes:
        written: characters by skill of what was composed, other talk within a conversation aside.
        skipped: conversations left out since they held a word that may not occur, by word.
    """

    def __init__(
        self, seed: int, shares: Mapping[str, float], only: Collection[str], held: Collection[str] = ()
    ) -> None:
        self.writer = Writer(seed)
        self.units = Units(only)
        known = self.units.skills
        if unknown := sorted({*shares, *only} - {*known, *Units().skills}):
            raise MixError(f"Unknown skills: {', '.join(unknown)}. Known: {', '.join(Units().skills)}.")
        wanted = {skill: shares.get(skill, SHARES.get(skill, OTHER_SHARE)) for skill in known}
        self.shares = {skill: share for skill, share in wanted.items() if share > 0}
        if not self.shares:
            raise MixError("All shares are 0, so there is nothing to write.")
        self._held = held_out() | frozenset(held)
        self.written: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()
        self._lengths = {skill: self._measured(skill) for skill in self.shares}
        self._conversations = 0
        self._weigh()

    def conversation(self) -> tuple[str, Conversation]:
        """One conversation and the skill that it is for."""
        while True:
            self._conversations += 1
            if self._conversations % WEIGHED == 0:
                self._weigh()
            skill = self._starts.draw(self.writer)
            made = self._composed(skill)
            if not made[1]:
                continue
            words = set(_WORD.findall(f"{made[0]} {' '.join(user + ' ' + reply for user, reply in made[1])}".lower()))
            if not (found := words & self._held):
                return skill, made
            self.skipped.update(found)

    def _measured(self, skill: str) -> tuple[float, float]:
        """Mean characters of what a skill writes by itself, and of its units, 0 if it has none."""
        w, units = self.writer, self.units
        own = sum(length(self._own(skill)[1]) for _ in range(MEASURED)) / MEASURED
        if not units.has_units(skill):
            return own, 0.0
        return own, sum(length(units.draw(w, skill)(w)) for _ in range(MEASURED)) / MEASURED

    def _weigh(self) -> None:
        """Draws those skills more often of which less was written than their shares want."""
        written, wanted = sum(self.written.values()), sum(self.shares.values())
        weighted = []
        for skill, share in self.shares.items():
            short = share / wanted * written / max(self.written[skill], 1) if written else 1.0
            weighted.append((skill, share * min(8.0, max(0.125, short**3)), self._lengths[skill]))
        self._starts = Choice([(skill, weight / own) for skill, weight, (own, _) in weighted])
        self._units = Choice([(skill, weight / unit) for skill, weight, (_, unit) in weighted if unit])

    def _own(self, skill: str) -> Conversation:
        """What a skill writes by itself."""
        w, units = self.writer, self.units
        if (not units.has_units(skill) or w.chance(0.75)) and (whole := units.whole(w, skill)):
            return whole
        return "", units.draw(w, skill)(w)

    def _composed(self, skill: str) -> Conversation:
        """A conversation that starts with this skill, and units of others after it in most."""
        w, units = self.writer, self.units
        system, exchanges = self._own(skill)
        self.written[skill] += length(exchanges)
        if system or w.chance(ALONE):
            return system, exchanges
        room = w.random.uniform(150, ROOM) - length(exchanges)
        for _ in range(MOST_UNITS):
            if room < 60 or not self._units.items:
                break
            other = self._units.draw(w)
            unit = units.draw(w, other)
            if unit in units.opening:
                continue
            more = unit(w)
            room -= length(more)
            if room < -100:
                break
            exchanges = exchanges + more
            self.written[other] += length(more)
            if unit in units.closing:
                break
        return "", exchanges


def record(skill: str, conversation: Conversation) -> str:
    """One line of JSON."""
    system, exchanges = conversation
    messages = [{"role": "system", "content": system}] if system else []
    for user, reply in exchanges:
        messages += ({"role": "user", "content": user}, {"role": "assistant", "content": reply})
    return json.dumps({"messages": messages, "skill": skill}, ensure_ascii=False) + "\n"


def write(out: Path, characters: int, mixer: Mixer, quiet: bool = False) -> int:
    """Writes conversations until they hold so many characters; the file appears when it is whole.

    Returns how many conversations. Raises MixError if there are not so many different ones.
    """
    seen: set[bytes] = set()
    total = repeated = 0
    begin = shown = time.monotonic()
    part = out.with_name(out.name + ".part")
    try:
        with part.open("w", encoding="utf-8", newline="\n") as file:
            while total < characters:
                skill, conversation = mixer.conversation()
                line = record(skill, conversation)
                digest = hashlib.blake2b(line.lower().encode(), digest_size=8).digest()
                if digest in seen:
                    repeated += 1
                    if repeated > MOST_REPEATED:
                        raise MixError(f"Only {total:,} characters of different conversations; ask for fewer.")
                    continue
                repeated = 0
                seen.add(digest)
                file.write(line)
                total += len(conversation[0]) + length(conversation[1])
                if not quiet and time.monotonic() - shown > 0.5:
                    shown = time.monotonic()
                    progress(f"{total / characters:6.1%}, {total / (shown - begin) / 1e6:.2f} M characters a second")
        os.replace(part, out)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    if not quiet:
        of_all = sum(mixer.written.values())
        parts = ", ".join(f"{skill} {number / of_all:.0%}" for skill, number in mixer.written.most_common())
        progress(f"{out}: {total:,} characters in {len(seen):,} conversations ({parts})\n")
    return len(seen)


def progress(text: str) -> None:
    """Shows a line in place of the last one."""
    print(f"\r{text:<100}", end="", file=sys.stderr, flush=True)
