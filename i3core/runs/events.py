"""What a training run tells while it goes: frozen dataclasses of plain values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DataRead:
    """One source of data, as it was understood.

    Attributes:
        file: the file or folder; role: "training", "validation" or "general".
        shapes: how many records of each kind were recognised.
        rows: sequences of at most window + 1 tokens; tokens, characters: in all of them.
        unknown_share: share of `<UNK>` among the tokens.
        truncated: records that lost text because a turn was longer than the window.
        skipped: records that could not be used; skipped_reasons: why, for the first of them.
        examples: the first records as the model will see them.
    """

    file: str
    role: str
    shapes: dict[str, int]
    records: int
    rows: int
    tokens: int
    characters: int
    unknown_share: float
    truncated: int
    skipped: int
    skipped_reasons: tuple[str, ...]
    examples: tuple[str, ...]


@dataclass(frozen=True)
class Warned:
    """Something that the user should know; training goes on.

    `kind` is that of a finding before the start: "disk", "memory", "data" or "learning_rate"; else empty.
    """

    step: int
    what: str
    remedy: str
    kind: str = ""


@dataclass(frozen=True)
class Started:
    """The run is set up.

    Attributes:
        parameters: of the whole network; trainable: those that change.
        rows, tokens_per_epoch: of the training data, without padding; held_out_rows: never trained on.
        memory_bytes, checkpoint_bytes: estimates of what the run needs in memory and on disk.
        eta_s: seconds to the end where the pace is known (after a resume), else None.
        processes: how many train together.
    """

    out: str
    step: int
    total_steps: int
    parameters: int
    trainable: int
    rows: int
    held_out_rows: int
    tokens_per_epoch: int
    unknown_share: float
    memory_bytes: int
    checkpoint_bytes: int
    eta_s: float | None
    device: str
    processes: int


@dataclass(frozen=True)
class Stepped:
    """One optimiser step. `loss` in nats per learned token, `eta_s` seconds to the end.

    `seconds` the run has spent so far, without pauses and stops. `grad_norm` is None where float16 overflowed; the step
    was skipped then, and the next one is scaled down.

    `cpu_percent` is the load of the whole machine, `rss_bytes` the memory of this process; readings are None where
    there is nothing to read.
    """

    step: int
    total_steps: int
    tokens: int
    loss: float
    perplexity: float
    lr: float
    grad_norm: float | None
    tokens_per_second: float
    eta_s: float
    seconds: float
    rss_bytes: int
    cpu_percent: float | None = None
    gpu_memory_bytes: int | None = None
    gpu_memory_total_bytes: int | None = None
    gpu_utilization_percent: float | None = None
    gpu_power_w: float | None = None


@dataclass(frozen=True)
class Evaluated:
    """Validation after `step` steps; `is_best` if it is the trained model's lowest loss so far.

    The general loss is that on text which has nothing to do with the data: it rises when the model forgets. Losses are
    None where there is no such text. `seconds` as in Stepped.
    """

    step: int
    tokens: int
    seconds: float
    val_loss: float | None
    val_perplexity: float | None
    general_loss: float | None
    general_perplexity: float | None
    is_best: bool


@dataclass(frozen=True)
class Sampled:
    """A fixed prompt answered with a fixed seed."""

    step: int
    prompt: str
    text: str


@dataclass(frozen=True)
class Checkpointed:
    """Everything up to `step` is on disk in `folder`."""

    step: int
    folder: str


@dataclass(frozen=True)
class Finished:
    """The end. `reason` is "finished", "stopped", or "early" when patience ran out.

    `best_val_loss` is None without validation; `folder` is the best checkpoint, or the last without validation.
    """

    step: int
    reason: str
    best_val_loss: float | None
    folder: str


@dataclass(frozen=True)
class Measured:
    """What a run will take on this machine, from steps that were really done.

    Attributes:
        seconds: of the whole run, with its evaluations, samples and checkpoints; without what is read at the start.
        tokens_per_second: without padding, while it steps.
        step_s, evaluation_s, sample_s, checkpoint_s: seconds of one step, of one evaluation's losses, of the answers to
            all sample prompts, and of saving once.
        steps: of the whole run; tokens_per_step: without padding, on average.
    """

    tokens_per_second: float
    seconds: float
    step_s: float
    evaluation_s: float
    sample_s: float
    checkpoint_s: float
    steps: int
    tokens_per_step: int


Event = DataRead | Warned | Started | Stepped | Evaluated | Sampled | Checkpointed | Finished | Measured
