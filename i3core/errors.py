"""Errors shown to users: what happened, the likely cause, what to do next."""

from __future__ import annotations


class I3Error(Exception):
    """Base of all errors that users can cause or see.

    Attributes:
        what: what happened, in one sentence.
        remedy: what to do next; may be empty.
    """

    def __init__(self, what: str, remedy: str = "") -> None:
        self.what = what
        self.remedy = remedy
        super().__init__(f"{what} {remedy}".strip())


class ConfigError(I3Error):
    """A setting is out of range, unknown, or contradicts another."""


class CheckpointError(I3Error):
    """A model folder is missing, damaged, or not an i3 model."""


class TokenizerError(I3Error):
    """A vocabulary is missing or damaged."""


class NotFiniteError(I3Error):
    """A model computes something that is not a number."""


class PromptError(I3Error):
    """A prompt cannot be answered: empty, or longer than the window."""


class PromptTooLongError(PromptError):
    """A prompt is longer than the window."""


class DataError(I3Error):
    """Training or evaluation data cannot be read."""


class TrainingError(I3Error):
    """A training run cannot start or continue."""


class DeviceError(I3Error):
    """The requested device does not exist or ran out of memory."""
