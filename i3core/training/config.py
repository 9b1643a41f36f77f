"""Settings of training: defaults, ranges and descriptions. Imports no torch."""

from __future__ import annotations

import dataclasses
import difflib
import math
from dataclasses import dataclass
from typing import Any

from ..data.reading import Reading
from ..errors import ConfigError
from ..settings import Setting
from ..system.device import TRAINING_PRECISIONS

TRAINING_SETTINGS: tuple[Setting, ...] = (
    Setting(
        "max_vocab", "Vocabulary", 0, 0, 2**20, 1, 0,
        "Largest vocabulary built from the data when training from scratch; 0 for the preset's size.",
    ),
    Setting("min_count", "Rarest chunk", 1, 1, 10**9, 1, 0, "Chunks seen less often are left out of that vocabulary."),
    Setting(
        "window", "Window", 0, 0, 2**17, 32, 0,
        "Tokens of context when training from scratch; 0 for the preset's. An existing model keeps its own.",
    ),
    Setting(
        "val_share", "Held out", 0.02, 0, 0.5, 0.01, 2,
        "Share of the documents (8 at least, but no more than a fifth) that is never trained on, to measure how well "
        "the model predicts new text.",
    ),
    Setting(
        "compose", "Composed", 0, 0, 64, 1, 0,
        "Most exchanges of a conversation that is put together from several records, in another order each epoch; 1 "
        "leaves each record alone. 0 chooses: 6 when a model is fine-tuned.",
    ),
    Setting("steps", "Steps", 0, 0, 10**9, 10, 0, "Optimiser steps; 0 for whole epochs instead."),
    Setting("epochs", "Epochs", 1.0, 0.001, 10**6, 0.5, 3, "How often all of the data is read."),
    Setting(
        "batch_size", "Batch size", 8, 1, 4096, 1, 0,
        "Full windows of tokens in a batch, over all processes. More is steadier and needs more memory.",
    ),
    Setting(
        "accumulate", "Accumulate", 1, 1, 4096, 1, 0,
        "Batches per optimiser step: like a larger batch, without more memory.",
    ),
    Setting(
        "lr", "Learning rate", 3e-4, 1e-9, 1, 1e-5, 9,
        "Size of the steps. If it is too small, the model learns nothing; if too large, it forgets everything.",
    ),
    Setting(
        "warmup_steps", "Warm-up", 20, 0, 10**9, 1, 0,
        "Steps in which the learning rate rises to its peak; at most half of the run.",
    ),
    Setting("decay_share", "Decay share", 1.0, 0, 1, 0.05, 3, "Last share of the steps, in which the rate falls."),
    Setting("min_lr_share", "Final rate", 0.1, 0, 1, 0.05, 3, "Share of the peak learning rate at the end (cosine)."),
    Setting("weight_decay", "Weight decay", 0.05, 0, 10, 0.01, 4, "Decay of matrices; nothing else is decayed."),
    Setting("beta2", "Beta 2", 0.95, 0.5, 0.99999, 0.01, 5, "Memory of AdamW's second moment."),
    Setting("grad_clip", "Gradient clip", 1.0, 1e-6, 1e6, 0.1, 6, "Largest gradient norm; larger ones are reduced."),
    Setting(
        "last_blocks", "Last blocks", 0, 0, 1000, 1, 0,
        "Train only this many last blocks: faster, forgets less. 0 for all weights.",
    ),
    Setting(
        "lora_rank", "LoRA rank", 0, 0, 1024, 1, 0,
        "Train a small adapter of this rank beside the frozen model. 0 for the weights themselves.",
    ),
    Setting("lora_alpha", "LoRA alpha", 0.0, 0, 10**6, 1, 3, "Strength of the adapter; 0 for twice the rank."),
    Setting(
        "patience", "Patience", 0, 0, 10**6, 1, 0,
        "Evaluations without a better validation loss after which training ends early; 0 to never end early.",
    ),
    Setting("eval_every", "Evaluate every", 200, 0, 10**9, 10, 0, "Steps between evaluations; 0 for none."),
    Setting("eval_tokens", "Evaluation tokens", 50_000, 1, 10**12, 1000, 0, "Validation tokens read each time."),
    Setting(
        "checkpoint_every", "Save every", 200, 0, 10**9, 10, 0, "Steps between checkpoints; 0 for only the last."
    ),
    Setting("log_every", "Log every", 1, 1, 10**9, 1, 0, "Steps between lines of the log."),
    Setting(
        "threads", "Threads", 0, 0, 1024, 1, 0,
        "CPU threads; 0 for all cores. Fewer leave time for chat and other programs.",
    ),
    Setting("seed", "Seed", 0, 0, 2**63 - 1, 1, 0, "Seed of new weights, the order of the data, and the split."),
)  # fmt: skip

CHOICES = {
    "loss_on": ("assistant", "all"),
    "variation": ("auto", "on", "off"),
    "optimizer": ("adamw", "muon"),
    "precision": TRAINING_PRECISIONS,
    "track_artifacts": ("checkpoints", "none"),
}
COMPOSED = 6  # exchanges of a conversation, if not given
LITTLE_TOKENS = 100_000  # of training data, up to which half of what is read is replay
MOST_REPLAY, LEAST_REPLAY = 0.5, 0.05
RECIPE = ("weight_decay", "beta2", "decay_share", "min_lr_share")  # fixed by the public recipe
TRACKERS = ("tensorboard", "wandb")


def share_for(tokens: int) -> float:
    """Share of replay for so many tokens of training data: half for little, falling with the root of their number."""
    return max(LEAST_REPLAY, MOST_REPLAY * min(1.0, math.sqrt(LITTLE_TOKENS / max(1, tokens))))


def parse_replay(text: str) -> tuple[float | None, str]:
    """Split SHARE or SHARE=PATH of `replay`; (None, "") for "auto". Raises ConfigError."""
    if text in ("", "auto"):
        return None, ""
    share, equals, path = text.partition("=")
    try:
        value = float(share)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 0.95 or (equals and not path):
        raise ConfigError(
            f"replay must be a share from 0 to 0.95, perhaps with the path of conversations, not {text!r}.",
            "For example 0.3, or 0.3=talk.jsonl.",
        )
    return value, path


@dataclass(frozen=True)
class TrainingConfig:
    """One training run. Numbers, their ranges and meanings are in TRAINING_SETTINGS.

    Attributes:
        data: files, folders or hub datasets, each `PATH` or `PATH:WEIGHT` (how often an epoch shows each document);
            see net/dataset_name.py.
        out: the run folder to create.
        model: folder or name of the model to fine-tune; empty to train from scratch.
        preset: sizes for training from scratch: a preset and changes to it ("i3-mini,d_model=320").
        tokenizer: vocabulary file for training from scratch; without one it is built from the data.
        val: held-out file or folder; without one, `val_share` of the documents of `data` are held out.
        general_val: retention set: text to detect forgetting, evaluated beside the held-out one; "none" for none, empty
            for the text that comes with i3core when a model is fine-tuned.
        loss_on: "assistant" to learn replies only, "all" for every turn. Plain text is always learned whole.
        optimizer: "adamw" or "muon".
        public_recipe: whether to use exactly the optimiser and schedule of the public i3 code.
        columns: what columns or fields with other names are, as in "user=Question,assistant=Answer".
        encoding: of text files; empty for UTF-8, or UTF-16 that is marked as such.
        i3_is: the person in chats between people whose messages are learned.
        skip_bad_records: whether to count unusable records instead of stopping at the first.
        shuffle: whether to shuffle the sequences; otherwise they keep the order of the files.
        replay: SHARE or SHARE=PATH: share of the tokens that are conversations the model already knows, so that it does
            not forget them, and where they are; "auto" for a share by the amount of data if the model names its own.
        variation: "on" to vary how the user's turns are typed, "auto" for little chat data.
        sample_prompts: answered at each evaluation with a fixed seed.
        track: "wandb", "tensorboard" or both, to mirror the log there.
        track_artifacts: what wandb gets at the end beside the log: the best and last "checkpoints", or "none".
    """

    data: tuple[str, ...]
    out: str
    model: str = ""
    preset: str = ""
    tokenizer: str = ""
    max_vocab: int = 0
    min_count: int = 1
    window: int = 0
    val: str = ""
    val_share: float = 0.02
    general_val: str = ""
    columns: str = ""
    encoding: str = ""
    i3_is: str = ""
    skip_bad_records: bool = False
    shuffle: bool = True
    compose: int = 0
    replay: str = "auto"
    variation: str = "auto"
    steps: int = 0
    epochs: float = 1.0
    batch_size: int = 8
    accumulate: int = 1
    lr: float = 3e-4
    warmup_steps: int = 20
    decay_share: float = 1.0
    min_lr_share: float = 0.1
    weight_decay: float = 0.05
    beta2: float = 0.95
    grad_clip: float = 1.0
    last_blocks: int = 0
    lora_rank: int = 0
    lora_alpha: float = 0.0
    loss_on: str = "assistant"
    optimizer: str = "adamw"
    public_recipe: bool = False
    patience: int = 0
    eval_every: int = 200
    eval_tokens: int = 50_000
    checkpoint_every: int = 200
    log_every: int = 1
    sample_prompts: tuple[str, ...] = ("hello!", "what do you like to do?", "tell me a story.")
    track: tuple[str, ...] = ()
    track_artifacts: str = "checkpoints"
    seed: int = 0
    threads: int = 0
    device: str = "auto"
    precision: str = "auto"

    def __post_init__(self) -> None:
        if isinstance(self.replay, (int, float)) and not isinstance(self.replay, bool):
            object.__setattr__(self, "replay", str(self.replay))  # a share as a number
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.type == "str" and not isinstance(value, str):
                raise ConfigError(f"{field.name} must be a text, not {value!r}.")
            if field.type == "tuple[str, ...]" and (
                not isinstance(value, tuple) or not all(isinstance(text, str) for text in value)
            ):
                raise ConfigError(f"{field.name} must be a list of texts, not {value!r}.")
            if field.type == "bool" and not isinstance(value, bool):
                raise ConfigError(f"{field.name} must be true or false, not {value!r}.")
        for setting in TRAINING_SETTINGS:
            setting.check(getattr(self, setting.key))
        for name, allowed in CHOICES.items():
            if getattr(self, name) not in allowed:
                raise ConfigError(f"{name} must be one of {', '.join(allowed)}, not {getattr(self, name)!r}.")
        for name in self.track:
            if name not in TRACKERS:
                raise ConfigError(f"There is no tracker {name!r} (track).", f"Known: {', '.join(TRACKERS)}.")
        Reading.parse(self.columns, self.encoding, self.i3_is)
        if not self.out:
            raise ConfigError("Training needs a run folder.", "Name it with --out.")
        if not self.data:
            raise ConfigError("Training needs at least one data file.", "Name it with --data.")
        if bool(self.model) == bool(self.preset):
            raise ConfigError(
                "Name either a model to fine-tune or a preset to train from scratch.",
                "For example --model i3-mini for the bundled model, or --from-scratch i3-mini.",
            )
        if self.last_blocks and self.lora_rank:
            raise ConfigError(
                "last_blocks and lora_rank exclude each other: both train a part of the model.", "Choose one of them."
            )
        if self.preset and (self.last_blocks or self.lora_rank):
            raise ConfigError("Training from scratch trains all weights.", "Leave out last_blocks and lora_rank.")
        if self.model and (self.tokenizer or self.window or self.max_vocab):
            raise ConfigError(
                "tokenizer, max_vocab and window are for training from scratch.", "An existing model keeps its own."
            )
        if self.public_recipe and (self.last_blocks or self.lora_rank or self.optimizer != "adamw"):
            raise ConfigError("The public recipe trains all weights with AdamW.", "Leave the other options out.")

        parse_replay(self.replay)
        for name, needs, given in (
            ("epochs", "no steps", bool(self.steps)),
            ("min_count", "no tokenizer", bool(self.tokenizer)),
            ("lora_alpha", "lora_rank", not self.lora_rank),
            ("patience", "eval_every", not self.eval_every),
            ("compose", "shuffle", not self.shuffle),
            ("replay", "shuffle", not self.shuffle),
            *((name, "no public_recipe", self.public_recipe) for name in RECIPE),
        ):
            if given and getattr(self, name) != type(self).__dataclass_fields__[name].default:
                raise ConfigError(f"{name} would have no effect here: it needs {needs}.", "Leave out one of the two.")

    @property
    def most_exchanges(self) -> int:
        """Exchanges of a composed conversation; 1 if none is composed."""
        return self.compose or (COMPOSED if self.model and self.shuffle else 1)

    @property
    def adapter_alpha(self) -> float:
        return self.lora_alpha or 2.0 * self.lora_rank

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> TrainingConfig:
        """Build a configuration from JSON or TOML.

        Raises ConfigError naming unknown keys, with a suggestion.
        """
        known = {field.name for field in dataclasses.fields(cls)}
        for key in content:
            if key not in known:
                near = difflib.get_close_matches(key, known, 1)
                hint = f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(sorted(known))}."
                raise ConfigError(f"There is no training setting {key!r}.", hint)
        values: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in content.items()
        }
        for required in ("data", "out"):
            if required not in values:
                raise ConfigError(f"The training setting {required!r} is missing.")
        return cls(**values)
