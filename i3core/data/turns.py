"""Turns of a conversation as data: who said what, which replies are learned, and what had to be left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..errors import DataError
from .fields import CONTENTS, ROLES

LeaveOut = Callable[[str], None]  # receives what is left out, once for each occurrence

USER, ASSISTANT, SYSTEM, TOOL = "user", "assistant", "system", "tool"
_ROLES = {
    USER: ("user", "human", "prompter", "customer"),
    ASSISTANT: ("assistant", "gpt", "chatgpt", "bot", "model", "ai", "claude", "chatbot"),
    SYSTEM: ("system", "developer"),
    TOOL: ("tool", "function", "observation", "function_response", "tool_response", "ipython"),
}
_ROLE_OF = {name: role for role, names in _ROLES.items() for name in names}
TURN_ROLES = frozenset(_ROLE_OF)  # how a turn may name who speaks
_CALLS = ("tool_calls", "function_call")
_CALL_ROLES = ("function_call", "tool_call")
MARKS = ("weight", "learn", "train", "training", "trainable", "loss")
_IGNORED_WITH_TOOLS = ("tool_call_id", "name")
_EXAMPLE = 'A turn must look like {"role": "user", "content": "..."} or {"from": "human", "value": "..."}.'
_MARK_HELP = 'A reply is learned ("learn": true) or is context only ("learn": false).'


@dataclass(slots=True)
class Turns:
    """A conversation while it is collected.

    Attributes:
        messages: user and assistant turns.
        context: numbers of the assistant turns that are read but not learned.
        system: texts of the system prompt, which comes first.
    """

    messages: list[dict[str, str]] = field(default_factory=list)
    context: set[int] = field(default_factory=set)
    system: list[str] = field(default_factory=list)

    def add(self, role: str, content: str, is_learned: bool = True) -> None:
        if role == SYSTEM:
            self.system.append(content)
            return
        if role == ASSISTANT and not is_learned:
            self.context.add(len(self.messages))
        self.messages.append({"role": role, "content": content})

    def add_items(self, items: Any, leave_out: LeaveOut) -> None:
        """Add a list of turns. Raises DataError, without the location."""
        if not isinstance(items, list):
            raise DataError("the turns are not a list.", _EXAMPLE)
        for number, item in enumerate(items, 1):
            if type(item) is dict and len(item) == 2:  # nothing but its role and text, as most turns
                said_by, text = item.get("role") or item.get("from"), item.get("content") or item.get("value")
                role = _ROLE_OF.get(said_by) if type(said_by) is str else None
                if role in (USER, ASSISTANT) and type(text) is str:
                    self.messages.append({"role": role, "content": text})
                    continue
            self._add_item(_as_dict(item), number, leave_out)

    def forget_replies(self) -> None:
        """Make all replies context only."""
        self.context.update(at for at, turn in enumerate(self.messages) if turn["role"] == ASSISTANT)

    def finish(self) -> tuple[tuple[dict[str, str], ...], frozenset[int]]:
        """The turns, after the system prompt if there is one, and the numbers of those that are context."""
        if not self.messages:
            raise DataError("no turn of a user or an assistant.", _EXAMPLE)
        texts = [text for text in self.system if text.strip()]
        if not texts:
            return tuple(self.messages), frozenset(self.context)
        system = {"role": SYSTEM, "content": "\n\n".join(texts)}
        return (system, *self.messages), frozenset(number + 1 for number in self.context)

    def _add_item(self, item: dict[str, Any] | None, number: int, leave_out: LeaveOut) -> None:
        if item is None:
            raise DataError(f"turn {number} is not an object.", _EXAMPLE)
        role_key = next((key for key in ROLES if item.get(key) is not None), None)
        said_by = item.get(role_key) if role_key else None
        if isinstance(said_by, dict):
            said_by = said_by.get("role")
        if not isinstance(said_by, str):
            raise DataError(f"turn {number} has no role.", _EXAMPLE)
        role = _ROLE_OF.get(said_by.strip().lower())
        calls = [key for key in _CALLS if item.get(key)]
        for _ in calls:
            leave_out("tool calls")
        content_key = next((key for key in CONTENTS if key in item and key != role_key), None)
        is_learned = learned_mark(item, number)
        used = {role_key, content_key, *_CALLS, *MARKS, "mask", *(_IGNORED_WITH_TOOLS if role == TOOL else ())}
        for key, value in item.items():
            if key not in used and has_content(value):
                leave_out(f"field `{key[:40]}` of a turn")
        if said_by.strip().lower() in _CALL_ROLES:
            leave_out("tool calls")
            return
        if role is None:
            raise DataError(
                f"a turn has the role {said_by!r} (turn {number}).",
                "Known roles: user, assistant, system, developer and tool.",
            )
        text = content_text(item.get(content_key) if content_key else None, number, leave_out)
        if any(key in item for key in _CALLS) and not (text or "").strip():
            if not calls:
                leave_out("turns without text")
            return
        if text is None:
            what = f"`{content_key}` is null" if content_key else "it has no `content`"
            raise DataError(f"turn {number} ({said_by}) has no text: {what}.", "Fill it in, or remove the turn.")
        if role == TOOL and not text.strip():
            leave_out("turns without text")
            return
        if role == TOOL:
            leave_out("results of tools, read as the user's")
            if self.messages and self.messages[-1]["role"] == USER:
                self.messages[-1]["content"] += f"\n\n{text}"
                return
            role = USER
        self.add(role, text, is_learned)


def content_text(value: Any, number: int, leave_out: LeaveOut) -> str | None:
    """The text of a turn's content, which may come in parts; None if it is null or has no part of text.

    Raises DataError for anything that is neither.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, dict):
        value = value.get("parts", [value])
    if not isinstance(value, list):
        raise DataError(f"the content of turn {number} is not text: {str(value)[:40]}.", _EXAMPLE)
    texts = []
    for part in value:
        text = part if isinstance(part, str) else _part_text(part)
        if text is not None:
            texts.append(text)
        else:
            kind = part.get("type", part.get("content_type", "other")) if isinstance(part, dict) else "other"
            leave_out(f"{str(kind)[:40]} parts of turns")
    return "\n".join(texts) if texts else None


def _part_text(part: Any) -> str | None:
    if not isinstance(part, dict) or part.get("type", "text") not in ("text", "input_text", "output_text"):
        return None
    text = part.get("text")
    if isinstance(text, dict):
        text = text.get("value")
    return text if isinstance(text, str) else None


def learned_mark(item: dict[str, Any], number: int = 0) -> bool:
    """False if the turn is marked as context only, as fine-tuning files of several programs do.

    Raises DataError if the mark is unclear.
    """
    learned = True
    for key in MARKS:
        value = item.get(key)
        if value is None:
            continue
        is_number = not isinstance(value, bool)
        if value not in (0, 1) or (key == "weight" and not is_number) or (key == "learn" and is_number):
            raise DataError(f"a turn has `{key}`: {value!r} (turn {number}).", _MARK_HELP)
        learned = learned and bool(value)
    if item.get("mask") is not None:
        raise DataError(f"a turn has a `mask`, which programs understand in opposite ways (turn {number}).", _MARK_HELP)
    return learned


def has_content(value: Any) -> bool:
    """Whether leaving out a field loses anything."""
    return value is not None and value not in ("", [], {}) and not (isinstance(value, str) and not value.strip())


def _as_dict(item: Any) -> dict[str, Any] | None:
    """A turn as a dict; .parquet has maps as lists of pairs."""
    if isinstance(item, dict):
        return item
    if isinstance(item, list) and item and all(isinstance(pair, tuple) and len(pair) == 2 for pair in item):
        return dict(item)
    return None
