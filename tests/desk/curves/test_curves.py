"""The curves of a run: what a user sees, points at, hides, zooms and saves."""

from __future__ import annotations

import csv
import json
import math
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from curve_parts import evaluation, part
from paths import REPOSITORY
from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, QRect, Qt
from PySide6.QtGui import QColor, QImage, QWheelEvent
from PySide6.QtWidgets import QApplication, QMenu, QWidget

from i3core.runs.reader import RunState, RunStatus, RunSummary
from i3desk.curves import number_format
from i3desk.curves.dashboard import CurvesDashboard
from i3desk.curves.header import SMOOTHINGS
from i3desk.curves.panel import LOADING, NOTHING_YET, CurvesPanel
from i3desk.curves.progress import RunProgress
from i3desk.style.palette import DARK, LIGHT
from i3desk.style.theme import Theme
from i3desk.workers.background import BackgroundJobs

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def theme(qapp):
    theme = Theme(qapp, "light")
    yield theme
    theme.choose("light")


@pytest.fixture
def background(qtbot):
    jobs = BackgroundJobs()
    yield jobs
    with qtbot.waitSignal(jobs.stopped, timeout=60_000):
        jobs.shut_down()


class WindowWatch(QObject):
    """Notes what comes up as a window of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[QWidget] = []

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Show and isinstance(watched, QWidget) and watched.isWindow():
            self.shown.append(watched)
        return False


def test_only_what_was_asked_for_comes_up_as_a_window(qtbot, qapp, theme, background):
    watch = WindowWatch()
    qapp.installEventFilter(watch)
    panel = CurvesPanel(theme, background)
    qtbot.addWidget(panel)
    panel.show()
    qtbot.waitUntil(lambda: panel.dashboard is not None and panel.dashboard.plot is not None)
    qapp.removeEventFilter(watch)
    assert watch.shown == [panel]


@pytest.fixture
def panel(qtbot, theme, background) -> CurvesPanel:
    """On screen, with its plot loaded."""
    panel = CurvesPanel(theme, background)
    qtbot.addWidget(panel)
    panel.resize(860, 410)
    with qtbot.waitExposed(panel):
        panel.show()
    qtbot.waitUntil(lambda: panel.dashboard is not None and panel.dashboard.plot is not None)
    return panel


@pytest.fixture
def shown(panel) -> CurvesDashboard:
    """A run of 60 steps of 100, evaluated three times; the second was the best."""
    told = [evaluation(0, 4.0), evaluation(30, 1.71, best=True), evaluation(60, 1.9)]
    panel.add(part(60, evaluations=told))
    panel.show_summary(summary(60, 100))
    panel.dashboard.refresh()
    panel.dashboard.plot.draw()
    return panel.dashboard


def summary(step: int, total: int, state: RunState = RunState.RUNNING, folder: str = "run") -> RunSummary:
    status = RunStatus(state, step)
    return RunSummary(Path(folder), "pirate", "", status, config={"epochs": 5.0}, step=step, total_steps=total)


def colours(image: QImage, area: QRect) -> set[str]:
    pixels = image.copy(area).convertToFormat(QImage.Format.Format_RGB32)
    return {f"#{each & 0xFFFFFF:06X}" for each in set(np.frombuffer(pixels.constBits(), np.uint32).tolist())}


def seen(widget) -> set[str]:
    return colours(widget.grab().toImage(), widget.rect())


# ------------------------------------------------------------------------------------------------- before and around


def test_before_a_run_there_is_a_hint_and_no_empty_grid(panel):
    assert panel.hint.isVisible()
    assert panel.hint.text() == NOTHING_YET
    assert not panel.dashboard.isVisible()


def test_a_run_that_starts_says_what_it_is_busy_with(panel, qtbot):
    panel.show_status(RunStatus(RunState.STARTING, note="reading the data"))
    qtbot.waitUntil(lambda: panel.hint.text() == "The run is starting: reading the data")
    panel.show_status(RunStatus(RunState.FAILED))
    qtbot.waitUntil(lambda: "before its first step" in panel.hint.text())


def test_the_first_step_brings_the_curves(panel, qtbot):
    panel.add(part(1))
    qtbot.waitUntil(panel.dashboard.plot.isVisible)
    assert not panel.hint.isVisible()
    qtbot.waitUntil(lambda: LIGHT.series_1 in seen(panel.dashboard.plot.viewport()))  # one point alone is a disc


def test_what_comes_before_the_curves_are_loaded_is_drawn_then(qtbot, theme, background):
    panel = CurvesPanel(theme, background)
    qtbot.addWidget(panel)
    panel.add(part(9, evaluations=[evaluation(0, 3.0)]))
    panel.add(part(5, restarted=True))
    panel.add(part(20, start=6, evaluations=[evaluation(25, 2.0)]))
    panel.show_summary(summary(25, 40))
    assert panel.dashboard is None
    assert [each.step for each in panel.evaluations] == [25]
    panel.show()
    assert panel.hint.text() == LOADING
    qtbot.waitUntil(
        lambda: panel.dashboard is not None and panel.dashboard.header.progress.text().startswith("step 25 / 40")
    )
    assert len(panel.dashboard.history) == 25


def test_the_panel_is_there_before_numpy_and_pyqtgraph():
    script = "import sys, i3desk.curves.panel; print([name for name in ('numpy', 'pyqtgraph') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, cwd=REPOSITORY)
    assert done.stdout.strip() == "[]", done.stderr


def test_the_header_says_how_the_run_stands(shown):
    assert shown.header.title.text() == "Loss"
    assert shown.header.progress.text() == "step 60 / 100 · epoch 3.0 · 1 min 31 s left · 2,310 tokens/s · best 1.71"


def test_a_finished_run_promises_no_time_left(shown):
    shown.show_summary(summary(60, 100, RunState.FINISHED))
    shown.refresh()
    assert shown.header.progress.text() == "step 60 / 100 · epoch 3.0 · best 1.71"


def test_numbers_that_do_not_fit_go_and_the_step_stays(qtbot, shown):
    line = shown.header.progress
    line.show_progress(RunProgress(step=60, total_steps=100, best=1.0))
    line.resize(line.fontMetrics().horizontalAdvance("step 60 / 100"), 20)
    narrow = line.grab().toImage()
    line.show_progress(RunProgress(step=60, total_steps=100))
    assert line.grab().toImage() == narrow


# ---------------------------------------------------------------------------------------------------------- the plot


def test_training_validation_and_the_best_point_are_drawn_in_their_colours(shown):
    drawn = seen(shown.plot.viewport())
    assert {LIGHT.series_1, LIGHT.series_2, LIGHT.ok} <= drawn


def test_a_theme_change_recolours_at_once(shown, theme):
    theme.choose("dark")
    drawn = seen(shown.plot.viewport())
    assert {DARK.series_1, DARK.series_2, DARK.surface} <= drawn
    assert LIGHT.surface not in drawn
    assert DARK.series_3 in seen(shown.strip.card("lr"))


def test_the_legend_hides_and_shows_curves(shown, qtbot):
    qtbot.mouseClick(shown.header.legend.buttons["val_loss"], LEFT)
    shown.plot.draw()
    assert not {LIGHT.series_2, LIGHT.ok} & seen(shown.plot.viewport())
    qtbot.mouseClick(shown.header.legend.buttons["val_loss"], LEFT)
    shown.plot.draw()
    assert LIGHT.series_2 in seen(shown.plot.viewport())


def test_smoothing_can_be_chosen_and_taken_away(shown):
    assert set(shown.header.legend.buttons) == {"smooth", "each", "val_loss"}
    actions = {action.text(): action for action in shown.header.smoothing_button.menu().actions()}
    assert len(actions) == len(SMOOTHINGS)
    actions["None"].trigger()
    assert set(shown.header.legend.buttons) == {"only", "val_loss"}
    actions["0.98"].trigger()
    assert shown.header.smoothing_button.text() == "Smoothing 0.98"
    assert shown.history.smoothing == 0.98


@pytest.mark.parametrize("losses", [[0.0, -1.0, 2.0, 4.0], [math.nan] * 4, [math.inf, 1.0, math.nan, 3.0], [2.0] * 4])
def test_odd_values_are_drawn_on_both_axes(panel, losses):
    panel.add(part(4, loss=np.array(losses)))
    for log in (False, True):
        panel.dashboard.header.log_y.setChecked(log)
        panel.dashboard.header.log_x.setChecked(log)
        panel.dashboard.refresh()
        panel.dashboard.plot.draw()
        low, high = panel.dashboard.plot.visible_range()
        assert math.isfinite(low)
        assert low < high
        panel.dashboard.plot.grab()


def test_the_axis_reaches_to_the_end_of_a_run_that_goes_on(shown):
    assert shown.plot.visible_range() == (0, 100)
    shown.show_summary(summary(60, 100, RunState.INTERRUPTED))
    shown.refresh()
    shown.plot.draw()
    assert shown.plot.visible_range() == (0, 60)


def test_steps_tokens_and_time_can_be_the_axis(shown):
    units = {action.text(): action for action in shown.header.unit_button.menu().actions()}
    units["Tokens"].trigger()
    shown.plot.draw()
    assert shown.plot.visible_range() == (0, 51_200)
    units["Time"].trigger()
    shown.plot.draw()
    shown.plot.move_cursor(15.0)
    assert shown.plot.cursor_text.startswith("15 s, ")


def test_without_seconds_the_axis_falls_back_to_steps(shown):
    units = {action.text(): action for action in shown.header.unit_button.menu().actions()}
    units["Time"].trigger()
    shown.add(part(5, start=61, seconds=math.nan))
    shown.refresh()
    assert shown.header.unit_button.text() == "Steps"
    assert not units["Time"].isEnabled()


def test_a_restarted_part_begins_anew(shown):
    shown.add(part(20, restarted=True))
    shown.refresh()
    shown.plot.draw()
    assert shown.history.evaluations == []
    assert shown.header.progress.text().startswith("step 20 / 100")


def test_clear_shows_the_hint_again(panel, shown):
    shown.show_metric("lr")
    panel.clear()
    assert panel.hint.isVisible()
    assert panel.evaluations == []
    panel.add(part(3))
    shown.refresh()
    assert shown.header.title.text() == "Loss"
    assert shown.header.progress.text() == "step 3"


# --------------------------------------------------------------------------------------------------------- the cursor


def test_the_cursor_tells_all_values_at_the_nearest_step(shown, qtbot):
    area = shown.plot.viewport().rect()
    qtbot.mouseMove(shown.plot.viewport(), QPoint(area.width() // 3, area.height() // 2))
    qtbot.waitUntil(lambda: shown.plot.cursor_x is not None)
    step = int(shown.plot.cursor_x)
    assert 20 < step < 45
    loss, smooth = shown.history.values("loss")[step - 1], shown.history.smoothed("loss")[step - 1]
    expected = f"step {step}, each step {number_format.figure_text(loss)}, training {number_format.figure_text(smooth)}"
    assert shown.plot.cursor_text == f"{expected}, validation, step 30 1.71"
    assert shown.plot.accessibleDescription() == shown.plot.cursor_text


def test_the_cursor_goes_when_the_mouse_leaves(shown, qtbot):
    qtbot.mouseMove(shown.plot.viewport(), QPoint(200, 80))
    qtbot.waitUntil(lambda: shown.plot.cursor_x is not None)
    QApplication.sendEvent(shown.plot, QEvent(QEvent.Type.Leave))
    qtbot.waitUntil(lambda: shown.plot.cursor_x is None)


def test_the_keyboard_moves_the_cursor_and_zooms(shown, qtbot):
    plot = shown.plot
    plot.setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.keyClick(plot, Qt.Key.Key_Left)
    assert plot.cursor_x == 60
    for _ in range(4):
        qtbot.keyClick(plot, Qt.Key.Key_Left)
    assert plot.cursor_x == 56
    qtbot.keyClick(plot, Qt.Key.Key_Left, Qt.KeyboardModifier.ControlModifier)
    assert plot.cursor_x == 51
    qtbot.keyClick(plot, Qt.Key.Key_Right)
    assert plot.cursor_x == 52

    qtbot.keyClick(plot, Qt.Key.Key_Plus)
    low, high = plot.visible_range()
    assert high - low == pytest.approx(100 / 1.5)
    assert low < 52 < high
    assert shown.header.reset_button.isVisible()
    qtbot.keyClick(plot, Qt.Key.Key_Minus)
    qtbot.waitUntil(lambda: not plot.zoomed)
    qtbot.keyClick(plot, Qt.Key.Key_Plus)
    qtbot.keyClick(plot, Qt.Key.Key_Home)
    plot.draw()
    assert plot.visible_range() == (0, 100)
    qtbot.keyClick(plot, Qt.Key.Key_Escape)
    assert plot.cursor_x is None


def test_the_wheel_zooms_and_a_double_click_shows_all(shown, qtbot):
    plot = shown.plot
    middle = QPointF(plot.viewport().rect().center())
    no_buttons, no_keys = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier
    for _ in range(5):
        turn = QWheelEvent(
            middle, plot.mapToGlobal(middle), QPoint(), QPoint(0, 120), no_buttons, no_keys,
            Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(plot.viewport(), turn)
    low, high = plot.visible_range()
    assert 0 < low < 50 < high < 100
    qtbot.mouseDClick(plot.viewport(), LEFT, pos=middle.toPoint())
    plot.draw()
    assert plot.visible_range() == (0, 100)


def test_zooming_in_shows_points_that_were_thinned_away(panel):
    losses = np.full(50_000, 2.0)
    losses[25_000] = 9.0
    panel.add(part(50_000, loss=losses))
    panel.dashboard.refresh()
    panel.dashboard.plot.draw()
    whole = panel.dashboard.plot._view.viewRange()[1]
    assert whole[1] > 9  # an extreme of one step in 50,000 is not lost
    for _ in range(20):
        panel.dashboard.plot.zoom(1.5)
    panel.dashboard.plot.draw()
    low, high = panel.dashboard.plot.visible_range()
    xs, _ = panel.dashboard.plot._curves["each"].in_view
    assert len(xs) == pytest.approx(high - low, abs=4)  # every step now


def test_new_steps_do_not_end_a_zoom(shown):
    shown.plot.zoom(4)
    before = shown.plot.visible_range()
    shown.add(part(10, start=61))
    shown.refresh()
    shown.plot.draw()
    assert shown.plot.visible_range() == before


# --------------------------------------------------------------------------------------------------- the small cards


def test_cards_show_what_the_run_tells_and_nothing_else(shown):
    assert list(shown.strip.visible_cards) == ["perplexity", "lr", "grad_norm", "tokens_per_second", "rss_bytes"]
    assert shown.strip.card("tokens_per_second").value == "2,310"
    assert shown.strip.card("lr").value == "2.1e-4"
    assert shown.strip.card("perplexity").value == number_format.figure_text(math.exp(1.9))
    shown.add(part(1, start=61, gpu_power_w=71.0))
    shown.refresh()
    assert shown.strip.card("gpu_power_w").value == "71 W"


def test_a_click_brings_a_card_into_the_large_plot_and_back(shown, qtbot):
    qtbot.mouseClick(shown.strip.card("lr"), LEFT)
    shown.plot.draw()
    assert shown.header.title.text() == "Learning rate"
    assert shown.plot.accessibleName() == "Curves: Learning rate"
    assert LIGHT.series_3 in seen(shown.plot.viewport())
    assert list(shown.strip.visible_cards)[1] == "loss"  # where the card was
    shown.strip.card("loss").setFocus()
    qtbot.keyClick(shown.strip.card("loss"), Qt.Key.Key_Space)
    assert shown.header.title.text() == "Loss"
    assert list(shown.strip.visible_cards)[1] == "lr"


def test_perplexity_shows_what_was_learned_and_what_forgotten(shown, qtbot):
    qtbot.mouseClick(shown.strip.card("perplexity"), LEFT)
    shown.plot.draw()
    assert [button.text() for button in shown.header.legend.buttons.values()] == ["your text", "general text"]
    assert {LIGHT.series_2, LIGHT.series_3} <= seen(shown.plot.viewport())


def test_cards_that_do_not_fit_are_a_click_away(panel, shown, qtbot):
    panel.resize(480, 330)
    strip = shown.strip
    first = set(strip.visible_cards)
    assert 0 < len(first) < 5
    assert "Memory" in strip.more_button.toolTip()
    qtbot.mouseClick(strip.more_button, LEFT)
    second = set(strip.visible_cards)
    assert not first & second
    qtbot.waitUntil(lambda: all(strip.card(key).value for key in second))
    qtbot.mouseClick(strip.more_button, LEFT)
    assert set(strip.visible_cards) == first


def test_in_a_narrow_panel_one_menu_has_all(panel, shown):
    def offered(menu: QMenu) -> set[str]:
        texts = set()
        for action in menu.actions():
            texts |= offered(action.menu()) if action.menu() else {action.text()}
        return texts

    panel.resize(480, 330)
    header = shown.header
    assert header.all_button.isVisible()
    assert not header.png_button.isVisible()
    assert {"0.98", "Tokens", "Logarithmic", "Log", "PNG", "CSV"} <= offered(header.all_button.menu())


def test_everything_can_be_reached_by_keyboard_and_has_a_name(shown):
    for control in (
        shown.plot, *shown.header.legend.buttons.values(), *shown.strip.visible_cards.values(),
        shown.header.smoothing_button, shown.header.unit_button, shown.header.log_button, shown.header.png_button,
        shown.header.csv_button,
    ):  # fmt: skip
        assert control.focusPolicy() & Qt.FocusPolicy.TabFocus
        assert control.accessibleName()


# -------------------------------------------------------------------------------------------------------------- files


def test_a_picture_has_twice_the_size_and_the_names(panel, shown, tmp_path, qtbot):
    path = tmp_path / "loss.png"
    with qtbot.waitSignal(panel.exported) as told:
        shown.save_png(str(path))
    assert told.args == [str(path)]
    image = QImage(str(path))
    assert image.width() > 2 * shown.plot.width()
    heading = colours(image, QRect(0, 0, image.width(), 72))
    assert {LIGHT.series_1, LIGHT.series_2, LIGHT.text} <= heading
    assert {LIGHT.series_1, LIGHT.series_2, LIGHT.ok} <= colours(image, QRect(0, 72, image.width(), 500))
    assert image.pixelColor(2, 2) == QColor(LIGHT.surface)


def test_a_picture_that_cannot_be_written_is_told(panel, shown, qtbot):
    with qtbot.waitSignal(panel.failed) as told:
        shown.save_png("/proc/loss.png")
    assert "/proc/loss.png" in told.args[0]


def test_a_table_has_all_steps_in_full(panel, tmp_path, qtbot):
    run = tmp_path / "run"
    run.mkdir()
    lines = []
    for step in range(1, 12_001):
        lines.append({"step": step, "tokens": step * 512, "seconds": step / 4, "loss": 2 + 1 / step, "lr": 1e-4})
        if step == 6000:
            lines.append({"step": step, "tokens": step * 512, "seconds": step / 4, "val_loss": 1.5,
                          "val_perplexity": 4.5, "general_loss": None, "general_perplexity": None,
                          "is_best": True})  # fmt: skip
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    panel.show_summary(summary(12_000, 12_000, RunState.FINISHED, str(run)))
    path = tmp_path / "run.csv"
    path.write_text("before")
    with qtbot.waitSignal(panel.exported):
        panel.dashboard.save_csv(str(path))

    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 12_001
    steps = [row for row in rows if row["loss"]]
    assert [int(row["step"]) for row in steps] == list(range(1, 12_001))
    assert [float(row["loss"]) for row in steps[::999]] == pytest.approx([2 + 1 / n for n in range(1, 12_001, 999)])
    assert steps[0]["grad_norm"] == ""
    (evaluated,) = [row for row in rows if row["val_loss"]]
    assert (evaluated["step"], evaluated["val_loss"], evaluated["general_loss"]) == ("6000", "1.5", "")
    assert rows.index(evaluated) == 6000


def test_a_table_that_cannot_be_written_leaves_nothing_behind(panel, tmp_path, qtbot):
    panel.show_summary(summary(1, 1, RunState.FINISHED, str(tmp_path)))
    with qtbot.waitSignal(panel.failed):
        panel.dashboard.save_csv("/proc/run.csv")
    assert list(tmp_path.iterdir()) == []


# -------------------------------------------------------------------------------------------------------------- speed


def test_a_long_run_arrives_without_a_stall(panel):
    longest = 0.0
    for start in range(1, 200_000, 4000):
        more = part(4000, start=start)
        begun = time.perf_counter()
        panel.add(more)
        longest = max(longest, time.perf_counter() - begun)
    assert longest < 0.05  # some 2 ms; this machine may be busy
    assert len(panel.dashboard.history) == 200_000


# ------------------------------------------------------------------------------------------------------------ wording


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.714, "1.71"), (12.34, "12.3"), (0.0432, "0.0432"), (5310.4, "5,310"), (0, "0.00"), (1e-5, "1.0e-5"),
     (99.97, "100"), (-1.5, "-1.50"), (0.9999, "1.00"), (9.996, "10.0"), (2.5e8, "2.5e8")],
)  # fmt: skip
def test_figures(value, text):
    assert number_format.figure_text(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(8, "8 s"), (91, "1 min 31 s"), (120, "2 min"), (7500, "2 h 5 min"), (180_000, "2 d 2 h")]
)
def test_times(seconds, text):
    assert number_format.span_text(seconds) == text


@pytest.mark.parametrize(
    ("value", "spacing", "text"),
    [(0, 1, "0"), (1.5, 0.5, "1.5"), (2000, 500, "2,000"), (20_000, 10_000, "20 k"), (5000, 5000, "5 k"),
     (1.2e6, 200_000, "1.2 M"), (3e7, 1e7, "30 M"), (2e-4, 1e-4, "2e-4")],
)  # fmt: skip
def test_marks_of_an_axis(value, spacing, text):
    assert number_format.tick_text(value, spacing) == text


@pytest.mark.parametrize(
    ("seconds", "spacing", "text"),
    [
        (0, 10, "0"),
        (30, 10, "30 s"),
        (150, 30, "2:30 min"),
        (300, 60, "5 min"),
        (5400, 1800, "1:30 h"),
        (7200, 3600, "2 h"),
    ],
)
def test_marks_of_a_time_axis(seconds, spacing, text):
    assert number_format.time_tick_text(seconds, spacing) == text
