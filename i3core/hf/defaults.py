"""Generation defaults and chat template for the transformers library. Imports neither it nor torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..checkpoints.weights import TOKENIZER_FILES
from ..text.chat_template import AFTER_SYSTEM, ChatTemplate
from ..text.tokenizer import UNK
from ..text.tokenizers import Tokenizer, read_tokenizer


def read_template(folder: Path) -> ChatTemplate | None:
    """Vocabulary and chat template of a model folder; None if it has no vocabulary."""
    path = next((folder / name for name in TOKENIZER_FILES if (folder / name).is_file()), None)
    if path is None:
        return None
    config = folder / "config.json"
    declared = json.loads(config.read_text(encoding="utf-8-sig")).get("chat_template") if config.is_file() else None
    return ChatTemplate.for_model(read_tokenizer(path), declared)


def token_names(tokenizer: Tokenizer) -> list[str]:
    """A unique name for each id: the chunk, the special token's name, or `<unusedN>`."""
    names = [chunk or f"<unused{i}>" for i, chunk in enumerate(tokenizer.names)]
    names[0] = UNK
    return names


def generation_defaults(template: ChatTemplate) -> dict[str, Any]:
    """Content of generation_config.json: what ends a reply and what is never chosen, as in i3core."""
    end, special = template.end_id, template.tokenizer.special_tokens
    never = [0, *(i for i in special.values() if i != end)]
    ends = {} if end is None else {"bos_token_id": end, "eos_token_id": end}
    return {**ends, "pad_token_id": 0 if end is None else end, "suppress_tokens": never}


def jinja_template(template: ChatTemplate) -> str:
    """The chat template as Jinja, for tools that show a conversation's text."""
    if template.kind == "special_tokens":
        special, names = template.tokenizer.special_tokens, token_names(template.tokenizer)
        parts = {role: (names[special[role]], "") for role in special if role not in ("assistant", "end")}
        answer = names[special["assistant"]]
        parts["assistant"] = (answer, names[special["end"]])
        opened = f"{{% if add_generation_prompt %}}{{{{ {_quoted(answer)} }}}}{{% endif %}}"
    else:
        opening, _, rest = template.form.partition("{user}")
        middle, _, closing = rest.partition("{assistant}")
        before, _, after = template.system.partition("{system}")
        parts = {"user": (opening, middle), "assistant": ("", closing)}
        parts |= {"system": (before, after)} if template.system else {}
        opened = ""
    text = "{% set text = message.content.strip() %}"
    if "system" not in parts:  # it stands in front of the first question
        text += "{% if message.role == 'user' %}{% set text = read.system + text %}{% set read.system = '' %}"
        text += "{% elif message.role == 'system' %}"
        text += f"{{% set read.system = text + {_quoted(AFTER_SYSTEM)} if text else '' %}}"
        text += "{% endif %}"
    cases = "".join(
        f"{{% {'elif' if i else 'if'} message.role == '{role}' %}}{{{{ {_quoted(start)} + text + {_quoted(end)} }}}}"
        for i, (role, (start, end)) in enumerate(parts.items())
    )
    return (
        "{% set read = namespace(system='') %}{% for message in messages %}"
        f"{text}{cases}{{% endif %}}{{% endfor %}}{opened}"
    )


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
