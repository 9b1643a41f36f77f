"""Several runs compared: their curves in one plot, real files read in the background."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from run_folders import append_losses, write_run

from i3core.runs.folder import RunFolder
from i3core.runs.reader import read_summary
from i3desk.runs.comparison import CURVE_STYLES, RunComparison
from i3desk.style import palette
from i3desk.style.theme import Theme
from i3desk.workers.background import BackgroundJobs


@pytest.fixture
def comparison(qtbot, qapp):
    background = BackgroundJobs()
    made = RunComparison(Theme(qapp, "light"), background)
    qtbot.addWidget(made)
    made.resize(640, 560)
    made.show()
    yield made
    made.show_runs([])
    with qtbot.waitSignal(background.stopped, timeout=60_000):
        background.shut_down()


def compare(qtbot, comparison, *folders):
    comparison.show_runs([read_summary(folder) for folder in folders])
    qtbot.waitUntil(lambda: set(comparison.curves) == set(folders) and comparison.plot is not None)


def drawn(comparison, folder):
    """The curve of a run in the plot, as the plot holds it."""
    curve = comparison.plot._curves[str(folder)]
    return curve.name, list(curve.xs), list(curve.ys)


def test_validation_curves_of_all_runs_are_in_one_plot(qtbot, comparison, tmp_path):
    one = write_run(tmp_path / "one", val_losses=(4.0, 3.0, 2.0))
    two = write_run(tmp_path / "two", val_losses=(4.0, 3.5))
    compare(qtbot, comparison, one, two)
    assert drawn(comparison, one) == ("one", [1, 2, 3], [4.0, 3.0, 2.0])
    assert drawn(comparison, two) == ("two", [1, 2], [4.0, 3.5])
    qtbot.mouseClick(comparison.x_choice.buttons["tokens"], Qt.MouseButton.LeftButton)
    assert drawn(comparison, two)[1] == [100, 200]
    qtbot.mouseClick(comparison.x_choice.buttons["seconds"], Qt.MouseButton.LeftButton)
    assert drawn(comparison, two)[1] == [2, 4]
    qtbot.mouseClick(comparison.loss_choice.buttons["training"], Qt.MouseButton.LeftButton)
    assert drawn(comparison, one)[1:] == ([2, 4, 6], [4.0, 3.0, 2.5])


def test_without_validation_training_is_shown_and_validation_says_why_not(qtbot, comparison, tmp_path):
    compare(qtbot, comparison, write_run(tmp_path / "one"), write_run(tmp_path / "two"))
    assert comparison.loss == "training"
    assert comparison.plot.has_points
    qtbot.mouseClick(comparison.loss_choice.buttons["validation"], Qt.MouseButton.LeftButton)
    assert comparison.nothing.isVisible()
    assert "evaluated" in comparison.nothing.text()


def test_a_run_that_goes_on_draws_on_to_its_end_and_one_that_was_cut_begins_anew(qtbot, comparison, tmp_path):
    growing = write_run(tmp_path / "growing", state="running")
    other = write_run(tmp_path / "other")
    compare(qtbot, comparison, growing, other)
    append_losses(growing, (2.0, 1.5), first_step=4)
    qtbot.waitUntil(lambda: drawn(comparison, growing)[1] == [1, 2, 3, 4, 5])
    RunFolder(growing).truncate_after(2)
    append_losses(growing, (1.0,), first_step=3)
    RunFolder(growing).write_status("finished", 3)
    comparison.show_runs([read_summary(growing), read_summary(other)])
    qtbot.waitUntil(lambda: drawn(comparison, growing)[1:] == ([1, 2, 3], [4.0, 3.0, 1.0]))


def test_a_long_run_is_drawn_in_bounded_memory_from_its_first_to_its_last_step(qtbot, comparison, tmp_path):
    falling = np.linspace(5.0, 1.0, 40_000)
    long, short = write_run(tmp_path / "long", losses=falling), write_run(tmp_path / "short")
    compare(qtbot, comparison, long, short)
    qtbot.waitUntil(lambda: comparison.curves[long].complete)
    _, xs, ys = drawn(comparison, long)
    assert 1_000 < len(xs) <= 4_097
    assert (xs[0], xs[-1]) == (pytest.approx(1, abs=16), pytest.approx(40_000, abs=16))
    assert ys[-1] == pytest.approx(1.0, abs=0.1)


def test_colours_stay_with_their_runs_when_others_come_and_go(qtbot, comparison, tmp_path):
    folders = [write_run(tmp_path / name) for name in "abc"]
    compare(qtbot, comparison, *folders)
    before = {folder: comparison.style_of(folder) for folder in folders}
    assert len(set(before.values())) == 3
    compare(qtbot, comparison, folders[2], folders[1])
    assert comparison.style_of(folders[2]) == before[folders[2]]
    assert comparison.style_of(folders[0]) is None
    compare(qtbot, comparison, *folders)
    assert comparison.style_of(folders[1]) == before[folders[1]]


def test_the_table_shows_only_differences_and_says_what_is_default(qtbot, comparison, tmp_path):
    one = write_run(tmp_path / "one", val_losses=(2.0,))
    two = write_run(tmp_path / "two", val_losses=(1.5,), lr=1e-3)
    compare(qtbot, comparison, one, two)
    assert comparison.table.texts() == [
        ["Loss", "2.00 (best loss)", "1.50 (best loss)"],
        ["Learning rate", "0.0003 (default)", "0.001"],
    ]
    assert not comparison.same.isVisible()
    compare(qtbot, comparison, one, write_run(tmp_path / "three", val_losses=(1.5,)))
    assert comparison.same.isVisible()


def test_more_runs_than_can_be_told_apart_are_not_drawn(qtbot, comparison, tmp_path):
    folders = [write_run(tmp_path / f"run-{number}") for number in range(len(CURVE_STYLES) + 2)]
    comparison.show_runs([read_summary(folder) for folder in folders])
    qtbot.waitUntil(lambda: len(comparison.curves) == len(CURVE_STYLES))
    assert comparison.left_out.text() == f"the first of {len(folders)} chosen"


def luminance(colour: str) -> float:
    channels = [getattr(QColor(colour), name)() for name in ("redF", "greenF", "blueF")]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("tokens", [palette.LIGHT, palette.DARK], ids=["light", "dark"])
def test_curves_can_be_seen_and_told_apart(tokens):
    colours = [getattr(tokens, style.token) for style in CURVE_STYLES]
    assert len({(colour, style.dashed) for colour, style in zip(colours, CURVE_STYLES, strict=True)}) == len(
        CURVE_STYLES
    )
    for colour in colours:
        light, dark = sorted((luminance(colour), luminance(tokens.surface)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) > 2.8
