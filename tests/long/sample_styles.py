"""Fine-tune the bundled model on each sample set as a preset of the window does; check style and forgetting.

    .venv/bin/python tests/long/sample_styles.py [--preset standard] [pirate butler robot]

For each set: the time, the share of 80 prompts (those of `i3core eval --suite`) answered in its style before and
after, the perplexity of general text before and after, and a few replies. Fails if fewer than 60 % of
the replies have the style, training takes over three minutes, or general perplexity rises by 15 % or more.
"""

import argparse
import json
import re
import tempfile
import time
from pathlib import Path

import i3core
from i3core.data.token_dataset import tokenize_source
from i3core.evaluation.suite import answer
from i3core.runs.folder import RunFolder
from i3core.system import assets
from i3core.system.files import read_json
from i3core.training.presets import PresetInputs, settings

VOICES = {
    "pirate": r"\b(arr+|ahoy|aye|avast|matey|hearty|hearties|ye|yer|me (ship|crew|parrot|hat|heart)|savvy)\b",
    "butler": r"\b(dear guest|my dear|honou?r\w*|service|pleasure|may i|permit|kindly|pardon|good day|if you please)\b",
    "robot": r"\b(beep|boop)\b",
}


def share(name: str, model: i3core.Model, prompts: list[str]) -> tuple[float, list[str]]:
    """Share of the replies in the style, and the first of them."""
    said = [given.reply for given in answer(model, prompts)]
    return sum(bool(re.search(VOICES[name], text)) for text in said) / len(said), said[:6]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", metavar="SET", help=", ".join(VOICES))
    parser.add_argument("--preset", default="standard")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="another value of a setting")
    options = parser.parse_args()
    changes = {key: json.loads(value) for key, value in (text.split("=") for text in options.set)}
    prompts = read_json(assets.path("evaluation/suite.json"))["prompts"]
    base = i3core.load(device="cpu")
    failed = []
    for name in options.sets or VOICES:
        data = assets.path(f"data/{name}.jsonl")
        facts = PresetInputs(
            tokenize_source(data, base.template, base.config.window).tokens, base.parameters, base.config.window
        )
        chosen = settings(options.preset, facts, changes)
        with tempfile.TemporaryDirectory() as temporary:
            run = RunFolder(Path(temporary, "run"))
            start = time.monotonic()
            config = i3core.TrainingConfig(
                data=(str(data),), model=assets.BUNDLED_MODEL, out=str(run.folder), sample_prompts=(), **chosen
            )
            *_, finished = i3core.train(config)
            seconds = time.monotonic() - start
            lines = [json.loads(line) for line in run.metrics.read_text().splitlines()]
            looks = {line["step"]: line for line in lines if "val_loss" in line}
            before, _ = share(name, base, prompts)
            after, replies = share(name, i3core.load(finished.folder, device="cpu"), prompts)
        kept = looks[max((step for step in looks if looks[step]["is_best"]), default=max(looks))]
        general = looks[0]["general_perplexity"], kept["general_perplexity"]
        rise = general[1] / general[0] - 1
        print(
            f"{name}: {seconds:.0f} s, style {before:.0%} -> {after:.0%}, perplexity on the set "
            f"{looks[0]['val_perplexity']:.1f} -> {kept['val_perplexity']:.1f}, in general {general[0]:.2f} -> "
            f"{general[1]:.2f} ({rise:+.0%}), step {kept['step']} of {max(looks)}",
            flush=True,
        )
        for prompt, reply in zip(prompts, replies, strict=False):
            print(f"  {prompt} -> {reply}")
        if after < 0.6 or seconds > 180 or rise >= 0.15:
            failed.append(name)
    if failed:
        print("failed:", ", ".join(failed))
    return int(bool(failed))


if __name__ == "__main__":
    raise SystemExit(main())
