"""Texts of a data card about the report of `i3core data`."""

from __future__ import annotations

from typing import Any

from i3desk.humanize import count_text
from i3desk.language import figure, localised, tr, trn

MOST_LEFT_OUT = 4  # that are named
PAIRS = ("prompt and completion", "Alpaca instructions", "two columns", "ways to ask")  # as i3core names them
CHATS = ("messages", "ShareGPT conversations")
KINDS = {"chat": tr("chat"), "tokens": tr("tokens"), "text": tr("text"), "mixed": tr("mixed")}
MUCH_UNKNOWN = 0.02  # of the tokens
MIN_TO_SPLIT = 20  # documents or rows; with fewer, nothing is kept for validation


def kind_text(report: dict[str, Any]) -> str:
    """The kind and amount of data: "chat · 420 replies"."""
    shapes, records = report.get("shapes", {}), report.get("records", 0)
    about = "≈ " if report.get("estimated") else ""
    kinds = {"chat" if s in PAIRS or s in CHATS else "tokens" if s == "token ids" else "text" for s in shapes}
    kind = kinds.pop() if len(kinds) == 1 else "mixed"
    if kind == "chat" and not any(shape in CHATS for shape in shapes):
        amount = trn("{n} reply", "{n} replies", records)
    elif kind == "chat":
        amount = trn("{n} conversation", "{n} conversations", records)
    elif kind == "text":
        characters = int(report.get("characters", 0))
        amount = trn("{n} character", "{n} characters", characters)
        if characters >= 100_000:
            amount = tr("{count} characters").format(count=count_text(characters))
    else:
        amount = trn("{n} record", "{n} records", records)
    return f"{KINDS[kind]} · {about}{amount}"


def is_chat(report: dict[str, Any]) -> bool:
    """Whether the file holds conversations only."""
    shapes = report.get("shapes", {})
    return bool(shapes) and all(shape in PAIRS or shape in CHATS for shape in shapes)


def shapes_text(report: dict[str, Any]) -> str:
    """The exact formats that were recognised."""
    return ", ".join(f"{figure(count)} × {shape}" for shape, count in report.get("shapes", {}).items())


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
    parts = [about + trn("{n} token", "{n} tokens", tokens)]
    learned = report.get("learned_tokens", tokens)
    if tokens and learned < 0.95 * tokens:
        parts.append(tr("learns from {learned:.0%}").format(learned=learned / tokens).replace("%", " %"))
    unknown = report.get("unknown_share", 0.0)
    if unknown <= MUCH_UNKNOWN:
        parts.append(
            tr("all characters known") if not unknown else tr("{share} unreadable").format(share=share_text(unknown))
        )
    held = 0.0 if has_val_file else held_out_share(report, val_share)
    if is_chat(report) and not has_val_file:
        parts.append(tr("questions about it show what is learned"))
    elif held:
        parts.append(tr("{share} held out").format(share=share_text(held)))
    elif not has_val_file:
        parts.append(tr("nothing held out"))
    return " · ".join(parts)


def share_text(share: float) -> str:
    """ "5 %", "0.02 %"."""
    value = 100 * share
    if value >= 0.95:
        return f"{value:.0f} %"
    return localised(f"{value:.2g} %" if value >= 0.01 else "<0.01 %")


def unknown_text(report: dict[str, Any]) -> str:
    """The share that this model cannot read, if it is large; else ""."""
    unknown = report.get("unknown_share", 0.0)
    if unknown <= MUCH_UNKNOWN:
        return ""
    characters = " ".join(report.get("unknown_characters", ())[:12])
    named = f": {characters}" if characters.strip() else ""
    advice = next(iter(report.get("suggestions", ())), "")
    return tr("{share} of this text can't be read by this model{named}").format(
        share=share_text(unknown), named=named
    ) + (f"\n{advice}" if advice else "")


def truncated_text(report: dict[str, Any]) -> str:
    """How many records do not fit into the window; "" if all do."""
    count = report.get("truncated", 0)
    if not count:
        return ""
    return trn(
        "{n} record is longer than the window and shortened",
        "{n} records are longer than the window and shortened",
        count,
    )


def columns_text(report: dict[str, Any]) -> str:
    """What the columns of a table without known names are taken for; "" for other files."""
    columns = report.get("columns") or {}
    return (
        tr("Taken for:")
        + " "
        + ", ".join(tr("{role} is “{name}”").format(role=role, name=name) for role, name in columns.items())
        if columns
        else ""
    )


def left_out_text(report: dict[str, Any]) -> str:
    """The parts of the file that are not used, the most frequent first; "" if all is."""
    left_out = report.get("left_out") or {}
    parts = [what if count == 1 else f"{what} (× {figure(count)})" for what, count in left_out.items()]
    more = tr(" and {count} more").format(count=len(parts) - MOST_LEFT_OUT) if len(parts) > MOST_LEFT_OUT else ""
    return tr("Not used: {parts}{more}").format(parts=", ".join(parts[:MOST_LEFT_OUT]), more=more) if parts else ""


def bad_line(bad: dict[str, Any]) -> str:
    """The position and reason of a record that cannot be used."""
    line = bad.get("line")
    place = tr("line {line}").format(line=figure(line)) if isinstance(line, int) else str(bad.get("file", ""))
    return f"{place}: {bad.get('what', '')}"
