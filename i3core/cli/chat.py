from __future__ import annotations

import argparse
import sys
from typing import Any

from ..errors import PromptError
from .options import load, sampling_config
from .output import print_json


def generate(arguments: argparse.Namespace) -> None:
    config = sampling_config(arguments)
    if not arguments.prompt.strip():
        raise PromptError("The prompt is empty.", "Give some text with --prompt.")
    model = load(arguments)
    from ..generation.generator import generate as stream

    prompt: Any = arguments.prompt if arguments.raw else [{"role": "user", "content": arguments.prompt}]
    ids, logprobs, text = [], [], ""
    for piece in stream(model, prompt, config):
        text += piece.text
        if piece.token_id >= 0:
            ids.append(piece.token_id)
            logprobs.append(round(piece.logprob, 6))
        if not arguments.json:
            print(piece.text, end="", flush=True)
    if arguments.json:
        print_json(
            {
                "text": text,
                "ids": ids,
                "logprobs": logprobs,
                "prompt_tokens": piece.prompt_tokens,
                "new_tokens": piece.new_tokens,
                "tokens_per_second": round(piece.tokens_per_second, 2),
                "seconds_to_first_token": round(piece.seconds_to_first_token, 4),
                "finish_reason": piece.finish_reason,
                "seed": piece.seed,
            }
        )
    else:
        print()


def chat(arguments: argparse.Namespace) -> None:
    config = sampling_config(arguments)
    model = load(arguments)
    from ..generation.generator import Generator

    generator = Generator(model)
    interactive = sys.stdin.isatty()
    if interactive:
        print(f"{model.name}, {model.device.describe()}. /new starts over, /quit or Ctrl-D ends.")
    messages: list[dict[str, str]] = []
    while True:
        try:
            line = input("you: " if interactive else "").strip()
        except EOFError:
            return
        if line == "/quit":
            return
        if line == "/new":
            messages = []
            continue
        if not line:
            continue
        messages.append({"role": "user", "content": line})
        if interactive:
            print(f"{model.name}: ", end="", flush=True)
        try:
            reply = _print_reply(generator.stream(messages, config))
        except PromptError as error:
            print(error, file=sys.stderr)
            messages.pop()
            continue
        messages.append({"role": "assistant", "content": reply})


def _print_reply(pieces: Any) -> str:
    """Prints a reply as it comes; Ctrl-C stops the reply, not the conversation."""
    reply = ""
    try:
        for piece in pieces:
            reply += piece.text
            print(piece.text, end="", flush=True)
    except KeyboardInterrupt:
        if not sys.stdin.isatty():
            raise
    print()
    return reply
