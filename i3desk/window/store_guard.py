"""Keeps the conversations' database usable: stand-in, recovery, moved chats, a file that is gone, daily copies."""

from __future__ import annotations

import logging
from contextlib import closing
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from i3core.errors import I3Error
from i3desk.conversations.store import (
    Store,
    StoreDamagedError,
    backups,
    check,
    copying,
    recovery,
    stand_in,
    tidy,
)
from i3desk.conversations.store.database import explain_errors
from i3desk.language import tr, trn
from i3desk.workers.background import BackgroundJobs

log = logging.getLogger(__name__)
LOOK_EVERY_MS = 2000
TIDY_AFTER_MS = 15_000
COPY_EVERY_MS = 3_600_000  # a copy is made if there is none of the day


class StoreGuard(QObject):
    """Opens the database of conversations, and a stand-in as long as that fails. Slow work is done in the background.

    Attributes:
        store: what all others use; another file is opened in it when the database can be used.
        problem: why the database cannot be used now; None if it can.
    Signals:
        status_changed(what, details, more): Emitted with what to show while something is wrong; empty when all is well.
        said(text): Emitted with a note for the user.
        list_changed: Emitted when the list of conversations must be read again.
        broken(what, remedy): Emitted when the database was found to be damaged.
    """

    status_changed = Signal(str, str, str)
    said = Signal(str)
    list_changed = Signal()
    broken = Signal(str, str)
    _progressed = Signal(float)

    def __init__(self, path: Path, background: BackgroundJobs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._path, self._background = path, background
        self._busy = self._ending = self._has_copy = False
        self.problem: I3Error | None = None
        try:
            self.store = Store.open_at_once(path)
        except I3Error as error:
            log.error("The conversations cannot be used: %s", error)
            self.problem = error
            self.store = self._open_stand_in()
        else:
            self._mark_cut()
        self._timer = QTimer(self, interval=LOOK_EVERY_MS)
        self._timer.timeout.connect(self.look)
        self._copy_timer = QTimer(self, interval=COPY_EVERY_MS)
        self._copy_timer.timeout.connect(self._copy)
        self._progressed.connect(self._show_progress)

    def start(self) -> None:
        """Begin to look after the database. Call after the first paint."""
        self._timer.start()
        self._copy_timer.start()
        QTimer.singleShot(TIDY_AFTER_MS, self, self._tidy)
        if self.problem is not None:
            self._show_problem()
            self.said.emit(
                tr("{problem} Until then, chats are kept in {path}.").format(problem=self.problem, path=self.store.path)
            )
            self.look()
        else:
            self._move_leftovers()

    @property
    def stands_in(self) -> bool:
        """Whether chats are stored in a stand-in now."""
        return self.store.path != self._path

    def unsaved(self) -> tuple[str, str] | None:
        """What is not in the database yet, and where it is instead; None if nothing."""
        try:
            if not self.stands_in or not copying.has_changes(self.store.path):
                return None
        except I3Error as error:
            log.error("The stand-in cannot be read: %s", error)
        return (
            tr("The chats of this session could not be stored in {path}.").format(path=self._path),
            tr("{problem} They are kept in {path}, and added to your chats at a later start.").format(
                problem=self.problem or "", path=self.store.path
            ),
        )

    def shut_down(self) -> None:
        """End the work in the background soon."""
        self._ending = True
        self._timer.stop()
        self._copy_timer.stop()

    def close(self) -> None:
        """Close the database. Call after the threads have ended."""
        path, is_needed = self.store.path, self.unsaved() is not None
        self.store.close()
        if path != self._path and not is_needed:
            stand_in.remove(path)

    # ------------------------------------------------------------------------------------------------- opening

    def _mark_cut(self) -> None:
        try:
            self.store.mark_cut()
        except I3Error as error:  # it can be read, but not written
            self.problem = error
            self.store.close()
            self.store = self._open_stand_in()

    def _open_stand_in(self) -> Store:
        """Open the newest stand-in that an earlier window left, or a new one."""
        for file in reversed(stand_in.stand_ins(self._path)):
            try:
                copying.track(file)  # its window may have been killed before that
                store = Store.open_at_once(file)
                store.mark_cut()
                return store
            except I3Error as error:
                log.error("A stand-in cannot be used: %s", error)
        return Store.open_at_once(stand_in.make(self._path))

    @Slot()
    def look(self) -> None:
        """See whether the database can be opened, or whether the open one was deleted or replaced."""
        if self._busy or self._ending:
            return
        if self.stands_in:
            self._run(self._prepare, self._on_prepared, self._on_not_prepared)
        elif self.store.held:  # moved, but not opened yet
            self._open(self._path)
        elif not self.store.is_in_place():
            self.store.held = True
            self._run(self._write_again, self._on_written_again, self._on_not_written)

    def _run(self, work, done, failed) -> None:
        self._busy = True

        def finish(callback, result) -> None:
            self._busy = False
            callback(result)

        self._background.run(work, partial(finish, done), partial(finish, failed))

    def _prepare(self) -> tuple[Path, str]:
        """Make the database usable, or a copy of it that can be read; in the background."""
        try:
            with explain_errors(self._path):
                return self._path, recovery.make_usable(self._path, self._report, busy_s=0)
        except I3Error as error:
            self.problem = error
            copy = None if self._has_copy or isinstance(error, StoreDamagedError) else stand_in.make_copy(self._path)
            if copy is None:
                raise
            self._has_copy = True
            return copy, ""

    def _report(self, share: float) -> None:
        if self._ending:
            raise I3Error(tr("i3desk was closed."), "")
        self._progressed.emit(share)

    @Slot(float)
    def _show_progress(self, share: float) -> None:
        self.status_changed.emit(
            tr("Recovering your chats: {share:.0%}").format(share=share),
            tr("Their file was damaged. You can chat meanwhile."),
            tr("What can be read in {path} is collected; the damaged file is kept.").format(path=self._path),
        )

    def _show_problem(self) -> None:
        if self.problem is not None:
            self.status_changed.emit(
                tr("Your chats cannot be stored at their place."),
                tr("{remedy} Until then, new chats are kept apart.").format(remedy=self.problem.remedy),
                tr("{problem} Until then, chats are kept in {path}.").format(
                    problem=self.problem, path=self.store.path
                ),
            )

    def _on_not_prepared(self, error: I3Error) -> None:
        self.problem = error
        self._show_problem()

    def _on_prepared(self, result: tuple[Path, str]) -> None:
        target, notice = result
        self.store.held = True
        self._run(partial(self._move, target), partial(self._on_moved, target, notice), self._on_not_moved)

    def _move(self, target: Path) -> tuple[Path, int]:
        """Copy the chats of the stand-in to `target`; jobs that follow then use it. In the background."""
        source = self.store.path
        with closing(Store(target, recover=False)) as store:
            store.mark_cut()
        count = copying.move_over(source, target)
        self.store.path = target
        return source, count

    def _on_moved(self, target: Path, notice: str, result: tuple[Path, int]) -> None:
        source, count = result
        if self._open(target):
            stand_in.remove(source)
            if target == self._path:
                self._has_copy = False
                what = tr("Your chats are stored at their place again.")
                self.said.emit(notice or (what if count else ""))
                self._move_leftovers()

    def _on_not_moved(self, error: I3Error) -> None:
        self.store.held = False
        self._on_not_prepared(error)

    def _open(self, path: Path) -> bool:
        try:
            self.store.switch(path)
        except I3Error as error:
            self._on_not_prepared(error)
            return False
        if path == self._path:
            self.problem = None
            self.status_changed.emit("", "", "")
        else:
            self._show_problem()
        self.list_changed.emit()
        return True

    def _move_leftovers(self) -> None:
        """Add what windows that were killed or closed have left in stand-ins."""
        files = [file for file in stand_in.stand_ins(self._path) if file != self.store.path]
        if files:
            self._background.run(partial(_move_files, files, self._path), self._on_leftovers, log.error)

    def _on_leftovers(self, count: int) -> None:
        if count:
            self.list_changed.emit()
            chats = trn("1 chat", "{n} chats", count)
            self.said.emit(tr("{chats} of an earlier session could be stored now.").format(chats=chats))

    # ------------------------------------------------------------------------------------------ a file that is gone

    def _write_again(self) -> Path | None:
        """Write the deleted or replaced file again; returns where the replacement is kept. In the background."""
        return self.store.write_again()

    def _on_written_again(self, other: Path | None) -> None:
        if self._open(self._path):
            what = (
                tr("replaced by another program; that file is kept: {other}").format(other=other)
                if other
                else tr("deleted by another program")
            )
            self.said.emit(
                tr("The file of your chats was {what}. It was written again, and nothing is lost.").format(what=what)
            )

    def _on_not_written(self, error: I3Error) -> None:
        self.store.held = False
        self.problem = error
        self.status_changed.emit(
            tr("The file of your chats is gone."),
            tr("{error} i3desk keeps trying. Keep it open until then, or export your chats.").format(error=error),
        )

    # ------------------------------------------------------------------------------------------------ maintenance

    def if_in_place(self, work):
        """Call `work` with the path of the database; None without calling if the file was deleted or replaced."""
        return work(self.store.path) if self.store.is_in_place() else None

    def _is_busy(self) -> bool:
        return self._ending or self._background.waiting > 1

    @Slot()
    def _tidy(self) -> None:
        """Check the database, compact its search index and make the daily copy, with the lowest priority."""
        if not self.stands_in:
            self._background.run(partial(self.if_in_place, check), self._on_checked, _ignore)

    def _on_checked(self, sound: bool | None) -> None:
        if sound is False:
            self.broken.emit(
                tr("The database of conversations is damaged."),
                tr("Restart i3desk: it sets the file aside and recovers what can still be read."),
            )
        elif sound:
            work = partial(tidy, cancelled=self._is_busy)
            self._background.run(partial(self.if_in_place, work), _ignore, _ignore)
            self._copy()

    @Slot()
    def _copy(self) -> None:
        if not self.stands_in and not self._ending:
            work = partial(backups.copy_daily, cancelled=self._is_busy)
            self._background.run(partial(self.if_in_place, work), self._on_copied, _ignore)

    def _on_copied(self, complete: bool | None) -> None:
        if complete is False:  # other work was waiting
            QTimer.singleShot(TIDY_AFTER_MS, self, self._copy)


def _move_files(files: list[Path], path: Path) -> int:
    count = 0
    for file in files:
        with closing(Store(file, recover=False)) as store:
            store.mark_cut()
        count += copying.move_over(file, path)
        stand_in.remove(file)
    return count


def _ignore(_result: object) -> None:
    """Failed maintenance is repeated later."""
