"""What a fine-tuned model knows and how it talks, in a sentence."""

from __future__ import annotations

from .events import Evaluated

KNOWS, TALKS = 0.6, 0.8  # shares below which the sentence says what to do


def outcome_text(evaluated: Evaluated) -> tuple[str, bool]:
    """The sentence about an evaluation, and whether it is good news; ("", True) if nothing was asked."""
    knows = talks = True
    parts = []
    if evaluated.questions and evaluated.questions_right is not None:
        knows = evaluated.questions_right >= KNOWS * evaluated.questions
        which = "your answers in new words" if evaluated.questions_held_out else "your answers"
        parts.append(f"It knows {evaluated.questions_right} of {evaluated.questions} of {which}")
    if evaluated.everyday and evaluated.everyday_kept is not None:
        kept = evaluated.everyday_kept / evaluated.everyday
        talks = kept >= TALKS
        if talks and kept < 1:
            parts.append(f"keeps {kept:.0%} of its everyday talk".replace("%", " %"))
        elif talks:
            parts.append("still talks as before")
        else:
            parts.append(f"only {kept:.0%} of its everyday talk is left".replace("%", " %"))
    if not parts:
        return "", True
    link = " and " if knows == talks else ", but "
    text = link.join(parts)
    remedies = []
    if not knows:
        remedies.append("train longer, or add more ways to ask")
    if not talks:
        remedies.append("replay more of what it knew, or lower the learning rate")
    advice = f" To mend it, {'; '.join(remedies)}." if remedies else ""
    return f"{text[0].upper()}{text[1:]}.{advice}", knows and talks
