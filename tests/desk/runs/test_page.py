"""The Runs page as its user meets it: real run folders, the real object behind them, real clicks and keys."""

from __future__ import annotations

import dataclasses
import json
import math
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPersistentModelIndex, QRect, QRectF, Qt
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import QAbstractButton, QApplication, QLineEdit, QScrollArea
from run_folders import append_losses, write_run

from i3core.runs.folder import RunFolder
from i3core.runs.index import register
from i3core.runs.reader import RunState, RunStatus, RunSummary
from i3desk.curves.sparkline import evenly, sparkline_points
from i3desk.paths import Paths
from i3desk.runs.controller import RunController
from i3desk.runs.labels import STATE_WORDS, state_text, tone_of
from i3desk.runs.list_delegate import row_layout
from i3desk.runs.list_model import ORDERS, SUMMARY_ROLE, RunListModel, arranged
from i3desk.runs.page import RunsPage
from i3desk.runs.run_facts import facts_of
from i3desk.style.theme import Theme
from i3desk.workers.background import BackgroundJobs

DAY = 86_400
START = 1_700_000_000.0


@pytest.fixture
def here(tmp_path, monkeypatch) -> Paths:
    monkeypatch.setenv("I3DESK_RUNS_FILE", str(tmp_path / "runs.json"))
    return Paths.under(tmp_path / "user")


@pytest.fixture
def three(here) -> list[Path]:
    """Newest first: greedy failed, butler is running, pirate is finished."""
    runs = here.runs_folder
    error = "There is not enough memory for a step."
    greedy = write_run(runs / "greedy", state="failed", error=error, started=START + 2 * DAY, lr=1e-2)
    (greedy / "trainer.log").write_text("reading data\nalloc_cpu.cpp: can't allocate memory\n")
    return [
        greedy,
        write_run(
            runs / "butler", state="running", val_losses=(2.5,), started=START + DAY, data=["/data/butler.jsonl"]
        ),
        write_run(runs / "pirate", val_losses=(3.0, 1.71), started=START, note="for the demo"),
    ]


@pytest.fixture
def open_page(qtbot, qapp, here):
    """Opens the page; waits until as many runs are listed as there are folders."""
    opened = []

    def open_(count: int | None = 3, width: int = 1208) -> RunsPage:
        background = BackgroundJobs()
        runs = RunController(here, background)
        page = RunsPage(runs, Theme(qapp, "light"), background, here.runs_folder)
        page.runs = runs
        qtbot.addWidget(page)
        opened.append((page, background))
        page.resize(width, 700)
        page.show()
        qtbot.waitExposed(page)
        if count is not None:
            qtbot.waitUntil(lambda: page.model.rowCount() == count)
        return page

    yield open_
    for page, background in opened:
        page.hide()
        with qtbot.waitSignal(background.stopped, timeout=60_000):
            background.shut_down()


@pytest.fixture
def page(three, open_page) -> RunsPage:
    return open_page()


def names(page) -> list[str]:
    return [page.model.index(row).data() for row in range(page.model.rowCount())]


def chosen(page) -> list[str]:
    return [summary.name for summary in page.list.chosen()]


def click(qtbot, page, folder, modifier=Qt.KeyboardModifier.NoModifier, on_check=False):
    row = page.list.visualRect(page.model.index_of(folder))
    place = page.painter.check_rect(row).center() if on_check else row_layout(row).text.center()
    qtbot.mouseClick(page.list.viewport(), Qt.MouseButton.LeftButton, modifier, place)


def press(qtbot, button):
    assert button.isVisible()
    assert button.isEnabled()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def wait_for_details(qtbot, page, folder):
    qtbot.waitUntil(lambda: page.details.isVisible() and page.details.summary.folder == folder)
    qtbot.waitUntil(lambda: "On the disk" in page.details.facts.values)


# ------------------------------------------------------------------ the list


def test_all_runs_are_listed_newest_first_with_state_and_best_loss(page):
    assert names(page) == ["greedy", "butler", "pirate"]
    spoken = [page.model.index(row).data(Qt.ItemDataRole.AccessibleTextRole) for row in range(3)]
    assert spoken[0].startswith("greedy, failed, i3-mini trained on pirate.jsonl, training loss 2.50, 6 s spent")
    assert spoken[1].startswith("butler, running 0 %, i3-mini trained on butler.jsonl, best loss 2.50")
    assert spoken[2].startswith("pirate, finished, i3-mini trained on pirate.jsonl, best loss 1.71")
    assert page.count.text() == "3"


def test_search_finds_names_notes_data_and_states_and_says_when_nothing_is_found(qtbot, page):
    page.list.setFocus()
    qtbot.keyClicks(page.list, "demo")  # typed in the list, meant for the search
    qtbot.waitUntil(lambda: names(page) == ["pirate"])
    assert page.count.text() == "1 of 3"
    for words, found in (("butler.jsonl", ["butler"]), ("FAILED greedy", ["greedy"]), ("running", ["butler"])):
        page.search.setText(words)
        qtbot.waitUntil(lambda found=found: names(page) == found)
    page.search.setText("flute")
    qtbot.waitUntil(page.note.isVisible)
    assert "flute" in page.note.text.text()
    assert not page.note.train_button.isVisible()
    qtbot.keyClick(page.search, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: len(names(page)) == 3)


def test_runs_are_sorted_by_loss_and_name(qtbot, page):
    press(qtbot, page.sorting.buttons["best"])
    assert names(page) == ["pirate", "butler", "greedy"]
    press(qtbot, page.sorting.buttons["name"])
    assert names(page) == ["butler", "greedy", "pirate"]


def test_without_runs_the_page_leads_to_training(qtbot, open_page):
    page = open_page(count=None)
    assert not page.note.isVisible()  # they may still be read
    qtbot.waitUntil(page.note.isVisible)
    with qtbot.waitSignal(page.train_requested):
        press(qtbot, page.note.train_button)


def test_what_a_trainer_writes_is_shown_without_touching_choice_or_place(qtbot, three, page):
    click(qtbot, page, three[2])
    wait_for_details(qtbot, page, three[2])
    append_losses(three[1], [2.0] * 197, first_step=4)
    RunFolder(three[1]).write_status("running", 200)
    index = page.model.index_of(three[1])
    qtbot.waitUntil(lambda: state_text(index.data(SUMMARY_ROLE)) == "running 50 %", timeout=10_000)
    assert chosen(page) == ["pirate"]
    RunFolder(three[1]).write_status("finished", 400)
    qtbot.waitUntil(lambda: state_text(index.data(SUMMARY_ROLE)) == "finished", timeout=10_000)


def test_runs_above_come_and_go_and_the_rows_on_screen_stay(qtbot, here, open_page):
    for number in range(30):
        write_run(here.runs_folder / f"run-{number:02}", started=START + number)
    page = open_page(count=30)
    page.list.choose(here.runs_folder / "run-05")
    qtbot.waitUntil(lambda: page.list.verticalScrollBar().value() > 0)
    qtbot.waitUntil(lambda: page.details.isVisible() or page.comparison.isVisible())
    before = page.list.visualRect(page.model.index_of(here.runs_folder / "run-05"))
    write_run(here.runs_folder / "newest", started=START + DAY)
    qtbot.waitUntil(lambda: page.model.rowCount() == 31, timeout=10_000)
    assert page.list.visualRect(page.model.index_of(here.runs_folder / "run-05")) == before
    assert chosen(page) == ["run-05"]


# ------------------------------------------------------------------ details


def test_a_click_shows_everything_about_a_run(qtbot, three, page):
    click(qtbot, page, three[2])
    wait_for_details(qtbot, page, three[2])
    facts = {name: value.text() for name, value in page.details.facts.values.items()}
    assert facts["Best loss"] == "1.71 (perplexity 5.5) at step 2"
    assert facts["Data"] == "pirate.jsonl  (61.0 kB)"
    assert facts["Versions"] == "i3core 0.1.0, torch 2.10.0"
    assert facts["On the disk"] == "1.5 MB"
    assert facts["Folder"] == str(three[2])
    assert {name: value.text() for name, value in page.details.settings.values.items()} == {
        "Steps": "400  (default: by epochs)"
    }
    assert page.details.note.toPlainText() == "for the demo"
    assert not page.details.trouble.isVisible()
    bar = page.details.findChild(QScrollArea).verticalScrollBar()
    bar.setValue(bar.maximum())
    assert page.details.note.visibleRegion().boundingRect() == page.details.note.rect()  # the last thing, at the end
    assert not page.details.resume_button.isVisible()


def test_a_failed_run_says_why_in_its_last_words_and_can_be_resumed(qtbot, monkeypatch, three, page):
    click(qtbot, page, three[0])
    wait_for_details(qtbot, page, three[0])
    assert page.details.trouble.log_tail.toPlainText().startswith("reading data")
    assert page.details.trouble.what.text() == "There is not enough memory for a step."
    press(qtbot, page.details.trouble.copy_button)
    assert "allocate" in QApplication.clipboard().text()
    resumed = []
    monkeypatch.setattr(page.runs, "resume", resumed.append)  # a trainer of its own is tested with Runs
    press(qtbot, page.details.resume_button)
    assert resumed == [three[0]]


def test_a_run_is_opened_talked_to_and_trained_again(qtbot, three, page):
    click(qtbot, page, three[2])
    wait_for_details(qtbot, page, three[2])
    for button, signal in (
        (page.details.show_button, page.open_requested),
        (page.details.export_button, page.open_requested),
        (page.details.chat_button, page.chat_requested),
        (page.details.again_button, page.again_requested),
    ):
        with qtbot.waitSignal(signal) as asked:
            press(qtbot, button)
        assert asked.args == [str(three[2])]
    with qtbot.waitSignal(page.open_requested):
        qtbot.keyClick(page.list, Qt.Key.Key_Return)
    with qtbot.waitSignal(page.open_requested) as asked:
        click(qtbot, page, three[0])
        row = page.list.visualRect(page.model.index_of(three[0]))
        qtbot.mouseDClick(page.list.viewport(), Qt.MouseButton.LeftButton, pos=row_layout(row).text.center())
    assert asked.args == [str(three[0])]


def test_a_note_is_kept_when_the_user_turns_to_another_run(qtbot, three, page):
    click(qtbot, page, three[2])
    wait_for_details(qtbot, page, three[2])
    page.details.note.setFocus()
    page.details.note.selectAll()
    qtbot.keyClicks(page.details.note, "the best so far")
    click(qtbot, page, three[0])
    wait_for_details(qtbot, page, three[0])
    assert page.details.note.toPlainText() == ""
    note = three[2] / "notes.json"
    qtbot.waitUntil(lambda: json.loads(note.read_text())["note"] == "the best so far")


def test_a_run_is_renamed_in_the_list_and_in_the_details(qtbot, three, page):
    click(qtbot, page, three[2])
    wait_for_details(qtbot, page, three[2])
    qtbot.keyClick(page.list, Qt.Key.Key_F2)
    editor = page.list.findChild(QLineEdit, "titleEditor")
    editor.selectAll()
    qtbot.keyClicks(editor, "Captain")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "Captain" in names(page))
    assert page.details.name.text() == "Captain"
    page.details.start_rename()
    qtbot.keyClicks(page.details.name, "nobody")
    qtbot.keyClick(page.details.name, Qt.Key.Key_Escape)
    assert page.details.name.text() == "Captain"
    page.details.start_rename()
    qtbot.keyClicks(page.details.name, "Admiral")
    qtbot.keyClick(page.details.name, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "Admiral" in names(page))
    assert three[2].is_dir()  # the folder keeps its name


# ------------------------------------------------------------------ removing


def test_deleting_says_what_it_frees_asks_in_place_and_deletes(qtbot, three, page):
    click(qtbot, page, three[2])
    qtbot.waitUntil(lambda: chosen(page) == ["pirate"])
    qtbot.keyClick(page.list, Qt.Key.Key_Delete)
    assert page.question.isVisible()
    assert page.question.what.text() == "Delete “pirate”?"
    qtbot.waitUntil(lambda: "(1.5 MB) stay" in page.question.details.text())
    press(qtbot, page.question.no_button)
    assert not page.question.isVisible()
    assert three[2].is_dir()
    qtbot.keyClick(page.list, Qt.Key.Key_Delete)
    press(qtbot, page.question.yes_button)
    qtbot.waitUntil(lambda: names(page) == ["greedy", "butler"])
    assert not three[2].exists()
    assert not page.details.isVisible()


def test_a_run_that_trains_is_not_deleted_alone_nor_with_others(qtbot, three, page):
    click(qtbot, page, three[1])
    qtbot.waitUntil(lambda: chosen(page) == ["butler"])
    qtbot.keyClick(page.list, Qt.Key.Key_Delete)
    assert not page.question.yes_button.isVisible()
    assert "Stop the training first" in page.question.details.text()
    qtbot.keyClick(page.question.no_button, Qt.Key.Key_Escape)
    qtbot.keyClick(page.list, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(page.list, Qt.Key.Key_Delete)
    assert page.question.what.text() == "Delete 2 runs?"
    assert "still training: kept" in page.question.details.text()
    press(qtbot, page.question.yes_button)
    qtbot.waitUntil(lambda: names(page) == ["butler"], timeout=10_000)
    assert three[1].is_dir()


def test_a_run_elsewhere_is_only_taken_off_the_list(qtbot, tmp_path, open_page):
    folder = write_run(tmp_path / "elsewhere" / "mine")
    register(folder)
    page = open_page(count=1)
    click(qtbot, page, folder)
    qtbot.waitUntil(lambda: chosen(page) == ["mine"])
    qtbot.keyClick(page.list, Qt.Key.Key_Delete)
    assert page.question.what.text() == "Take “mine” off this list?"
    press(qtbot, page.question.yes_button)
    qtbot.waitUntil(lambda: page.model.rowCount() == 0, timeout=10_000)
    assert (folder / "metrics.jsonl").is_file()


def test_the_question_ends_when_its_run_is_gone(qtbot, three, page):
    page.list.choose(three[2])
    page.ask_removal()
    page.runs.delete(three[2])
    qtbot.waitUntil(lambda: not page.question.isVisible(), timeout=10_000)


# ------------------------------------------------------------------ several


def test_check_boxes_ctrl_and_space_choose_several_to_compare(qtbot, three, page):
    click(qtbot, page, three[0])
    click(qtbot, page, three[1], on_check=True)
    assert chosen(page) == ["greedy", "butler"]
    click(qtbot, page, three[2], Qt.KeyboardModifier.ControlModifier)
    assert chosen(page) == ["greedy", "butler", "pirate"]
    qtbot.keyClick(page.list, Qt.Key.Key_Space)
    assert chosen(page) == ["greedy", "butler"]
    qtbot.waitUntil(page.comparison.isVisible)
    qtbot.waitUntil(lambda: page.comparison.plot is not None and len(page.comparison.curves) == 2)
    assert page.comparison.title.text() == "Comparing 2 runs"
    assert page.painter.colours.keys() == {three[0], three[1]}
    assert len(set(page.painter.colours.values())) == 2  # their check marks are the legend
    qtbot.keyClick(page.list, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not page.comparison.isVisible())
    assert page.painter.colours == {}


@pytest.mark.parametrize("count", [1, 2])
def test_the_page_fits_the_smallest_window(qtbot, three, open_page, count):
    page = open_page(width=1208)
    for folder in three[:count]:
        click(qtbot, page, folder, on_check=True)
    qtbot.waitUntil(lambda: page.details.isVisible() or page.comparison.isVisible())
    page.resize(828, 540)
    qtbot.waitUntil(lambda: (page.width(), page.height()) == (828, 540))
    side = page.details if count == 1 else page.comparison
    assert side.mapTo(page, side.rect().bottomRight()).x() < page.width()
    assert page.list.width() >= 250


# ------------------------------------------------------------------ keyboard and screen readers


def test_the_keyboard_goes_from_the_search_through_list_and_details(qtbot, three, page):
    page.search.setFocus()
    qtbot.keyClick(page.search, Qt.Key.Key_Down)
    assert page.list.hasFocus()
    assert chosen(page) == ["greedy"]
    qtbot.keyClick(page.list, Qt.Key.Key_Down)
    assert chosen(page) == ["butler"]
    wait_for_details(qtbot, page, three[1])
    qtbot.keyClick(page.list, Qt.Key.Key_Tab)
    assert page.details.isAncestorOf(QApplication.focusWidget())
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Escape)
    assert page.list.hasFocus()
    assert chosen(page) == []


def test_everything_to_operate_has_a_name_and_a_tooltip(qtbot, three, page):
    for folder in three:
        click(qtbot, page, folder, on_check=True)
    qtbot.waitUntil(lambda: page.comparison.plot is not None)
    for widget in page.findChildren(QAbstractButton):
        if widget.parent() is page.comparison.table:  # its corner, which does nothing
            continue
        assert widget.accessibleName() or widget.text(), widget
        assert widget.toolTip() or widget.parent() is page.search, widget.accessibleName()
    row = QAccessible.queryAccessibleInterface(page.list).child(0)
    assert row.text(QAccessible.Text.Name).startswith("greedy, failed")


# ------------------------------------------------------------------ the parts by themselves


def summary(name: str, started: float = 0.0, best: float | None = None, loss: float | None = None, **more):
    status = more.pop("status", RunStatus(RunState.FINISHED))
    return RunSummary(Path("/runs") / name, name, "", status, started=started, best_val_loss=best, loss=loss, **more)


def test_every_state_has_words_and_a_colour(qapp):
    tokens = Theme(qapp, "light").tokens
    for state in RunState:
        assert STATE_WORDS[state]
        assert getattr(tokens, tone_of(state)).startswith("#")


@pytest.mark.parametrize(
    ("state", "step", "total", "words"),
    [
        (RunState.RUNNING, 310, 500, "running 62 %"),
        (RunState.RUNNING, 499_999, 500_000, "running 99 %"),
        (RunState.RUNNING, 5, 0, "running"),
        (RunState.INTERRUPTED, 100, 400, "stopped 25 %"),
        (RunState.FINISHED, 400, 400, "finished"),
        (RunState.DIED, 3, 400, "ended unexpectedly"),
    ],
)
def test_a_state_in_words(state, step, total, words):
    assert state_text(summary("a", status=RunStatus(state), step=step, total_steps=total)) == words


def test_waiting_runs_are_the_newest_and_runs_without_a_loss_the_worst():
    runs = [
        summary("old", 1.0, best=2.0),
        summary("new", 2.0, loss=0.1),
        summary("waiting", status=RunStatus(RunState.QUEUED)),
        summary("nan", 3.0, best=math.nan),
    ]
    assert [each.name for each in arranged(runs)] == ["waiting", "nan", "new", "old"]
    assert [each.name for each in arranged(runs, order="best")] == ["old", "nan", "new", "waiting"]


@given(st.lists(st.lists(st.integers(0, 12), unique=True, max_size=10), min_size=1, max_size=6), st.data())
def test_rows_change_in_place_and_every_index_stays_with_its_run(orders, data):
    model = RunListModel()
    model.show([summary(str(n)) for n in orders[0]])
    watched = {n: QPersistentModelIndex(model.index(row)) for row, n in enumerate(orders[0])}
    for order in orders[1:]:
        losses = {n: data.draw(st.floats(0, 9)) for n in order}
        model.show([summary(str(n), loss=losses[n]) for n in order])
        assert [model.index(row).data() for row in range(model.rowCount())] == [str(n) for n in order]
        assert [model.index(row).data(SUMMARY_ROLE).loss for row in range(len(order))] == [losses[n] for n in order]
        for n, index in watched.items():
            assert not index.isValid() or index.row() == order.index(n)
        gone = [n for n in watched if n not in order]
        for n in gone:
            assert not watched.pop(n).isValid()


@given(st.lists(st.floats(), max_size=60))
def test_a_sparkline_stays_in_its_room_and_keeps_its_highest_and_lowest(values):
    room = QRectF(10, 20, 120, 30)
    points = sparkline_points(evenly(values), room)
    known = [value for value in values if math.isfinite(value)]
    assert len(points) == len(known)
    for point in points:
        assert room.left() - 1e-6 <= point.x() <= room.right() + 1e-6
        assert room.top() - 1e-6 <= point.y() <= room.bottom() + 1e-6
    if known and max(known) / 2 > min(known) / 2:
        assert points[known.index(max(known))].y() == pytest.approx(room.top())
        assert points[known.index(min(known))].y() == pytest.approx(room.bottom())


@given(st.integers(250, 2000))
def test_the_columns_of_a_row_never_overlap(width):
    places = row_layout(QRect(0, 100, width, 52))
    parts = [part for part in dataclasses.astuple(places) if part]
    for left, right in pairwise(parts):
        assert left.right() < right.left()
    assert parts[-1].right() <= width
    assert places.text.width() > 80


def test_facts_leave_out_what_is_not_known_and_survive_a_strange_run_json():
    nothing = facts_of(summary("a"), {}, None)
    assert [name for name, _, _ in nothing] == ["Folder"]
    strange = {"data": [3, {"bytes": 1}], "resumed": "yes", "versions": [], "parameters": "many"}
    assert facts_of(summary("a"), strange, None) == nothing
    many = {"data": [{"file": f"/data/{n}.txt", "bytes": n} for n in range(20)]}
    facts = {name: value for name, value, _ in facts_of(summary("a"), many, 0)}
    assert len(facts["Data"].splitlines()) == 8
    assert facts["Data"].endswith("and 13 more")
    assert set(ORDERS) == {"newest", "best", "name"}
