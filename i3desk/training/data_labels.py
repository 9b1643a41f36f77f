"""Texts of a data card about the report of `i3core data`."""

from __future__ import annotations

from typing import Any

from i3core.system.humanize import count_text

MOST_LEFT_OUT = 4  # that are named
PAIRS = ("prompt and completion", "Alpaca instructions", "two columns", "ways to ask")
CHATS = ("messages", "ShareGPT conversations")
MUCH_UNKNOWN = 0.02  # of the tokens
MIN_TO_SPLIT = 20  # documents or rows; with fewer, nothing is kept for validation


def plural(count: int, one: str, more: str = "") -> str:
    """ "1 reply", "420 replies"."""
    return f"{count:,} {one if count == 1 else more or one + 's'}"


def kind_text(report: dict[str, Any]) -> str:
    """The kind and amount of data: "chat · 420 replies"."""
    shapes, records = report.get("shapes", {}), report.get("records", 0)
    about = "≈ " if report.get("estimated") else ""
    kinds = {"chat" if s in PAIRS or s in CHATS else "tokens" if s == "token ids" else "text" for s in shapes}
    kind = kinds.pop() if len(kinds) == 1 else "mixed"
    if kind == "chat" and not any(shape in CHATS for shape in shapes):
        amount = plural(records, "reply", "replies")
    elif kind == "chat":
        amount = plural(records, "conversation")
    elif kind == "text":
        characters = int(report.get("characters", 0))
        amount = f"{count_text(characters)} characters" if characters >= 100_000 else plural(characters, "character")
    else:
        amount = plural(records, "record")
    return f"{kind} · {about}{amount}"


def is_chat(report: dict[str, Any]) -> bool:
    """Whether the file holds conversations only."""
    shapes = report.get("shapes", {})
    return bool(shapes) and all(shape in PAIRS or shape in CHATS for shape in shapes)


def shapes_text(report: dict[str, Any]) -> str:
    """The exact formats that were recognised."""
    return ", ".join(f"{count:,} × {shape}" for shape, count in report.get("shapes", {}).items())


def held_out_share(report: dict[str, Any], share: float) -> float:
    """The share of a file of text kept for validation by the trainer's rule: at least 8, but at most a fifth.

    Of conversations, at least the share of those that are in no other words in the file.
    """
    count = report.get("records", 0)
    if is_chat(report):
        return int(count * share) / max(1, count)
    if count < MIN_TO_SPLIT:
        count = report.get("rows", 0)
    if share <= 0 or count < MIN_TO_SPLIT:
        return 0.0
    return min(count - 1, max(1, round(count * share), min(8, count // 5))) / count


def facts_text(report: dict[str, Any], val_share: float, has_val_file: bool) -> str:
    """Tokens, unknown share, validation share."""
    about = "≈ " if report.get("estimated") else ""
    tokens = report.get("tokens", 0)
    parts = [f"{about}{plural(tokens, 'token')}"]
    learned = report.get("learned_tokens", tokens)
    if tokens and learned < 0.95 * tokens:
        parts.append(f"learns from {learned / tokens:.0%}".replace("%", " %"))
    unknown = report.get("unknown_share", 0.0)
    if unknown <= MUCH_UNKNOWN:
        parts.append("all characters known" if not unknown else f"{share_text(unknown)} unreadable")
    held = 0.0 if has_val_file else held_out_share(report, val_share)
    if is_chat(report) and not has_val_file:
        parts.append("questions about it show what is learned")
    elif held:
        parts.append(f"{share_text(held)} held out")
    elif not has_val_file:
        parts.append("nothing held out")
    return " · ".join(parts)


def share_text(share: float) -> str:
    """ "5 %", "0.02 %"."""
    value = 100 * share
    if value >= 0.95:
        return f"{value:.0f} %"
    return f"{value:.2g} %" if value >= 0.01 else "<0.01 %"


def unknown_text(report: dict[str, Any]) -> str:
    """The share that this model cannot read, if it is large; else ""."""
    unknown = report.get("unknown_share", 0.0)
    if unknown <= MUCH_UNKNOWN:
        return ""
    characters = " ".join(report.get("unknown_characters", ())[:12])
    named = f": {characters}" if characters.strip() else ""
    advice = next(iter(report.get("suggestions", ())), "")
    return f"{share_text(unknown)} of this text can't be read by this model{named}" + (f"\n{advice}" if advice else "")


def truncated_text(report: dict[str, Any]) -> str:
    """How many records do not fit into the window; "" if all do."""
    count = report.get("truncated", 0)
    if not count:
        return ""
    verb = "is" if count == 1 else "are"
    return f"{plural(count, 'record')} {verb} longer than the window and shortened"


def columns_text(report: dict[str, Any]) -> str:
    """What the columns of a table without known names are taken for; "" for other files."""
    columns = report.get("columns") or {}
    return "Taken for: " + ", ".join(f"{role} is “{name}”" for role, name in columns.items()) if columns else ""


def left_out_text(report: dict[str, Any]) -> str:
    """The parts of the file that are not used, the most frequent first; "" if all is."""
    left_out = report.get("left_out") or {}
    parts = [what if count == 1 else f"{what} (× {count:,})" for what, count in left_out.items()]
    more = f" and {len(parts) - MOST_LEFT_OUT} more" if len(parts) > MOST_LEFT_OUT else ""
    return f"Not used: {', '.join(parts[:MOST_LEFT_OUT])}{more}" if parts else ""


def bad_line(bad: dict[str, Any]) -> str:
    """The position and reason of a record that cannot be used."""
    line = bad.get("line")
    place = f"line {line:,}" if isinstance(line, int) else str(bad.get("file", ""))
    return f"{place}: {bad.get('what', '')}"
