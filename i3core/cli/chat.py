"""`i3core generate` and `i3core chat`: one answer, and a conversation in the terminal."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ..errors import PromptError
from .options import (
    Commands,
    add_command,
    add_device,
    add_heads,
    add_json,
    add_model,
    add_sampling,
    add_system,
    load,
    sampling_config,
    system_messages,
)
from .output import print_json

if TYPE_CHECKING:
    from ..generation.outputs import Piece
    from ..text.chat_template import Message


def add_generate(commands: Commands) -> None:
    parser = add_command(commands, "generate", generate, "answer one prompt, or continue a text")
    add_model(parser)
    add_heads(parser)
    add_device(parser)
    add_json(parser)
    parser.add_argument("--prompt", required=True, metavar="TEXT", help="what to say to the model")
    parser.add_argument("--raw", action="store_true", help="continue the prompt as it is instead of answering it")
    add_system(parser)
    add_sampling(parser)


def add_chat(commands: Commands) -> None:
    parser = add_command(commands, "chat", chat, "chat in the terminal; also reads lines from a pipe")
    add_model(parser)
    add_heads(parser)
    add_device(parser)
    add_system(parser)
    add_sampling(parser)


def generate(arguments: argparse.Namespace) -> None:
    config = sampling_config(arguments)
    if not arguments.prompt.strip():
        raise PromptError("The prompt is empty.", "Give some text with --prompt.")
    system = system_messages(arguments)
    if arguments.raw and system:
        raise PromptError("A text that is continued has no system prompt.", "Leave out --raw or --system.")
    model = load(arguments)
    from ..generation.generator import generate as stream

    prompt: str | Sequence[Message] = arguments.prompt
    if not arguments.raw:
        prompt = [*system, {"role": "user", "content": arguments.prompt}]
    pieces = []
    for piece in stream(model, prompt, config):
        pieces.append(piece)
        if not arguments.json:
            print(piece.text, end="", flush=True)
    if not arguments.json:
        print()
        return
    last, tokens = pieces[-1], [piece for piece in pieces if piece.token_id >= 0]
    print_json(
        {
            "text": "".join(piece.text for piece in pieces),
            "ids": [piece.token_id for piece in tokens],
            "logprobs": [round(piece.logprob, 6) for piece in tokens],
            "prompt_tokens": last.prompt_tokens,
            "new_tokens": last.new_tokens,
            "tokens_per_second": round(last.tokens_per_second, 2),
            "seconds_to_first_token": round(last.seconds_to_first_token, 4),
            "finish_reason": last.finish_reason,
            "seed": last.seed,
        }
    )


def chat(arguments: argparse.Namespace) -> None:
    config = sampling_config(arguments)
    model = load(arguments)
    from ..generation.generator import Generator

    generator = Generator(model)
    interactive = sys.stdin.isatty()
    if interactive:
        print(f"{model.name}, {model.device.describe()}. /new starts over, /quit or Ctrl-D ends.")
    messages = system_messages(arguments)
    while True:
        try:
            line = input("you: " if interactive else "").strip()
        except EOFError:
            return
        if line == "/quit":
            return
        if line == "/new":
            messages = system_messages(arguments)
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


def _print_reply(pieces: Iterator[Piece]) -> str:
    """Print a reply piece by piece and return it. Ctrl-C on a terminal ends the reply, not the conversation."""
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
