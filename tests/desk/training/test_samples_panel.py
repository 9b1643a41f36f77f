"""The samples of a run: rows that grow, differences, prompts, two steps side by side, what was learned or forgotten."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import Qt, QTimer
from templates import template_with
from user import click, marked_words

from i3core.runs.events import Evaluated, Sampled
from i3desk.style.theme import Theme
from i3desk.training.learning_summary import PerplexityChange, forgot_tone, learned_tone
from i3desk.training.sample_log import SampleLog
from i3desk.training.samples_panel import DRAW_MS, SamplesPanel

PROMPTS = ("how are you?", "who are you?", "tell me a story.")


@pytest.fixture
def panel(qtbot, qapp):
    Theme(qapp, "light")
    panel = SamplesPanel()
    qtbot.addWidget(panel)
    panel.resize(900, 320)
    panel.show_prompts(PROMPTS, editable=True)
    panel.set_alive(True)
    panel.show()
    return panel


@pytest.fixture
def say(qtbot, panel):
    """Adds the answers of a step, in the order of the prompts, and waits until they are on screen."""

    def say_(step: int, *texts: str, prompts=PROMPTS) -> None:
        panel.add([Sampled(step, prompt, text) for prompt, text in zip(prompts, texts, strict=False)])
        qtbot.waitUntil(lambda: step in panel.table.log.steps)

    return say_


def shown(panel, step: int) -> list[str]:
    """What the row of a step shows, if it is made."""
    row = next(row for row in panel.table.rows.rows.values() if row.step == step)
    return [answer.toPlainText() for answer in row.answers]


def marked(panel, step: int) -> list[list[str]]:
    row = next(row for row in panel.table.rows.rows.values() if row.step == step)
    return [marked_words(answer) for answer in row.answers]


def evaluation(step: int, own: float | None, general: float | None = None, is_best: bool = False) -> Evaluated:
    return Evaluated(step, step, float(step), own and 1.0, own, general and 1.0, general, is_best)


# ------------------------------------------------------------------------------------------------------------- table


def test_answers_stand_in_rows_by_step_with_what_changed_marked(panel, say):
    say(0, "i am fine", "i am i3", "once upon a time")
    say(150, "i be fine", "i am i3", "")
    assert shown(panel, 0) == ["i am fine", "i am i3", "once upon a time"]
    assert shown(panel, 150) == ["i be fine", "i am i3", "(no words)"]
    assert marked(panel, 0) == [[], [], []]
    assert marked(panel, 150) == [["be"], [], []]
    assert [row.button.text() for _, row in sorted(panel.table.rows.rows.items())] == ["before", "step 150"]
    assert [head.text() for head in panel.table.heads] == list(PROMPTS)


def draw_now(panel) -> None:
    """Draw the samples that wait, as its timer does a moment later."""
    next(timer for timer in panel.findChildren(QTimer) if timer.interval() == DRAW_MS).timeout.emit()


def test_marks_of_words_after_signs_beyond_the_basic_plane_are_in_their_place(panel, say):
    say(0, "🌙🌙 the moon")
    say(1, "🌙🌙 the sea 🌊")
    assert marked(panel, 1)[0] == ["sea 🌊"]


def test_answers_that_come_one_by_one_fill_their_row(panel, say):
    say(0, "a")
    say(10, "b")
    panel.add([Sampled(10, PROMPTS[1], "c")])
    assert shown(panel, 10) == ["b", "—", "—"]
    draw_now(panel)
    assert shown(panel, 10) == ["b", "c", "—"]


def test_prompts_changed_on_the_way_get_columns_of_their_own(qtbot, panel, say):
    say(0, "a", "b", "c")
    panel.show_prompts(("where is the treasure?",), editable=True)
    say(10, "on the isle", prompts=("where is the treasure?",))
    assert panel.table.prompts == ("where is the treasure?", *PROMPTS)
    panel.resize(1400, 320)
    qtbot.waitUntil(lambda: len(panel.table.rows.rows) == 2)
    assert shown(panel, 0) == ["—", "a", "b", "c"]
    assert shown(panel, 10) == ["on the isle", "—", "—", "—"]


def test_without_room_for_all_prompts_arrows_turn_to_the_others(qtbot, panel, say):
    say(0, "a", "b", "c")
    panel.resize(480, 240)
    qtbot.waitUntil(lambda: tuple(head.text() for head in panel.table.heads if head.isVisible()) == PROMPTS[:1])
    assert panel.table.place_label.text() == "1/3"
    assert not panel.table.previous_button.isEnabled()
    panel.table.next_button.click()
    assert shown(panel, 0) == ["b"]
    panel.table.rows.setFocus()
    qtbot.keyClick(panel.table.rows, Qt.Key.Key_Right)
    assert shown(panel, 0) == ["c"]
    assert not panel.table.next_button.isEnabled()


def test_rows_are_as_tall_as_their_longest_answer(qtbot, panel, say):
    say(0, "word " * 80, "short", "short")
    row = panel.table.rows.rows[0]
    tallest = max(answer.height() for answer in row.answers)
    assert tallest > 100
    qtbot.waitUntil(lambda: row.height() >= tallest)
    panel.resize(480, 320)
    panel.table.turn(1)
    qtbot.waitUntil(lambda: panel.table.rows.rows[0].height() < 60)


def test_thousands_of_samples_show_at_once_and_only_those_in_view_are_made(qtbot, panel):
    samples = [Sampled(step, prompt, f"answer {step} " * 10) for step in range(4000) for prompt in PROMPTS]
    panel.add(samples)
    began = time.thread_time()
    draw_now(panel)
    assert time.thread_time() - began < 0.1
    qtbot.waitUntil(lambda: panel.table.log.steps[-1] == 3999, timeout=30_000)
    assert len(panel.table.rows.rows) < 40
    assert any(row.step == 3999 for row in panel.table.rows.rows.values())
    panel.add([Sampled(4000, PROMPTS[0], "the newest")])
    began = time.thread_time()
    draw_now(panel)
    assert time.thread_time() - began < 0.1
    assert "the newest" in shown(panel, 4000)


@given(st.lists(st.tuples(st.integers(0, 6), st.sampled_from("abc"), st.text(max_size=3)), max_size=30))
def test_the_log_holds_the_latest_answer_and_finds_the_one_before(entries):
    log, plain = SampleLog(), {}
    for step, prompt, text in entries:
        log.add([Sampled(step, prompt, text)])
        plain[step, prompt] = text
    assert log.steps == sorted({step for step, _ in plain})
    for index, step in enumerate(log.steps):
        for prompt in "abc":
            assert log.answers(step).get(prompt) == plain.get((step, prompt))
            older = [text for (other, asked), text in sorted(plain.items()) if asked == prompt and other < step]
            assert log.answer_before(index, prompt) == (older[-1] if older else None)


# ------------------------------------------------------------------------------------------------------ empty states


def test_what_is_missing_is_told(panel):
    assert panel.body.currentWidget() is panel.empty
    assert panel.empty.text() == "First answers in a moment…"
    panel.show_prompts((), editable=True)
    assert "no sample prompts" in panel.empty.text()
    panel.set_alive(False)
    assert "no answers" in panel.empty.text()
    assert not panel.sample_button.isVisible()
    assert not panel.edit_button.isVisible()


def test_another_run_begins_with_nothing(panel, say):
    say(0, "a")
    panel.show_evaluations([evaluation(0, 24.1)])
    panel.clear()
    assert panel.body.currentWidget() is panel.empty
    assert not panel.learned.isVisible()
    assert panel.table.prompts == ()


# -------------------------------------------------------------------------------------------------- asking, prompts


def test_sample_now_asks_once_and_says_so_until_the_answer_comes(qtbot, panel, say):
    with qtbot.waitSignal(panel.sample_requested):
        panel.sample_button.click()
    assert panel.sample_button.text() == "Sampling…"
    assert not panel.sample_button.isEnabled()
    say(7, "arr")
    assert panel.sample_button.text() == "Sample now"
    assert panel.sample_button.isEnabled()


def test_prompts_are_edited_in_place(qtbot, panel, say):
    say(0, "a", "b", "c")
    panel.edit_button.click()
    lines = panel.editor.list.lines
    assert [line.edit.text() for line in lines] == list(PROMPTS)
    qtbot.waitUntil(lambda: lines[0].edit.hasFocus() or not panel.isActiveWindow())
    qtbot.waitUntil(lines[2].remove_button.isVisible)
    click(qtbot, lines[2].remove_button)
    lines[1].edit.setText("  ")
    lines[0].edit.setText("x" * 400)
    panel.editor.list.add_button.click()
    qtbot.keyClicks(panel.editor.list.lines[-1].edit, "where is the gold?")
    with qtbot.waitSignal(panel.prompts_changed) as changed:
        qtbot.keyClick(panel.editor.list.lines[-1].edit, Qt.Key.Key_Return)
    assert changed.args == [("x" * 300, "where is the gold?")]
    assert panel.body.currentWidget() is panel.table
    assert panel.table.prompts[:2] == changed.args[0]


def test_characters_that_the_model_cannot_read_are_named_while_a_prompt_is_written(qtbot, panel):
    prompts = panel.editor.list
    prompts.unreadable.set_template(template_with("user", "assistant", "end"))
    panel.edit_button.click()
    prompts.lines[0].edit.setText("who’s there ☠?")
    assert prompts.unreadable.text == "i3 can't read 1 character: ☠"
    assert prompts.unreadable.isVisibleTo(prompts)
    prompts.lines[0].edit.setText("who’s there?")
    assert not prompts.unreadable.isVisibleTo(prompts)


def test_no_more_than_six_prompts_and_escape_leaves_them_as_they_are(qtbot, panel):
    panel.edit_button.click()
    for _ in range(6):
        panel.editor.list.add_button.click()
    assert len(panel.editor.list.lines) == 6
    with qtbot.assertNotEmitted(panel.prompts_changed):
        qtbot.keyClick(panel.editor.list.lines[0].edit, Qt.Key.Key_Escape)
    assert panel.body.currentWidget() is panel.empty
    assert not panel.edit_button.isChecked()


def test_the_editor_goes_when_the_run_ends(panel):
    panel.edit_button.click()
    panel.set_alive(False)
    assert panel.body.currentWidget() is panel.empty


def test_answers_that_come_leave_the_editor_alone(panel, say):
    panel.edit_button.click()
    panel.editor.list.lines[0].edit.setText("half a prom")
    say(0, "a")
    assert panel.body.currentWidget() is panel.editor
    assert panel.editor.list.lines[0].edit.text() == "half a prom"


# --------------------------------------------------------------------------------------------------------- comparing


def test_two_steps_are_compared_with_the_differences_marked(panel, say):
    assert not panel.compare_button.isVisible()
    say(0, "i am fine", "i am i3")
    say(10, "i be fine", "i am i3")
    say(20, "arr, i be fine", "i am i3")
    panel.compare_button.click()
    comparison = panel.comparison
    assert comparison.steps == (0, 20)
    first, second = comparison.rows
    assert marked_words(first.before) == ["am"]
    assert marked_words(first.after) == ["arr,", "be"]
    assert second.note.text() == "the same answer"
    comparison.second_box.setCurrentIndex(1)
    assert comparison.rows[0].after.toPlainText() == "i be fine"
    say(30, "yo ho", "yo ho")
    assert comparison.steps == (0, 10)
    assert comparison.second_box.count() == 4


def test_a_row_leads_to_its_comparison_and_escape_back(qtbot, panel, say):
    say(0, "a")
    say(10, "b")
    say(20, "c")
    panel.table.rows.rows[1].button.click()
    assert panel.comparison.steps == (0, 10)
    assert panel.compare_button.isChecked()
    qtbot.keyClick(panel.comparison.second_box, Qt.Key.Key_Escape)
    assert panel.body.currentWidget() is panel.table


def test_a_resumed_run_that_tells_all_anew_closes_the_comparison(panel, say):
    say(0, "a")
    say(10, "b")
    panel.compare_button.click()
    panel.clear_samples()
    assert panel.body.currentWidget() is panel.empty
    say(0, "a")
    assert shown(panel, 0)[0] == "a"


# ------------------------------------------------------------------------------------ learned and forgotten


def test_learned_and_forgot_hold_the_best_against_the_first(panel):
    panel.show_evaluations([evaluation(0, 24.1, 18.2)])
    assert panel.learned.data_value.text() == "24.1"
    panel.show_evaluations(
        [evaluation(0, 24.1, 18.2), evaluation(100, 5.6, 19.7, is_best=True), evaluation(200, 6.3, 40.0)]
    )
    assert panel.learned.data_value.text() == "24.1 → 5.6"
    assert panel.learned.data_value.property("tone") == "ok"
    assert panel.learned.general_value.text() == "18.2 → 19.7"
    assert panel.learned.general_value.property("tone") == "warn"


def test_without_validation_that_is_told(panel):
    panel.show_evaluations([evaluation(0, None, 18.2), evaluation(10, None, 18.1)])
    assert "No text is kept for validation" in panel.learned.note.text()
    assert panel.learned.general_value.text() == "18.2 → 18.1"
    panel.show_evaluations([evaluation(0, 1234.5)])
    assert panel.learned.data_value.text() == "1,234"
    assert not panel.learned.general_value.isVisible()


def test_how_much_was_forgotten_is_a_colour():
    assert [forgot_tone(PerplexityChange(100.0, later)) for later in (None, 90.0, 104.0, 110.0, 131.0)] == [
        "", "ok", "", "warn", "bad",
    ]  # fmt: skip
    assert [learned_tone(PerplexityChange(10.0, later)) for later in (None, 9.0, 10.0, 11.0)] == ["", "ok", "", "warn"]
