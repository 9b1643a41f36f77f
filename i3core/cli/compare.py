"""`i3core compare`: several models answering the same prompts."""

from __future__ import annotations

import argparse
import dataclasses
import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError, I3Error, PromptError
from ..generation.comparison import Comparison
from ..generation.config import SAMPLING_SETTINGS, SamplingConfig
from .options import Commands, add_command, add_device, add_json, add_sampling, load, sampling_config
from .output import print_json
from .side_by_side import side_by_side

if TYPE_CHECKING:
    from ..checkpoints.checkpoint import Model


PROMPT_KEYS = ("prompt", "stop", "allow_unk", *(setting.key for setting in SAMPLING_SETTINGS))

COMPARE_EPILOG = """\
Without --prompt, prompts are read from standard input, one a line; a line may also be a JSON object with the prompt
and settings for it alone: {"prompt": "hello!", "seed": 1, "temperature": 0.7, "max_new_tokens": 60}.
--json prints {"event": "ready", "models": [names]}, then {"prompt", "model", "text"} for each piece of text and
{"prompt", "model", "done", "finish_reason", "tokens", "seed"} at the end of an answer; prompts and models are counted
from 0. An error is {"prompt", "error", "remedy"}, with "model" if only one model fails.
"""


def add_compare(commands: Commands) -> None:
    parser = add_command(
        commands, "compare", compare, "answer the same prompts with several models, with equal seed and settings",
        epilog=COMPARE_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("models", nargs="+", metavar="MODEL", help="model folders, runs or names; at least two")
    parser.add_argument("--prompt", action="append", metavar="TEXT", help="what to say to the models; repeatable")
    add_device(parser)
    add_json(parser, "print events as JSON lines")
    add_sampling(parser)


def compare(arguments: argparse.Namespace) -> None:
    if len(arguments.models) < 2:
        raise ConfigError("One model cannot be compared with itself.", "Name at least two.")
    defaults = sampling_config(arguments)  # first: a wrong option is reported before anything is loaded
    models = _load(arguments)
    names = display_names(models, arguments.models)
    if arguments.json:
        print_json({"event": "ready", "models": names})
    comparison = Comparison(models)
    failed = False
    for number, (prompt, own) in enumerate(_prompts(arguments.prompt)):
        try:
            if own is None:
                prompt, own = read_prompt(prompt)
            if not prompt.strip():
                raise PromptError("The prompt is empty.", "Type some text first.")
            config = dataclasses.replace(defaults, **own)
            if arguments.json:
                _answer_as_json(comparison, number, prompt, config)
            else:
                _answer_as_table(comparison, names, prompt, config)
        except I3Error as error:
            failed = True
            if arguments.json:
                print_json({"prompt": number, "error": error.what, "remedy": error.remedy})
            else:
                print(f"i3core: {error}", file=sys.stderr)
    if failed and arguments.prompt:
        raise SystemExit(1)


def _load(arguments: argparse.Namespace) -> list[Model]:
    import torch

    torch.set_num_threads(1)  # training may use the other cores, and waiting threads slow both
    return [load(arguments, name) for name in arguments.models]


def display_names(models: Sequence[Model], given: Sequence[str]) -> list[str]:
    """Names of models; as `given` on the command line where two are the same, as with checkpoints of one run."""
    names = [model.name for model in models]
    return [name if names.count(name) == 1 else argument for name, argument in zip(names, given, strict=True)]


def _prompts(given: Sequence[str] | None) -> Iterator[tuple[str, dict[str, Any] | None]]:
    """The prompts `given`, with no settings of their own; or lines of standard input with None, still to be parsed."""
    if given is not None:
        yield from ((prompt, {}) for prompt in given)
        return
    interactive = sys.stdin.isatty()
    while True:
        try:
            line = input("prompt: " if interactive else "")
        except EOFError:
            return
        if line.strip():
            yield line, None


def read_prompt(line: str) -> tuple[str, dict[str, Any]]:
    """Parse a line of input, plain text or a JSON object, into prompt and settings. Raises ConfigError."""
    if not line.lstrip().startswith("{"):
        return line, {}
    try:
        content = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ConfigError("The line starts like a JSON object, but is not one.", 'Write {"prompt": "..."}.') from error
    unknown = [key for key in content if key not in PROMPT_KEYS]
    if unknown:
        raise ConfigError(f"There is no setting {unknown[0]!r} for a prompt.", f"Known: {', '.join(PROMPT_KEYS)}.")
    prompt = content.pop("prompt", None)
    if not isinstance(prompt, str):
        raise ConfigError("The object has no prompt.", 'Write {"prompt": "..."}.')
    if isinstance(content.get("stop"), list):
        content["stop"] = tuple(content["stop"])
    return prompt, content


def _answer_as_json(comparison: Comparison, number: int, prompt: str, config: SamplingConfig) -> None:
    for model, piece in comparison.answer(prompt, config):
        source = {"prompt": number, "model": model}
        if isinstance(piece, PromptError):
            print_json({**source, "error": piece.what, "remedy": piece.remedy})
            continue
        if piece.text:
            print_json({**source, "text": piece.text})
        if piece.finish_reason is not None:
            end = {"done": True, "finish_reason": piece.finish_reason, "tokens": piece.new_tokens, "seed": piece.seed}
            print_json({**source, **end})


def _answer_as_table(comparison: Comparison, names: Sequence[str], prompt: str, config: SamplingConfig) -> None:
    answers = [""] * len(names)
    for model, piece in comparison.answer(prompt, config):
        answers[model] += f"({piece})" if isinstance(piece, PromptError) else piece.text
    print(f"> {prompt}")
    for line in side_by_side(names, answers, shutil.get_terminal_size((100, 24)).columns):
        print(f"  {line}".rstrip())
    print(flush=True)
