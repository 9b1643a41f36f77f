"""What a training run tells while it goes: frozen dataclasses of plain values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Started:
    """The run is set up. `tokens_per_epoch` counts learned and read tokens, without padding."""

    out: str
    step: int
    total_steps: int
    parameters: int
    rows: int
    tokens_per_epoch: int
    unknown_share: float
    device: str


@dataclass(frozen=True)
class Stepped:
    """One optimiser step. `loss` in nats per learned token, `eta_s` seconds to the end."""

    step: int
    total_steps: int
    tokens: int
    loss: float
    lr: float
    grad_norm: float
    tokens_per_second: float
    eta_s: float
    rss_bytes: int


@dataclass(frozen=True)
class Evaluated:
    """Validation after `step` steps; `is_best` if it is the lowest loss of the run so far."""

    step: int
    tokens: int
    val_loss: float
    val_perplexity: float
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
    """The end. `reason` is "finished" or "stopped"; `best_val_loss` is None without validation."""

    step: int
    reason: str
    best_val_loss: float | None
    folder: str


Event = Started | Stepped | Evaluated | Sampled | Checkpointed | Finished
