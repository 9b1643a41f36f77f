"""Which messages fit the context window, now and with the draft."""

from __future__ import annotations

from dataclasses import dataclass

from i3core.errors import PromptError, PromptTooLongError
from i3core.generation.context import fit_context, fit_turns
from i3core.text.unreadable import notice
from i3desk.conversations.conversation import USER, Conversation
from i3desk.language import figure, tr
from i3desk.workers.model_worker import ModelInfo


@dataclass(frozen=True)
class ContextPreview:
    """The context window after sending a draft.

    Attributes:
        draft_tokens: tokens of the draft.
        will_see_from: number of the first message that the model will see; None if it will see all.
        falling: number of messages that drop out of the window.
        too_long: why the draft cannot be sent; empty if it can.
        unreadable: which characters of the draft the model cannot read; empty if it can read all.
    """

    draft_tokens: int = 0
    will_see_from: int | None = None
    falling: int = 0
    too_long: str = ""
    unreadable: str = ""


def context_preview(conversation: Conversation, model: ModelInfo | None, text: str) -> ContextPreview:
    """Preview the context window after sending `text`; empty without text or model."""
    if model is None or not text.strip():
        return ContextPreview()
    unreadable = notice(model.template.unreadable(text))
    if conversation.settings.mode == "raw":
        return ContextPreview(len(model.template.encode_text(text)), unreadable=unreadable)
    prompt = conversation.prompt(draft=text.strip())
    draft = {"role": USER, "content": text.strip()}
    tokens = len(model.template.cached_turn(draft))
    sampling = conversation.settings.sampling
    try:
        plan = fit_context(model.template, prompt.content, sampling.max_new_tokens, model.window)
    except PromptTooLongError:
        room = model.window - min(sampling.max_new_tokens, model.window // 2)
        system = conversation.settings.system_messages
        alone = model.template.encode_turns([*system, draft])
        persona = tr(", the persona {count}").format(count=figure(sum(map(len, alone)) - tokens)) if system else ""
        return ContextPreview(
            tokens,
            too_long=tr(
                "Too long: your text adds {tokens} tokens{persona}, and {room} of the window's {window} "
                "are left when the reply has its share. Shorten it, or lower Max tokens."
            ).format(tokens=figure(tokens), persona=persona, room=figure(room), window=figure(model.window)),
            unreadable=unreadable,
        )
    except PromptError as error:
        return ContextPreview(too_long=f"{error.what} {error.remedy}".strip(), unreadable=unreadable)
    seen = [number for number in prompt.numbers if number is not None]
    if not plan.dropped_turns:
        return ContextPreview(tokens, unreadable=unreadable)
    first = seen[plan.dropped_turns]
    gone = seen.index(conversation.first_seen) if conversation.first_seen in seen else 0
    return ContextPreview(tokens, first, max(0, plan.dropped_turns - gone), unreadable=unreadable)


def measure(conversation: Conversation, model: ModelInfo | None) -> None:
    """Set `window`, `window_used` and `first_seen` of a conversation before the model reads it again."""
    conversation.window = model.window if model else 0
    conversation.window_used, conversation.first_seen = 0, None
    if model is None or not conversation.messages:
        return
    template, path = model.template, conversation.path()
    if conversation.settings.mode == "raw":
        text = "".join(message.text for message in path)
        conversation.window_used = min(model.window, len(template.encode_text(text)))
        return
    shown = [message for message in path if message.shown_text]
    said = [{"role": message.role, "content": message.text} for message in shown]
    if not said:
        return
    try:
        turns, dropped = fit_turns(template, [*conversation.settings.system_messages, *said], model.window)
    except PromptTooLongError:
        return
    conversation.window_used = sum(map(len, turns))
    conversation.first_seen = shown[dropped].number if dropped else None
