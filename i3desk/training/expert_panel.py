"""All trainer options for fine-tuning, in groups, each with its meaning."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtWidgets import QFrame, QWidget

from i3core.system.extras import is_packaged
from i3core.training.config import CHOICES, TRACKERS, TRAINING_SETTINGS, TrainingConfig
from i3desk.language import tr
from i3desk.training.expert_rows import (
    ChoiceRow,
    FileRow,
    MemberRow,
    OptionRow,
    RunOption,
    TextRow,
    ToggleRow,
    ValueRow,
)
from i3desk.widgets.basics import add, button, column_in, label, named, row

FROM_SCRATCH = ("max_vocab", "min_count", "window")  # settings that do not apply to an existing model
GROUPS = {
    tr("Length"): ("steps", "epochs", "patience"),
    tr("Batches"): ("batch_size", "accumulate", "shuffle", "seed"),
    tr("Learning rate"): ("lr", "warmup_steps", "decay_share", "min_lr_share"),
    tr("Optimiser"): ("optimizer", "weight_decay", "beta2", "grad_clip"),
    tr("What is trained"): ("last_blocks", "lora_rank", "lora_alpha", "loss_on"),
    tr("Validation"): ("val", "val_share", "general_val", "eval_every", "eval_tokens"),
    tr("Saving and log"): ("checkpoint_every", "log_every", "track", "track_artifacts"),
    tr("Machine"): ("device", "precision", "threads"),
    tr("Conversations"): ("compose", "replay", "variation"),
    tr("Data"): ("columns", "encoding", "i3_is", "skip_bad_records"),
}
OTHER = tr("More")
READING_OPTIONS = {
    "columns": RunOption(
        "columns", tr("Columns"), tr("What the columns of a table are, as in user=Question,assistant=Answer or "
        "text=Story. "
        "The list of data shows what is taken for what."),
    ),
    "encoding": RunOption("encoding", tr("Encoding"), tr("Of text files that are not UTF-8, such as cp1252.")),
    "i3_is": RunOption("i3_is", tr("i3 is"), tr("In a chat between people: the person whose messages i3 learns.")),
}  # fmt: skip
EXAMPLES = {"columns": "user=Question,assistant=Answer", "encoding": "UTF-8", "i3_is": tr("a name")}
_CHOICES = READING_OPTIONS | {
    "replay": RunOption(
        "replay", tr("Replay"), tr("Share of what is read that is talk the model knows already, so that it does "
        "not forget "
        "it. auto is half for little data and less for much; 0 replays nothing."), ("auto", "0", "0.25", "0.5", "0.7"),
    ),
    "variation": RunOption(
        "variation", tr("Variation"), tr("Your questions also appear in other words, with words around "
        "them, and without some of their words. auto is on for little chat data."), CHOICES["variation"],
    ),
    "loss_on": RunOption(
        "loss_on", tr("Learned"), tr("Of conversations: the assistant's replies only, or all turns. Plain text "
        "is always "
        "learned whole."), CHOICES["loss_on"],
    ),
    "optimizer": RunOption(
        "optimizer", tr("Optimiser"), tr("AdamW suits everything. Muon optimises the matrices of the blocks, "
        "needs less "
        "memory, and suits large batches."), CHOICES["optimizer"],
    ),
    "device": RunOption("device", tr("Device"), tr("Where it is trained: auto takes a CUDA card if there is one."),
                     ("auto", "cpu", "cuda")),
    "precision": RunOption(
        "precision", tr("Precision"), tr("Of matrix products. auto: bfloat16 where this machine is faster in it."),
        CHOICES["precision"],
    ),
    "track_artifacts": RunOption(
        "track_artifacts", tr("Uploaded"), tr("What Weights and Biases gets beside the log when the run ends: "
        "the best and "
        "last checkpoints, or none."), CHOICES["track_artifacts"],
    ),
    "shuffle": RunOption("shuffle", tr("Shuffle"), tr("Rows come in random order; otherwise in that of the files.")),
    "skip_bad_records": RunOption(
        "skip_bad_records", tr("Skip bad records"), tr("Records that cannot be used are counted and left out; "
        "otherwise the "
        "first of them stops the run."),
    ),
    "val": RunOption("val", tr("Validation file"), tr("Text that is never trained on, instead of a share of the "
    "data.")),
    "general_val": RunOption(
        "general_val", tr("General text"), tr("Evaluated beside the validation text: its perplexity rises when "
        "the model "
        "forgets what it knew."),
    ),
}  # fmt: skip
_TRACKER_NAMES = {"tensorboard": "TensorBoard", "wandb": tr("Weights and Biases")}


def default_of(key: str) -> Any:
    """The trainer's own default of a setting."""
    return TrainingConfig.__dataclass_fields__[key].default


def why_without_effect(config: dict[str, Any]) -> dict[str, str]:
    """The reason for each setting that has no effect in this configuration."""
    reasons = {}
    if not config.get("lora_rank"):
        reasons["lora_alpha"] = tr("Only with a LoRA rank.")
    if config.get("lora_rank"):
        reasons["last_blocks"] = tr("A LoRA adapter is trained instead.")
    elif config.get("last_blocks"):
        reasons["lora_rank"] = tr("The last blocks are trained instead.")
    if not config.get("eval_every", 1):
        reasons |= dict.fromkeys(("patience", "eval_tokens", "general_val"), tr("Only with evaluations."))
    if not config.get("shuffle", True):
        reasons |= dict.fromkeys(("compose", "replay"), tr("Only if the data is shuffled."))
    if "wandb" not in config.get("track", ()):
        reasons["track_artifacts"] = tr("Only with Weights and Biases.")
    if config.get("val"):
        reasons["val_share"] = tr("There is a validation file.")
    return reasons


class ExpertPanel(QFrame):
    """All settings in their groups.

    Attributes:
        rows: by key; of trackers by "track:NAME".
    Signals:
        changed(key, value): emitted when the user chose another value.
        reset_requested: emitted when the user wants the preset's values back.
    """

    changed = Signal(str, object)
    reset_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self.setAccessibleName(tr("Expert settings"))
        self.rows: dict[str, OptionRow] = {}
        self._column = column_in(self, margins=(12, 10, 12, 14), spacing=10)
        self.reset_button = button(tr("Reset"), tr("Set everything here back to the values of Standard"), kind="quiet")
        self.reset_button.clicked.connect(self.reset_requested)
        add(
            self._column,
            row(label(tr("All options"), grade="name"), None, self.reset_button),
            label(tr("Click a name to read what it does"), "muted", "small", wrap=True),
        )
        self._shown: tuple[dict[str, Any], float] = ({}, 0.0)
        self._numbers = {each.key: each for each in TRAINING_SETTINGS if each.key not in FROM_SCRATCH}
        grouped = {key for keys in GROUPS.values() for key in keys}
        rest = tuple(key for key in self._numbers if key not in grouped)
        self._coming = [*GROUPS.items(), *([(OTHER, rest)] if rest else [])]
        self._timer = QTimer(self, interval=0)
        self._timer.timeout.connect(self._add_group)
        self._timer.start()

    @Slot()
    def _add_group(self) -> None:
        """Add the next group; one per event, so that the window keeps responding."""
        title, keys = self._coming.pop(0)
        if not self._coming:
            self._timer.stop()
        made = [each for key in keys for each in self._rows_of(key)]
        add(self._column, 2, named(QFrame(), "line"), label(title, grade="heading"))
        for each in made:
            each.changed.connect(self.changed)
            self._column.addWidget(each)
        self._show_rows()

    def _rows_of(self, key: str) -> list[OptionRow]:
        numbers = self._numbers
        made: dict[str, OptionRow]
        if key == "track":
            made = {
                f"track:{name}": MemberRow(
                    RunOption("track", _TRACKER_NAMES.get(name, name), tr("Mirror the log to {name}, if it is "
                    "installed.").format(name=name),
                           (name,))
                )
                for name in (() if is_packaged() else TRACKERS)  # nothing can be installed into a packaged program
            }  # fmt: skip
        elif key == "track_artifacts" and is_packaged():
            made = {}
        elif key in numbers:
            made = {key: ValueRow(numbers[key])}
        elif key == "val":
            made = {key: FileRow(_CHOICES[key], tr("a share of the data"))}
        elif key == "general_val":
            made = {key: FileRow(_CHOICES[key], tr("the sample conversations"))}
        elif key in EXAMPLES:
            made = {key: TextRow(_CHOICES[key], EXAMPLES[key])}
        elif key in _CHOICES:
            made = {key: (ChoiceRow if _CHOICES[key].choices else ToggleRow)(_CHOICES[key])}
        else:  # this trainer has no such option
            made = {}
        self.rows |= made
        return list(made.values())

    def show_config(self, config: dict[str, Any], epochs: float, has_changes: bool) -> None:
        """Show the values of a configuration, with defaults for missing ones."""
        self._shown = (config, epochs)
        self.reset_button.setEnabled(has_changes)
        self._show_rows()

    def _show_rows(self) -> None:
        config, epochs = self._shown
        reasons = why_without_effect(config)
        for name, each in self.rows.items():
            key = name.partition(":")[0]
            value = round(epochs, 2) if key == "epochs" else config.get(key, default_of(key))
            if not each.is_being_typed():
                each.show_value(value)
            each.show_reason(reasons.get(key, ""))
