"""The Models page: a card for each model, downloads, and the precision to load them in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent, QPalette, QResizeEvent
from PySide6.QtWidgets import QFileDialog, QWidget

from i3core.system.files import free_folder
from i3desk.language import tr
from i3desk.models.catalog import Catalog, Entry, absolute, bundled_folder
from i3desk.models.descriptions import PRECISIONS
from i3desk.models.downloads_panel import Downloads
from i3desk.models.file_task import FileTask
from i3desk.models.model_card import ModelCard, Use
from i3desk.models.model_notes import ModelNotes
from i3desk.models.one_file import OneFile, is_one_file
from i3desk.paths import Paths
from i3desk.style.icons import IconPushButton
from i3desk.style.theme import Theme
from i3desk.widgets.basics import (
    PAGE_MARGIN,
    Notice,
    add,
    button,
    centred,
    column_in,
    label,
    named,
    page_header,
    row,
    scroll_page,
)
from i3desk.widgets.card_grid import CardGrid
from i3desk.widgets.drop_card import DropCard, dropped_paths
from i3desk.widgets.elided_label import ElidedLabel
from i3desk.widgets.plain_text import tooltip_text
from i3desk.widgets.segmented_control import SegmentedControl
from i3desk.workers.background import BackgroundJobs

WIDEST = 1200
UPDATE_MS = 30
NEW_CARDS_AT_ONCE = 1  # so that many models do not block the window


class ModelsPage(QWidget):
    """Shows a Catalog. The window loads models: the page emits requests, and the `show_` slots update it.

    Signals:
        use_requested(folder, precision): Emitted to load a model; the folder is None for the bundled one.
        unload_requested: Emitted to unload the model in use.
        precision_chosen(precision): Emitted when the user chose the precision of models.
    """

    use_requested = Signal(object, str)
    unload_requested = Signal()
    precision_chosen = Signal(str)

    def __init__(
        self,
        catalog: Catalog,
        background: BackgroundJobs,
        paths: Paths,
        theme: Theme,
        precision: str = "float32",
        download_environment: Mapping[str, str] | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("wide")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAcceptDrops(True)
        self.catalog = catalog
        self.precision = precision if precision in PRECISIONS else "float32"
        self.cards: dict[Path, ModelCard] = {}
        self._background = background
        self._paths = paths
        self._theme = theme
        self._environment = download_environment
        self._loading: Path | None = None
        self._stage = ""
        self._loaded: Path | None = None
        self._loaded_precision = ""
        self._to_show: Path | None = None

        self._update_timer = QTimer(self, interval=UPDATE_MS, singleShot=True)
        self._update_timer.timeout.connect(self._update)
        self._build()
        catalog.changed.connect(self._update_soon)
        catalog.added.connect(self._on_added)
        catalog.failed.connect(self._on_add_failed)
        catalog.delete_failed.connect(self._on_delete_failed)
        self._update_soon()

    # ------------------------------------------------------------------ updates by the window

    @Slot(object, str)
    def show_loading(self, folder: str | None, stage: str = "") -> None:
        """Show that a model is being loaded, and the stage of it."""
        self._loading, self._stage = _path(folder), stage
        self._show_use()

    @Slot(object, str)
    def show_loaded(self, folder: str | None, precision: str) -> None:
        """Show which model is in use."""
        self._loading, self._loaded, self._loaded_precision = None, _path(folder), precision
        self._show_use()

    @Slot(object, str, str)
    def show_load_failed(self, folder: str | None, what: str, remedy: str) -> None:
        """Show why a model could not be loaded; the previous one stays in use."""
        self._loading = None
        self._show_use()
        path = _path(folder)
        card = self.cards.get(path) if path is not None else None
        if card is not None:
            card.show_load_failed(what, remedy)
        else:
            self.notice.show_error(what, remedy)

    @Slot()
    def show_unloaded(self) -> None:
        """Show that no model is in use."""
        self._loading = self._loaded = None
        self._show_use()

    @Slot(str)
    def choose_precision(self, precision: str) -> None:
        """Show the precision in which models are loaded."""
        self.precision = precision
        self.precision_choice.show_choice(precision)
        self.precision_hint.setText(PRECISIONS[precision][1])
        self.precision_hint.setToolTip(tooltip_text(PRECISIONS[precision][1]))
        self._show_use()

    def shut_down(self) -> None:
        """Kill the children; downloads can be continued later. Blocks; call only after the event loop."""
        self.downloads.shut_down()
        for card in self.cards.values():
            card.task.shut_down()

    # ------------------------------------------------------------------ construction

    def _build(self) -> None:
        self.add_button = button(tr("Add folder…"), tr("Add a model folder to the list; its files are not moved"))
        self.add_button.clicked.connect(self._ask_for_folder)
        self.download_button = IconPushButton(tr(" Download…"))
        self.download_button.setProperty("kind", "primary")
        self.download_button.set_icon("download", QPalette.ColorRole.HighlightedText, 14)
        self.download_button.setAccessibleName(tr("Download"))
        self.download_button.setToolTip(tooltip_text(tr("Download a model from the hub")))
        self.download_button.clicked.connect(self.open_download)

        self.precision_choice = SegmentedControl(tr("Precision"), PRECISIONS)
        self.precision_choice.setFixedWidth(352)
        self.precision_choice.chosen.connect(self._on_precision_chosen)
        self.precision_hint = ElidedLabel(tone="muted", grade="small")
        precision_label = label(tr("Precision"), tone="muted", grade="small")
        precision_row = row(precision_label, self.precision_choice, (self.precision_hint, 1), spacing=12)

        self.notice = Notice(dismissible=True)
        self.downloads = Downloads(self._paths.models_folder, self._background, self._environment)
        self.downloads.downloaded.connect(self._on_downloaded)
        self.downloads.closed.connect(self.download_button.setFocus)
        self.notes = ModelNotes(self.catalog, self)
        self.one_file = OneFile(self.catalog, self._background, self._paths.models_folder, self)
        self.one_file.doing.connect(self._on_packing)
        self.one_file.exported.connect(self._on_packed)
        self.one_file.export_failed.connect(self._on_delete_failed)
        self.one_file.imported.connect(self._on_downloaded)
        self.one_file.failed.connect(self._on_add_failed)
        self.grid = CardGrid()
        self.drop_card = DropCard()
        self.grid.show_cards([self.drop_card])

        self._content = named(QWidget(), "backdropColumn")
        column_in(
            self._content,
            precision_row,
            self.notice,
            self.downloads,
            self.grid,
            None,
            margins=(0, 20, 0, 24),
            spacing=16,
        )
        self.scroll_area = scroll_page(centred(self._content, WIDEST))
        outer = column_in(self)
        tools = row(label(tr("Models"), grade="title"), None, self.add_button, self.download_button)
        add(outer, page_header(tools), (self.scroll_area, 1))
        self.choose_precision(self.precision)

    # ------------------------------------------------------------------ cards

    @Slot()
    def _update_soon(self) -> None:
        if not self._update_timer.isActive():
            self._update_timer.start()

    @Slot()
    def _update(self) -> None:
        entries = self.catalog.entries
        folders = {entry.folder for entry in entries}
        for folder in [folder for folder in self.cards if folder not in folders]:
            card = self.cards.pop(folder)
            card.hide()
            card.task.shut_down()
            card.deleteLater()
        made = 0
        for entry in entries:
            if entry.folder in self.cards:
                self.cards[entry.folder].show_entry(entry)
            elif made < NEW_CARDS_AT_ONCE:
                self.cards[entry.folder] = self._card(entry)
                made += 1
            else:
                self._update_soon()
        shown = [self.cards[entry.folder] for entry in entries if entry.folder in self.cards]
        self.grid.show_cards([*shown, self.drop_card])
        self._show_use()
        if self._to_show in self.cards:
            self._bring_into_view(self.cards[self._to_show])
            self._to_show = None

    def _card(self, entry: Entry) -> ModelCard:
        card = ModelCard(entry, FileTask(self._background), self._theme, self.grid)
        card.use_requested.connect(self._use)
        card.unload_requested.connect(self.unload_requested)
        card.remove_requested.connect(self.catalog.remove)
        card.delete_requested.connect(self.catalog.delete)
        card.convert_requested.connect(self._convert)
        card.export_requested.connect(self._ask_where_to_export)
        card.file_requested.connect(self.one_file.ask_where)
        card.rename_requested.connect(self.notes.ask_name)
        card.note_requested.connect(self.notes.ask_note)
        card.refresh_requested.connect(self.catalog.refresh)
        card.resized.connect(self.grid.arrange)
        card.task.copied.connect(self._on_copied)
        return card

    def _show_use(self) -> None:
        for folder, card in self.cards.items():
            if folder == self._loading:
                card.show_use(Use.LOADING, self.precision, stage=self._stage)
            elif folder == self._loaded:
                card.show_use(Use.LOADED, self.precision, self._loaded_precision)
            else:
                card.show_use(Use.NONE, self.precision)

    def _bring_into_view(self, card: QWidget) -> None:
        self.grid.arrange()
        self.scroll_area.ensureWidgetVisible(card)
        if isinstance(card, ModelCard):
            card.use_button.setFocus()

    @Slot(str)
    def _use(self, folder: str) -> None:
        bundled = bundled_folder()
        self.use_requested.emit(None if bundled is not None and Path(folder) == bundled else folder, self.precision)

    @Slot(str)
    def _on_precision_chosen(self, precision: str) -> None:
        self.choose_precision(precision)
        self.precision_chosen.emit(precision)

    # ------------------------------------------------------------------ folders

    @Slot()
    def _ask_for_folder(self) -> None:
        dialog = self._folder_dialog(tr("Add a model folder"))
        dialog.fileSelected.connect(self.catalog.add_folder)
        dialog.open()

    def _folder_dialog(self, title: str) -> QFileDialog:
        dialog = QFileDialog(self, title)
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        return dialog

    @Slot(str)
    def _on_added(self, folder: str) -> None:
        self.notice.hide()
        self._to_show = Path(folder)
        self._update_soon()

    @Slot(str, str)
    def _on_add_failed(self, what: str, remedy: str) -> None:
        self.notice.show_error(what, remedy)
        self.scroll_area.ensureVisible(0, 0)

    @Slot(str, str, str)
    def _on_delete_failed(self, folder: str, what: str, remedy: str) -> None:
        card = self.cards.get(Path(folder))
        if card is not None:
            card.show_delete_failed(what, remedy)

    @Slot(str)
    def _convert(self, folder: str) -> None:
        card = self.cards[Path(folder)]
        facts = card.entry.facts
        if facts is None:
            return
        target = self._free_folder(self._paths.models_folder, f"{card.entry.folder.name}-safetensors")
        card.task.convert(facts, card.entry.folder, target, "safetensors")

    @Slot(str)
    def _ask_where_to_export(self, folder: str) -> None:
        dialog = self._folder_dialog(tr("Export into a new folder in…"))
        self._exporting = Path(folder)
        dialog.fileSelected.connect(self._on_export_folder)
        dialog.open()

    @Slot(str, str)
    def _on_packing(self, folder: str, text: str) -> None:
        card = self.cards.get(Path(folder))
        if card is not None:
            card.show_work(text)

    @Slot(str, str)
    def _on_packed(self, folder: str, file: str) -> None:
        card = self.cards.get(Path(folder))
        if card is not None:
            card.show_result(tr("Saved as {file}.").format(file=file))

    @Slot(str)
    def _on_export_folder(self, parent: str) -> None:
        self.export(self._exporting, Path(parent))

    def export(self, folder: Path, parent: Path) -> None:
        """Copy a model in the public layout to a new folder in `parent`."""
        card = self.cards.get(folder)
        if card is not None and card.entry.facts is not None:  # otherwise it was removed while the dialog was open
            target = self._free_folder(parent, f"{folder.name}-public")
            card.task.convert(card.entry.facts, folder, target, "public")

    def _free_folder(self, parent: Path, name: str) -> Path:
        """A folder that does not exist and is not the target of a running task."""
        return free_folder(parent, name, {card.task.target for card in self.cards.values() if card.task.running})

    @Slot(str)
    def _on_copied(self, folder: str) -> None:
        if Path(folder).parent == self._paths.models_folder:
            self.catalog.refresh()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if dropped_paths(event.mimeData()):
            event.acceptProposedAction()
            self.drop_card.show_dragging(True)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self.drop_card.show_dragging(False)

    def dropEvent(self, event: QDropEvent) -> None:
        self.drop_card.show_dragging(False)
        self.add_dropped(dropped_paths(event.mimeData()))

    def add_dropped(self, paths: list[Path]) -> None:
        """Add dropped folders or files; a model that is one file is unpacked."""
        for path in paths:
            if is_one_file(path):
                self.one_file.import_file(path)
            else:
                self.catalog.add_folder(path)

    # ------------------------------------------------------------------ downloads

    @Slot()
    def open_download(self) -> None:
        """Show the form that asks for a model to download."""
        self.downloads.open()
        self.scroll_area.ensureVisible(0, 0)

    @Slot(str)
    def _on_downloaded(self, folder: str) -> None:
        self._to_show = Path(folder) if folder else None
        self.catalog.refresh()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._content.setMinimumWidth(min(WIDEST, self.width() - 2 * PAGE_MARGIN - 16))


def _path(folder: str | None) -> Path | None:
    return bundled_folder() if folder is None else absolute(folder)
