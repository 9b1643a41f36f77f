"""One example of each shape of data and of each export, for the tests of reading and for docs/data.md."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass, field
from typing import Any

from gpt4all_chats import asked, chat_file, said


@dataclass(frozen=True)
class Shape:
    """A file: its name and content, how it is read, and what it must become.

    Attributes:
        turns: (role, text) of each turn of each conversation; plain text has the role "text".
        left_out: what is not used.
    """

    title: str
    file: str
    content: str | bytes
    turns: tuple[tuple[str, str], ...]
    left_out: tuple[str, ...] = ()
    options: dict[str, str] = field(default_factory=dict)


ASKED, SAID = "where is the lamp?", "in the hall."
EXCHANGE = (("user", ASKED), ("assistant", SAID))
USER, REPLY = {"role": "user", "content": ASKED}, {"role": "assistant", "content": SAID}
REPLACED = "bananas are blue."


def _node(number: str, parent: str | None, role: str, text: str, **more: Any) -> dict[str, Any]:
    content = {"content_type": "text", "parts": [text]}
    message = {"author": {"role": role}, "content": content, **more}
    return {"id": number, "parent": parent, "children": [], "message": message}


def _jsonl(*records: Any) -> str:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def _table(*rows: tuple[str, ...]) -> str:
    target = io.StringIO(newline="")
    csv.writer(target).writerows(rows)
    return target.getvalue()


CHATGPT = [
    {
        "title": "The lamp", "create_time": 1.7e9, "current_node": "c",
        "mapping": {
            "a": {"id": "a", "parent": None, "children": ["b"], "message": None},
            "b": _node("b", "a", "user", ASKED), "x": _node("x", "b", "assistant", REPLACED),
            "c": _node("c", "b", "assistant", SAID),
        },
    }
]  # fmt: skip
CLAUDE = [
    {
        "uuid": "1", "name": "The lamp", "created_at": "2024-05-01T10:00:00Z",
        "chat_messages": [
            {"uuid": "2", "sender": "human", "text": ASKED, "content": [{"type": "text", "text": ASKED}]},
            {"uuid": "3", "sender": "assistant", "text": "", "files": [{"file_name": "a.png"}],
             "content": [{"type": "text", "text": SAID}, {"type": "tool_use", "name": "search"}]},
        ],
    }
]  # fmt: skip
OPEN_WEBUI = [
    {
        "id": "x", "title": "The lamp",
        "chat": {
            "params": {"system": "be brief."},
            "messages": [USER, REPLY],
            "history": {"currentId": "3", "messages": {
                "1": {"id": "1", "parentId": None, **USER},
                "2": {"id": "2", "parentId": "1", "role": "assistant", "content": REPLACED},
                "3": {"id": "3", "parentId": "1", **REPLY}}},
        },
    }
]  # fmt: skip
LM_STUDIO = {
    "name": "The lamp", "systemPrompt": "",
    "messages": [
        {"versions": [{"type": "singleStep", "role": "user", "content": [{"type": "text", "text": ASKED}]}],
         "currentlySelected": 0},
        {"versions": [
            {"type": "multiStep", "role": "assistant",
             "steps": [{"type": "contentBlock", "content": [{"type": "text", "text": REPLACED}]}]},
            {"type": "multiStep", "role": "assistant",
             "steps": [{"type": "contentBlock", "style": {"type": "thinking"}, "content": ["hm"]},
                       {"type": "contentBlock", "content": [{"type": "text", "text": SAID}]}, {"type": "debugInfo"}]},
         ], "currentlySelected": 1},
    ],
}  # fmt: skip
I3DESK = {
    "i3desk_conversation": 1, "title": "The lamp", "leaf": 3, "settings": {"persona": "be brief."},
    "messages": [
        {"number": 1, "parent": None, **USER}, {"number": 2, "parent": 1, "role": "assistant", "content": REPLACED},
        {"number": 3, "parent": 1, **REPLY},
    ],
}  # fmt: skip
SILLYTAVERN = _jsonl(
    {"user_name": "You", "character_name": "Lamp", "chat_metadata": {}},
    {"name": "You", "is_user": True, "mes": ASKED},
    {"name": "Lamp", "is_user": False, "mes": SAID, "swipes": [REPLACED, SAID], "swipe_id": 1},
)
JAN = _jsonl(
    *(
        {"object": "thread.message", "id": role, "role": role, "status": "ready",
         "content": [{"type": "text", "text": {"value": text, "annotations": []}}]}
        for role, text in EXCHANGE
    )
)  # fmt: skip
WHATSAPP = (
    "31.12.23, 22:00 - Messages and calls are end-to-end encrypted.\n31.12.23, 22:00 - Anna: where is\nthe lamp?\n"
    "31.12.23, 22:01 - Ben: in the hall.\n31.12.23, 22:02 - Ben: <Media omitted>\n"
)
TELEGRAM = {
    "name": "Anna", "type": "personal_chat", "id": 1,
    "messages": [
        {"id": 1, "type": "service", "date": "2023-12-31T21:59:00", "text": ""},
        {"id": 2, "type": "message", "date": "2023-12-31T22:00:00", "from": "Anna", "text": ["where is ",
         {"type": "bold", "text": "the lamp?"}]},
        {"id": 3, "type": "message", "date": "2023-12-31T22:01:00", "from": "Ben", "text": SAID},
    ],
}  # fmt: skip
DISCORD = {
    "guild": {"name": "home"}, "channel": {"name": "lamps"},
    "messages": [
        {"id": "1", "timestamp": "2023-12-31T22:00:00", "content": ASKED, "author": {"name": "anna"}},
        {"id": "2", "timestamp": "2023-12-31T22:01:00", "content": SAID, "author": {"name": "Ben"}},
    ],
}  # fmt: skip
BRIEF = (("system", "be brief."), *EXCHANGE)
CALL = {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "function": {"name": "find"}}]}
TOOL = {"role": "tool", "tool_call_id": "1", "content": "hall"}
REPLACED_NOTE = "replaced versions of messages"

SHAPES = (
    Shape("text", "a.jsonl", _jsonl({"text": SAID, "id": 7}), (("text", SAID),), ("field `id`",)),
    Shape("text in paragraphs", "a.txt", f"{ASKED}\n\n{SAID}\n", (("text", ASKED), ("text", SAID))),
    Shape("text in sections", "a.md", f"# {ASKED}\n\n# {SAID}\n", (("text", f"# {ASKED}"), ("text", f"# {SAID}"))),
    Shape("messages", "a.jsonl", _jsonl({"messages": [USER, REPLY]}), EXCHANGE),
    Shape(
        "messages with fields beside them", "a.jsonl",
        _jsonl({"system_prompt": "be brief.", "context": "a house.", "history": [["hi", "hello"]],
                "messages": [USER, {**REPLY, "name": "i3"}], "id": 3}),
        (("system", "be brief.\n\na house."), ("user", "hi"), ("assistant", "hello"), *EXCHANGE),
        ("field `name` of a turn", "field `id`"),
    ),
    Shape(
        "content in parts", "a.jsonl",
        _jsonl({"messages": [{"role": "user", "content": [{"type": "text", "text": ASKED}, {"type": "image_url"}]},
                             REPLY]}),
        EXCHANGE, ("image_url parts of turns",),
    ),
    Shape("contents of parts", "a.jsonl", _jsonl({"contents": [{"role": "user", "parts": [{"text": ASKED}]},
          {"role": "model", "parts": [{"text": SAID}]}]}), EXCHANGE),
    Shape(
        "tools", "a.jsonl", _jsonl({"messages": [USER, CALL, TOOL, REPLY], "tools": [{"name": "find"}]}),
        (("user", f"{ASKED}\n\nhall"), ("assistant", SAID)),
        ("tool calls", "results of tools, read as the user's", "field `tools`"),
    ),
    Shape(
        "developer, and a reply that is not learned", "a.jsonl",
        _jsonl({"messages": [{"role": "developer", "content": "be brief."}, USER, {**REPLY, "train": False}]}),
        (("system", "be brief."), ("user", ASKED), ("context", SAID)),
    ),
    Shape("ShareGPT", "a.json", json.dumps([{"conversations": [{"from": "human", "value": ASKED},
          {"from": "gpt", "value": SAID}]}]), EXCHANGE),
    Shape("Alpaca", "a.json", json.dumps([{"instruction": "find it", "input": "the lamp", "output": SAID}]),
          (("user", "find it\nthe lamp"), ("assistant", SAID))),
    Shape("prompt and completion", "a.jsonl", _jsonl({"prompt": ASKED, "completion": SAID, "rejected": "no"}),
          EXCHANGE, ("field `rejected`",)),
    Shape("several ways to ask", "a.jsonl",
          _jsonl({"ask": [ASKED, "the lamp?"], "answer": SAID}, {"ask": [], "answer": SAID}),
          (*EXCHANGE, ("user", "the lamp?"), ("assistant", SAID)), ("rows without a question or an answer",)),
    Shape("a conversation with ways to ask", "a.jsonl",
          _jsonl({"exchanges": [{"ask": "hi", "answer": "hello", "learn": False}, {"ask": [ASKED], "answer": SAID}],
                  "id": 7}),
          (("user", "hi"), ("context", "hello"), *EXCHANGE), ("field `id`",)),
    Shape("prompt and completion as turns", "a.jsonl", _jsonl({"prompt": [USER], "completion": [REPLY]}), EXCHANGE),
    Shape("columns in one object", "a.json", json.dumps({"Question": [ASKED], "Answer": [SAID], "id": [7]}), EXCHANGE,
          ("field `id`",)),
    Shape("columns numbered by rows", "a.json", json.dumps({"prompt": {"0": ASKED}, "completion": {"0": SAID}}),
          EXCHANGE),
    Shape("rows beside their columns", "a.json",
          json.dumps({"columns": ["prompt", "completion"], "index": [0], "data": [[ASKED, SAID]]}), EXCHANGE),
    Shape("a list under a name", "a.json",
          json.dumps({"version": "1", "data": [{"prompt": ASKED, "completion": SAID}]}), EXCHANGE,
          ("field `version`",)),
    Shape("an exchange that is not learned", "a.jsonl", _jsonl({"prompt": ASKED, "completion": SAID, "learn": False}),
          (("user", ASKED), ("context", SAID))),
    Shape("system instruction in parts", "a.jsonl",
          _jsonl({"systemInstruction": {"parts": [{"text": "be brief."}]},
                  "contents": [{"role": "user", "parts": [{"text": ASKED}]},
                               {"role": "model", "parts": [{"text": SAID}]}]}), BRIEF),
    Shape("a list of turns", "a.json", json.dumps([USER, REPLY]), EXCHANGE),
    Shape("a turn on each line", "a.jsonl", _jsonl(USER, REPLY), EXCHANGE),
    Shape("a conversation without a reply", "a.jsonl", _jsonl({"messages": [USER]}), (("user", ASKED),),
          ("conversations without a reply (learned only with --loss-on all)",)),
    Shape("table with known columns", "a.csv", _table(("Question", "Answer", "Topic"), (ASKED, SAID, "home")),
          EXCHANGE, ("field `topic`",)),
    Shape("table with other columns", "a.csv", _table(("User Message", "Bot Reply"), (ASKED, SAID)), EXCHANGE),
    Shape("table below a title", "a.csv", _table(("Our lamp",), (), ("Question", "Answer"), (ASKED, SAID)), EXCHANGE,
          ("lines above the header of a table",)),
    Shape("table of two columns", "a.csv", _table((ASKED, SAID)), EXCHANGE),
    Shape("table of turns", "a.csv", _table(("role", "content"), *EXCHANGE), EXCHANGE),
    Shape("columns that you name", "a.csv", _table(("nr", "Frage", "Antwort"), ("1", ASKED, SAID)), EXCHANGE,
          ("field `column nr`",), {"columns": "user=Frage,assistant=Antwort"}),
    Shape("table of Excel", "a.csv", f"sep=;\r\nprompt;completion\r\n{ASKED};{SAID}\r\n", EXCHANGE),
    Shape("ChatGPT", "conversations.json", json.dumps(CHATGPT), EXCHANGE, (REPLACED_NOTE,)),
    Shape("Claude", "conversations.json", json.dumps(CLAUDE), EXCHANGE, ("tool_use parts of turns", "attachments")),
    Shape("Open WebUI", "chat-export.json", json.dumps(OPEN_WEBUI), BRIEF, (REPLACED_NOTE,)),
    Shape("LM Studio", "1.conversation.json", json.dumps(LM_STUDIO), EXCHANGE,
          (REPLACED_NOTE, "steps of tools", "thinking parts of turns")),
    Shape("SillyTavern", "Lamp.jsonl", SILLYTAVERN, EXCHANGE, (REPLACED_NOTE,)),
    Shape("Jan", "messages.jsonl", JAN, EXCHANGE),
    Shape("text-generation-webui", "chat.json", json.dumps({"internal": [["<|BEGIN-VISIBLE-CHAT|>", "hello"],
          [ASKED, SAID]], "visible": []}), (("assistant", "hello"), *EXCHANGE)),
    Shape("GPT4All", "gpt4all-1.chat", chat_file(asked(ASKED), said(SAID, parts=(("Think: ", "hm"),))), EXCHANGE,
          ("think parts of turns",)),
    Shape("GPT4All's exchanges", "gpt4all.jsonl", _jsonl({"prompt": ASKED, "response": SAID, "source": "x"}), EXCHANGE,
          ("field `source`",)),
    Shape("i3desk", "The lamp.json", json.dumps(I3DESK), BRIEF, (REPLACED_NOTE,)),
    Shape("WhatsApp", "chat.txt", WHATSAPP, (("user", "where is\nthe lamp?"), ("assistant", SAID)),
          ("notices of the program", "pictures and other media"), {"i3_is": "Ben"}),
    Shape("Telegram", "result.json", json.dumps(TELEGRAM), EXCHANGE, ("notices of the program",), {"i3_is": "Ben"}),
    Shape("Discord", "lamps.json", json.dumps(DISCORD), EXCHANGE, (), {"i3_is": "Ben"}),
)  # fmt: skip
