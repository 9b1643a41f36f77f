"""What the network reads for a prompt."""

from __future__ import annotations

from i3core.generation.context import fit_context


def prompt_ids(model, prompt, max_new_tokens: int) -> tuple[list[int], int]:
    """The ids that `model` reads for `prompt`, and how many of the oldest messages do not fit."""
    context = fit_context(model.template, prompt, max_new_tokens, model.config.window)
    return context.ids, context.dropped_turns
