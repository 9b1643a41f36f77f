"""Events of a training run: frozen dataclasses of plain values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DataRead:
    """One source of data, as it was read.

    Attributes:
        file: the file or folder; role: "training", "validation", "general" or "replay".
        shapes: number of records of each kind.
        rows: sequences of at most window + 1 tokens; tokens, characters: in all of them.
        unknown_share: share of `<UNK>` among the tokens.
        truncated: records that lost text because a turn was longer than the window.
        skipped: unusable records; skipped_reasons: why, for the first of them.
        examples: the first records as the model will see them.
        unknown_counts: the characters that most often became `<UNK>`, and how often.
        left_out: what was not used, and how often: fields, parts of turns, files.
        columns: what the columns of a table without known names were taken for.
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
    unknown_counts: dict[str, int]
    left_out: dict[str, int]
    columns: dict[str, str]


@dataclass(frozen=True)
class Warned:
    """A warning; training continues.

    `kind` is "disk", "memory", "data" or "learning_rate" for a finding before the start, otherwise empty.
    """

    step: int
    what: str
    remedy: str
    kind: str = ""


@dataclass(frozen=True)
class Started:
    """The run is prepared.

    Attributes:
        parameters: of the whole network; trainable: those that change.
        rows, tokens_per_epoch: sequences and tokens (without padding) of the training data.
        held_out_rows: sequences for validation.
        memory_bytes, checkpoint_bytes: estimates of the memory and disk space that the run needs.
        eta_s: seconds to the end if the throughput is known (after a resume), otherwise None.
        processes: number of processes that train together.
        replay_share: share of the tokens of a step that is replayed; `rows`, `tokens_per_epoch` and `unknown_share` are
            of the training data alone.
        composed: most exchanges of a composed conversation; 1 if none is composed.
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
    replay_share: float = 0.0
    composed: int = 1


@dataclass(frozen=True)
class Stepped:
    """One optimiser step.

    Attributes:
        loss: nats per learned token.
        grad_norm: None if float16 overflowed; then the step was skipped, and the next one is scaled down.
        eta_s: seconds to the end; seconds: training time so far, without pauses and stops.
        rss_bytes: memory of this process; cpu_percent: load of the whole machine. Metrics that cannot be read are None.
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
    """An evaluation after `step` steps.

    Losses are None if there is no text for them.

    Attributes:
        seconds: as in Stepped.
        general_loss: loss on the retention set (text unrelated to the data); it rises if the model forgets.
        is_best: whether the trained model is the best so far: by the mean of the two shares below, then by the
            validation loss.
        questions: questions about the training data that were asked in the middle of a conversation, and
            questions_right, how many were answered right; None if the data has none.
        questions_held_out: whether these questions, in these words, are not trained on.
        everyday, everyday_kept: everyday prompts, and how many are answered as before or as sensibly; None if the model
            is trained from scratch.
    """

    step: int
    tokens: int
    seconds: float
    val_loss: float | None
    val_perplexity: float | None
    general_loss: float | None
    general_perplexity: float | None
    is_best: bool
    questions: int | None = None
    questions_right: int | None = None
    questions_held_out: bool | None = None
    everyday: int | None = None
    everyday_kept: int | None = None

    @property
    def right_percent(self) -> float | None:
        """Questions answered right, of 100; None if none were asked."""
        return _percent(self.questions_right, self.questions)

    @property
    def kept_percent(self) -> float | None:
        """Everyday prompts answered as before or as sensibly, of 100; None if none were asked."""
        return _percent(self.everyday_kept, self.everyday)

    @property
    def score(self) -> float | None:
        """Mean of `right_percent` and `kept_percent`, as far as they are known; None if neither is."""
        known = [value for value in (self.right_percent, self.kept_percent) if value is not None]
        return sum(known) / len(known) if known else None


def _percent(part: int | None, whole: int | None) -> float | None:
    return 100 * part / whole if part is not None and whole else None


@dataclass(frozen=True)
class Sampled:
    """The reply to a fixed prompt with a fixed seed."""

    step: int
    prompt: str
    text: str


@dataclass(frozen=True)
class Checkpointed:
    """Everything up to `step` is saved in `folder`."""

    step: int
    folder: str


@dataclass(frozen=True)
class Finished:
    """The end of the run.

    `reason` is "finished", "stopped", or "early" if patience ran out.

    `best_val_loss` is None without validation; `folder` is the best checkpoint, or the last without validation.
    """

    step: int
    reason: str
    best_val_loss: float | None
    folder: str


@dataclass(frozen=True)
class Measured:
    """Time estimate of a run on this machine, measured with real steps.

    Attributes:
        seconds: of the whole run with evaluations, samples and checkpoints, without reading model and data.
        tokens_per_second: during steps, without padding.
        step_s, evaluation_s, sample_s, checkpoint_s: seconds of one step, one evaluation's losses, the replies to all
            sample prompts, and one checkpoint.
        steps: of the whole run; tokens_per_step: mean, without padding.
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
