"""`i3core keep` and `i3core compare`: a model of a run, and several models answering the same prompt."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError, I3Error, PromptError
from ..generation.comparison import Comparison
from ..generation.config import SAMPLING_SETTINGS, SamplingConfig
from ..system.device import PRECISIONS
from .output import print_json
from .side_by_side import side_by_side

if TYPE_CHECKING:
    from ..checkpoints.checkpoint import Model


PROMPT_KEYS = ("prompt", "stop", "allow_unk", *(setting.key for setting in SAMPLING_SETTINGS))

COMPARE_EPILOG = """\
Without --prompt, prompts are read from standard input, a line each, until its end; a line may also be a JSON object
with the prompt and settings for it alone: {"prompt": "hello!", "seed": 1, "temperature": 0.7, "max_new_tokens": 60}.
--json prints {"event": "ready", "models": [names]}, then for each piece {"prompt", "model", "text"} and at the end of
an answer {"prompt", "model", "done", "finish_reason", "tokens", "seed"}; prompts and models are counted from 0. What
cannot be answered is told as {"prompt", "error", "remedy"}, with "model" where only one refuses.
"""


def add_compare(commands: Any) -> None:
    from .options import add_sampling

    text = "answer the same prompts with several models, with the same seed and settings"
    sub = commands.add_parser(
        "compare",
        help=text,
        description=text,
        epilog=COMPARE_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    sub.set_defaults(run=compare)
    sub.add_argument("models", nargs="+", metavar="MODEL", help="model folders, runs or names; at least two")
    sub.add_argument("--prompt", action="append", metavar="TEXT", help="what to say to the models; may be repeated")
    sub.add_argument("--device", default="auto", help="auto, cpu or cuda (default: auto)")
    sub.add_argument("--precision", default="auto", help=f"{', '.join(PRECISIONS)} (default: auto)")
    sub.add_argument("--json", action="store_true", help="print what happens as JSON lines")
    add_sampling(sub)


def compare(arguments: argparse.Namespace) -> None:
    if len(arguments.models) < 2:
        raise ConfigError("One model has nothing to be compared with.", "Name at least two.")
    settings = {setting.key: getattr(arguments, setting.key) for setting in SAMPLING_SETTINGS}
    settings |= {"stop": tuple(arguments.stop), "allow_unk": arguments.allow_unk}
    SamplingConfig(**settings)  # a wrong option is named before anything is loaded
    models = _load(arguments)
    names = display_names(models, arguments.models)
    if arguments.json:
        print_json({"event": "ready", "models": names})
    comparison = Comparison(models)
    refused = False
    for number, (prompt, own) in enumerate(_prompts(arguments.prompt)):
        try:
            if own is None:
                prompt, own = read_prompt(prompt)
            if not prompt.strip():
                raise PromptError("The prompt is empty.", "Type some text first.")
            config = SamplingConfig(**{**settings, **own})
            if arguments.json:
                _tell(comparison, number, prompt, config)
            else:
                _show(comparison, names, prompt, config)
        except I3Error as error:
            refused = True
            if arguments.json:
                print_json({"prompt": number, "error": error.what, "remedy": error.remedy})
            else:
                print(f"i3core: {error}", file=sys.stderr)
    if refused and arguments.prompt:
        raise SystemExit(1)


def _load(arguments: argparse.Namespace) -> list[Model]:
    import torch

    from ..checkpoints.checkpoint import load

    torch.set_num_threads(1)  # a run may be using the other cores, and threads that wait for each other slow both
    models = []
    for name in arguments.models:
        models.append(load(name, arguments.device, arguments.precision))
        for warning in models[-1].warnings:
            print(f"i3core: warning: {warning}", file=sys.stderr)
    return models


def display_names(models: Sequence[Model], asked: Sequence[str]) -> list[str]:
    """The models' names; what was asked for where two have the same, as checkpoints of one run have."""
    names = [model.name for model in models]
    return [name if names.count(name) == 1 else given for name, given in zip(names, asked, strict=True)]


def _prompts(given: Sequence[str] | None) -> Iterator[tuple[str, dict | None]]:
    """Prompts as given with no settings of their own; or lines of input with None, as they are still to be read."""
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
    """Prompt and settings of a line of input: text as it stands, or a JSON object. Raises ConfigError."""
    if not line.lstrip().startswith("{"):
        return line, {}
    try:
        content = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ConfigError("The line begins like a JSON object, and is none.", 'Write {"prompt": "..."}.') from error
    unknown = [key for key in content if key not in PROMPT_KEYS]
    if unknown:
        raise ConfigError(f"There is no setting {unknown[0]!r} for a prompt.", f"Known: {', '.join(PROMPT_KEYS)}.")
    prompt = content.pop("prompt", None)
    if not isinstance(prompt, str):
        raise ConfigError("The object holds no prompt.", 'Write {"prompt": "..."}.')
    if isinstance(content.get("stop"), list):
        content["stop"] = tuple(content["stop"])
    return prompt, content


def _tell(comparison: Comparison, number: int, prompt: str, config: SamplingConfig) -> None:
    for model, piece in comparison.answer(prompt, config):
        about = {"prompt": number, "model": model}
        if isinstance(piece, PromptError):
            print_json({**about, "error": piece.what, "remedy": piece.remedy})
            continue
        if piece.text:
            print_json({**about, "text": piece.text})
        if piece.finish_reason is not None:
            end = {"done": True, "finish_reason": piece.finish_reason, "tokens": piece.new_tokens, "seed": piece.seed}
            print_json({**about, **end})


def _show(comparison: Comparison, names: Sequence[str], prompt: str, config: SamplingConfig) -> None:
    answers = [""] * len(names)
    for model, piece in comparison.answer(prompt, config):
        answers[model] += f"({piece})" if isinstance(piece, PromptError) else piece.text
    print(f"> {prompt}")
    for line in side_by_side(names, answers, shutil.get_terminal_size((100, 24)).columns):
        print(f"  {line}".rstrip())
    print(flush=True)
