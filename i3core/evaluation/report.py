"""Format the results of `i3core eval --suite` for the terminal and for a model card."""

from __future__ import annotations

from pathlib import Path

from ..errors import I3Error
from ..system.files import read_file, replaced
from .skills import SEEDS, SkillFailure
from .suite import CHOICES, LONG_REPLY, SAMPLING, SuiteReport

BEGIN, END = "<!-- suite: begin -->", "<!-- suite: end -->"


def tables(report: SuiteReport) -> list[tuple[str, list[list[str]]]]:
    """Titles and rows of the tables; the first row of each holds the column names."""
    held_out = [["held out", "bits per character", "perplexity", "tokens", "<UNK>"]]
    for file, sources in report.held_out.items():
        for name, found in sources.items():
            row = [f"{found.bits_per_character:.3f}", f"{found.perplexity:.2f}", f"{found.tokens:,}"]
            held_out.append([f"{file}, {name}", *row, f"{found.unknown:,}"])
    replies = report.replies
    talk = [
        [f"{replies.count} prompts", ""],
        ["replies that end by themselves", _share(replies.ended)],
        ["characters of a reply, mean", f"{replies.characters:.0f}"],
        ["repeated runs of four words", _share(replies.repeated)],
        ["<UNK>", f"{replies.unknown}"],
        ["replies that stand in the training data", _counts(replies.copied)],
        [f"of these with {LONG_REPLY} words or more", _counts(replies.copied_long)],
    ]
    questions = [["questions", f"true answer of {CHOICES} chosen", "answered to the letter", "count"]]
    for name, found in report.questions.items():
        questions.append([name, _share(found.chosen), _share(found.exact), f"{found.count}"])
    skills = [["skill", "asked alone", "in the sixth turn", "prompts"]]
    for name, found in report.skills.items():
        skills.append([name, _share(found.alone), _share(found.in_chat), f"{found.count}"])
    return [
        (f"Replies to the point, by skill, of {SEEDS} seeds", skills),
        ("Held-out text", held_out),
        (f"Replies at temperature {SAMPLING['temperature']}, at most {SAMPLING['max_new_tokens']} tokens", talk),
        *([("Simple questions, held out", questions)] if report.questions else []),
    ]


def as_text(report: SuiteReport) -> str:
    """Format for the terminal: tables, replies to all prompts, and conversations."""
    parts = [f"{report.model}, {report.parameters:,} parameters"]
    for title, rows in tables(report):
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        lines = [
            row[0].ljust(widths[0] + 2)
            + "  ".join(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
            for row in rows
        ]
        parts.append("\n".join([title, *(f"  {line.rstrip()}" for line in lines)]))
    missed = [f"  {' / '.join(given.turns)} -> {given.reply}" for given in _first_misses(report)]
    parts.append("\n".join(["Not to the point", *missed]))
    parts.append("\n".join(["Replies", *(f"  {given.prompt} -> {given.reply}" for given in report.answers)]))
    for number, messages in enumerate(report.conversations, 1):
        lines = [f"  {_speaker(message)}: {message['content']}" for message in messages]
        parts.append("\n".join([f"Conversation {number}", *lines]))
    return "\n\n".join(parts)


def as_markdown(report: SuiteReport) -> str:
    """Format for a model card: tables and conversations."""
    parts = []
    for title, rows in tables(report):
        lines = [f"| {' | '.join(_cell(cell) for cell in row)} |" for row in rows]
        lines.insert(1, "|---" * len(rows[0]) + "|")
        parts.append("\n".join([f"**{title}**", "", *lines]))
    missed = [f"| {_cell(' / '.join(given.turns))} | {_cell(given.reply)} |" for given in _first_misses(report)]
    parts.append(
        "\n".join(["**Not to the point**, asked alone, first seed", "", "| asked | replied |", "|---|---|", *missed])
    )
    parts.append(f"**{len(report.conversations)} conversations, as they came** (nothing chosen, nothing changed)")
    for number, messages in enumerate(report.conversations, 1):
        rows = [f"| {_speaker(message)} | {_cell(message['content'])} |" for message in messages]
        parts.append("\n".join([f"| {number} | |", "|---|---|", *rows]))
    return "\n\n".join(parts)


def write_card(path: str | Path, report: SuiteReport) -> None:
    """Replace the text between the two marks of a model card by the report.

    Raises as check_card.
    """
    before, after = check_card(path)
    with replaced(path) as temporary:
        temporary.write_text(f"{before}{BEGIN}\n\n{as_markdown(report)}\n\n{END}{after}", encoding="utf-8")


def check_card(path: str | Path) -> tuple[str, str]:
    """Text before and after the place for the report.

    Raises I3Error if the file or its marks are missing.
    """
    try:
        text = read_file(path).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise I3Error(f"The model card {path} cannot be read: {error}.", "Check the name.") from error
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise I3Error(f"{path} has no place for the report.", f"Put the lines {BEGIN} and {END} where it should be.")
    return before, after


def _first_misses(report: SuiteReport) -> list[SkillFailure]:
    """Replies that missed the point, asked alone, with the first seed: all of them, in the order of the prompts."""
    return [failure for failure in report.skill_failures if not failure.in_chat and not failure.seed]


def _share(value: float) -> str:
    return f"{100 * value:.1f} %"


def _counts(found: dict[str, int]) -> str:
    return ", ".join(f"{count} in {source}" for source, count in found.items()) or "none"


def _speaker(message: dict[str, str]) -> str:
    return "you" if message["role"] == "user" else "i3"


def _cell(text: str) -> str:
    """Escape text for a cell of a Markdown table."""
    for sign in "\\`*_[]<>|#":
        text = text.replace(sign, f"\\{sign}")
    return " ".join(text.split())
