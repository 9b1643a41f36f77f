"""The Train page before a run: the data, and beside it base model, length, estimate and Start."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent, QHideEvent, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import QFrame, QWidget

from i3core.errors import I3Error
from i3core.training.presets import LABELS
from i3desk.datasets.store import DatasetStore
from i3desk.language import tr
from i3desk.models.catalog import Entry, absolute, bundled_folder
from i3desk.paths import Paths
from i3desk.style.theme import Theme
from i3desk.training.data_check import DataCheck
from i3desk.training.data_list import DataList
from i3desk.training.dry_run import DryRun
from i3desk.training.estimate_card import EstimateCard
from i3desk.training.expert_panel import ExpertPanel, default_of
from i3desk.training.model_card import BaseModelCard, part_changes
from i3desk.training.own_data import OwnData
from i3desk.training.plan import STILL_READING, RunPlan, make_plan, model_argument
from i3desk.training.prompts import PromptList
from i3desk.training.setup_state import (
    MOST_SOURCES,
    READING,
    SetupState,
    check_change,
    read_setup,
    setup_from_config,
    write_setup,
)
from i3desk.training.start_foot import StartFoot
from i3desk.widgets.basics import add, column_in, label, named, row_in, scroll_page
from i3desk.widgets.drop_card import dropped_paths
from i3desk.widgets.fold import Fold
from i3desk.widgets.segmented_control import SegmentedControl
from i3desk.workers.background import BackgroundJobs

WIDTH, NARROW = 316, 276  # of the column beside the data
ROOMY, ROOM_TO_EDIT = 640, 840  # pixels of width
MARGIN = 16
UPDATE_MS = 30
SAVE_AFTER_MS = 400


class SetupPanel(QFrame):
    """Sets up one run.

    Attributes:
        choices: what the user has chosen; saved in a file beside the settings.
        plan: the run that follows from the choices.
    Signals:
        start_requested(config, name): emitted when the user starts a run; `config` has the settings of TrainingConfig
            without `out`.
        model_changed(model): emitted when another model is to be trained, as a run names it; "" for none.
    """

    start_requested = Signal(object, str)
    model_changed = Signal(str)

    def __init__(
        self, theme: Theme, paths: Paths, sets: DatasetStore, background: BackgroundJobs, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setAcceptDrops(True)
        self._file = paths.training_file
        self._runs_folder = paths.runs_folder
        self.choices: SetupState = read_setup(self._file)
        self.plan = RunPlan({})
        self._entries: list[Entry] = []
        self._suggested: Path | None = None
        self._busy_with = self._model = ""
        self._starts = False  # as soon as the data is read
        self.check = DataCheck(self)
        self.dry_run = DryRun(self)
        self._build(sets, background)
        self._update_timer = QTimer(self, interval=UPDATE_MS, singleShot=True)
        self._update_timer.timeout.connect(self._update)
        self._save_timer = QTimer(self, interval=SAVE_AFTER_MS, singleShot=True)
        self._save_timer.timeout.connect(self.save)
        self.check.changed.connect(self._update_soon)
        self.dry_run.changed.connect(self._update_soon)
        theme.changed.connect(self._update_soon)
        self.prompts.show_prompts(self.choices.prompts)
        self._update()

    # ----------------------------------------------------------------------------------------------- from outside

    def add_data(self, paths: Iterable[Path | str]) -> None:
        """Add files and folders to train on; those added already are read again."""
        data, refused = dict(self.choices.data), 0
        for path in map(str, map(absolute, paths)):
            if path in data:
                self.check.read_again(path)
            elif len(data) < MOST_SOURCES:
                data[path] = 1.0
            else:
                refused += 1
        self.data.show_refused(refused, MOST_SOURCES)
        self._choose(data=data)
        self._update()

    def show_models(self, entries: Sequence[Entry], chosen: Path | str | None = None) -> None:
        """Offer these models. The user's choice is kept; otherwise `chosen` or the bundled model is selected."""
        self._entries = list(entries)
        self._suggested = None if chosen is None else absolute(chosen)
        self._update_soon()

    def show_config(self, config: Mapping[str, Any]) -> None:
        """Set up a run from the configuration of another one."""
        self._choose(**vars(setup_from_config(config)))
        self.prompts.show_prompts(self.choices.prompts)
        self._update()

    def show_busy(self, name: str) -> None:
        """Show the running run, "" for none: a new run waits for it, and nothing is measured while it runs."""
        if name != self._busy_with:
            self._busy_with = name
            self._update_soon()

    def shut_down(self) -> None:
        """Save the choices and end the children. It blocks, so call it only after the event loop."""
        self.own.finish()
        self.save()
        self._update_timer.stop()
        self.check.shut_down()
        self.dry_run.shut_down()

    @Slot()
    def save(self) -> None:
        """Write the choices to their file."""
        self._save_timer.stop()
        write_setup(self._file, self.choices)

    # -------------------------------------------------------------------------------------------------- its parts

    def _build(self, sets: DatasetStore, background: BackgroundJobs) -> None:
        self.model_card = BaseModelCard()
        self.model_card.chosen.connect(self._on_model)
        self.model_card.part_chosen.connect(self._on_part)
        self.data = DataList()
        self.data.added.connect(self.add_data)
        self.data.remove_requested.connect(self._on_remove)
        self.data.weight_chosen.connect(self._on_weight)
        self.data.skip_chosen.connect(self._on_skip)
        self.data.reading_chosen.connect(self._on_expert)
        self.data.again_requested.connect(self.check.read_again)
        self.own = OwnData(self.data, sets, background)
        self.own.added.connect(self.add_data)
        self.own.removed.connect(self._on_remove)
        self.own.moved.connect(self._on_moved)
        self.own.editing_changed.connect(self._update_soon)
        self.presets = SegmentedControl(tr("Preset"), LABELS, by_length=True)
        self.presets.chosen.connect(self._on_preset)
        self.about = label(tone="muted", grade="small", wrap=True)
        self.expert: ExpertPanel | None = None
        self.prompts = PromptList()
        self.prompts_button = Fold(
            tr("Sample prompts"), tr("Prompts that are answered at every evaluation"), self.prompts
        )
        self.prompts_button.unfolded.connect(self._scroll_to_prompts)
        self.prompts.changed.connect(self._on_prompts)
        self.estimate = EstimateCard()
        self.foot = StartFoot()
        self.foot.start_requested.connect(self._start)
        self.findings, self.name = self.foot.findings, self.foot.name
        self.start_button, self.obstacle = self.foot.start_button, self.foot.obstacle
        shortcut = QShortcut(QKeySequence("Ctrl+Return"), self)
        shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        shortcut.activated.connect(self._start)

        body = self._body = named(QWidget(), "backdropColumn")
        self._column = column_in(
            body,
            self.model_card,
            8,
            label(tr("2  Length"), grade="title"),
            self.presets,
            self.about,
            self.estimate,
            margins=(MARGIN, 14, 0, 16),
            spacing=12,
        )
        self._column.addWidget(self.prompts_button, 0, Qt.AlignmentFlag.AlignLeft)
        add(self._column, self.prompts, None)
        self._page = scroll_page(body)
        self._room = ROOM_TO_EDIT
        beside = self._beside = named(QFrame(), "setup")
        column_in(beside, (self._page, 1), self.foot, margins=(1, 0, 0, 0))
        row_in(self, (self.own, 1), beside, spacing=0)
        self.own.editing_changed.connect(self.fit)
        self.fit()

    @Slot()
    def fit(self, room: int = 0) -> None:
        """Leave room for the data in a page that is `room` pixels wide; 0 for as wide as before."""
        self._room = room or self._room
        width = WIDTH if self._room >= ROOMY else NARROW
        self._body.setFixedWidth(width - 1 - MARGIN)  # the scroll bar appears in the right margin
        self._beside.setFixedWidth(width)
        self._beside.setHidden(self.own.is_editing and self._room < ROOM_TO_EDIT)

    # ---------------------------------------------------------------------------------------------- what is chosen

    def _choose(self, **values) -> None:
        choices = replace(self.choices, **values)
        if choices != self.choices:
            self.choices = choices
            self._save_timer.start()
            self._update_soon()

    def _change(self, **values) -> None:
        """Change settings of the run; None resets one."""
        changes = {**self.choices.changes, **values}
        self._choose(changes={key: value for key, value in changes.items() if value is not None})

    @Slot(object)
    def _on_model(self, folder: Path) -> None:
        self._choose(model="" if folder == bundled_folder() else str(folder))

    @Slot(str)
    def _on_part(self, part: str) -> None:
        self._change(last_blocks=None, lora_rank=None, lora_alpha=None)
        self._change(**part_changes(part))

    @Slot(str)
    def _on_remove(self, path: str) -> None:
        self._choose(data={each: weight for each, weight in self.choices.data.items() if each != path})

    @Slot(str, str)
    def _on_moved(self, old: str, new: str) -> None:
        if old in self.choices.data:
            self._choose(data={new if path == old else path: weight for path, weight in self.choices.data.items()})

    @Slot(str, float)
    def _on_weight(self, path: str, weight: float) -> None:
        self._choose(data={**self.choices.data, path: weight})

    @Slot(bool)
    def _on_skip(self, skip: bool) -> None:
        self._change(skip_bad_records=skip or None)

    @Slot(str)
    def _on_preset(self, preset: str) -> None:
        self._choose(preset=preset)

    @Slot(object)
    def _on_prompts(self, prompts: tuple[str, ...]) -> None:
        self._choose(prompts=prompts)

    @Slot()
    def _scroll_to_prompts(self) -> None:
        # The lines have their place only after the page is laid out again.
        QTimer.singleShot(0, self.prompts, lambda: self._page.ensureWidgetVisible(self.prompts))

    @Slot(str, object)
    def _on_expert(self, key: str, value: object) -> None:
        if isinstance(value, tuple):
            value = list(value)
        if key in ("steps", "epochs"):  # one of them gives the length of the run; 0 leaves it to the preset
            self._change(steps=None, epochs=None)
            self._change(**{key: value or None})
            return
        if key == "lora_rank" and not value:
            self._change(lora_alpha=None)
        try:
            check_change(key, value)
        except I3Error as error:
            if "no effect here" not in error.what:
                return
        is_default = key in ("skip_bad_records", "last_blocks", "lora_rank", "val", *READING) and value == default_of(
            key
        )
        self._change(**{key: None if is_default else value})

    @Slot()
    def _reset(self) -> None:
        self._choose(changes={})

    # ----------------------------------------------------------------------------------------------- what is shown

    def entry(self) -> Entry | None:
        """The model to start from."""
        known = {entry.folder: entry for entry in self._entries}
        if self.choices.model and (own := known.get(absolute(self.choices.model))):
            return own
        suggested = known.get(self._suggested) if self._suggested is not None else None
        if suggested is not None and suggested.facts and not suggested.is_trained_here:
            return suggested  # only the user chooses to start from what was trained here
        bundled = bundled_folder()
        return (known.get(bundled) if bundled is not None else None) or next(iter(known.values()), None)

    @Slot()
    def _update_soon(self) -> None:
        if not self._update_timer.isActive():
            self._update_timer.start()

    @Slot()
    def _update(self) -> None:
        self._update_timer.stop()
        choices, entry = self.choices, self.entry()
        changes = choices.in_force
        self._show_model("" if entry is None or entry.what else model_argument(entry))
        if entry is not None and not entry.what:
            read = {key: changes.get(key, default_of(key)) for key in ("loss_on", *READING)}
            self.check.set_model(model_argument(entry), read)
        self.check.set_files(list(choices.data))
        plan = self.plan = make_plan(choices, entry, self.check.sources, self.dry_run.result, self._runs_folder)
        may_measure = plan.can_dry_run and self.isVisible() and not self._busy_with and not self.own.is_editing
        self.dry_run.ask(plan.config if may_measure else None)
        self.model_card.show_model(self._entries, entry, changes)
        share = changes.get("val_share", default_of("val_share"))
        skip = bool(changes.get("skip_bad_records"))
        self.own.show_used(choices.data)
        self.data.show_reading({key: changes.get(key, "") for key in READING})
        self.data.show_sources(self.check.sources, choices.data, skip, share, bool(changes.get("val")), entry is None)
        self.presets.show_choice(choices.preset)
        self._show_expert(plan)
        self._show_estimate(plan)
        count = len(choices.prompts)
        self.prompts_button.show_text(tr("Sample prompts · {count}").format(count=count or tr("none")))
        self.prompts_button.setVisible(bool(choices.data))
        self.foot.show_plan(plan, bool(choices.data), bool(self._busy_with))
        self._start_if_read()

    def _show_model(self, model: str) -> None:
        if model != self._model:
            self._model = model
            self.model_changed.emit(model)

    def _show_expert(self, plan: RunPlan) -> None:
        is_expert = self.choices.preset == "expert"
        if is_expert and self.expert is None:  # created on demand: it has forty rows
            self.expert = ExpertPanel()
            self.expert.changed.connect(self._on_expert)
            self.expert.reset_requested.connect(self._reset)
            self._column.insertWidget(self._column.indexOf(self.about) + 1, self.expert)
        if self.expert is not None:
            self.expert.setVisible(is_expert)
            if is_expert:
                self.expert.show_config(plan.config or self.choices.changes, plan.epochs, bool(self.choices.changes))

    def _show_estimate(self, plan: RunPlan) -> None:
        self.about.setText(plan.about or LABELS[self.choices.preset][1])
        note = ""
        if self._busy_with:
            note = tr("Queued behind {busy_with}. The estimate comes once that finishes.").format(
                busy_with=self._busy_with
            )
        elif self.dry_run.measuring:
            note = tr("Measuring on this machine…")
        elif plan.time and not plan.is_measured:
            note = tr("Rough estimate")
        self.estimate.show_values(plan.time, plan.memory, plan.disk, note, self.dry_run.measuring)
        self.estimate.setVisible(bool(plan.config))

    @Slot()
    def _start(self) -> None:
        self.own.finish()  # what is typed is trained on
        self._starts = True
        self._update()

    def _start_if_read(self) -> None:
        """Start the requested run, unless the data has to be read first."""
        if not self._starts or self.plan.obstacle == STILL_READING:
            return
        self._starts = False
        if not self.plan.obstacle:
            name = self.name.text().strip() or self.plan.name
            self.name.clear()
            self.save()
            self.start_requested.emit(dict(self.plan.config), name)

    # --------------------------------------------------------------------------------------------- events of Qt

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.check.open()
        self._update_soon()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.dry_run.ask(None)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if dropped_paths(event.mimeData()):
            event.acceptProposedAction()
            self.data.show_dragging(True)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self.data.show_dragging(False)

    def dropEvent(self, event: QDropEvent) -> None:
        self.data.show_dragging(False)
        event.acceptProposedAction()
        self.add_data(dropped_paths(event.mimeData()))
