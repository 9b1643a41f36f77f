"""Setting up a run as its user does it: real files, dropped or chosen, read and rehearsed by real children."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QTimer, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QAbstractButton, QApplication, QLineEdit, QScrollArea
from user import click

from i3core.system import assets
from i3core.training.config import TRAINING_SETTINGS, TrainingConfig
from i3desk.datasets.store import DatasetStore
from i3desk.models.catalog import Entry, Origin, read_folder
from i3desk.style.palette import DARK
from i3desk.style.theme import Theme
from i3desk.training.data_check import DataSource
from i3desk.training.dry_run import DryRunResult, dry_run_config
from i3desk.training.expert_panel import FROM_SCRATCH
from i3desk.training.plan import make_plan
from i3desk.training.preview import pages_of
from i3desk.training.setup_panel import UPDATE_MS, WIDTH, SetupPanel
from i3desk.training.setup_state import SetupState, read_setup, write_setup
from i3desk.workers.background import BackgroundJobs
from i3desk.workers.core_process import CoreProcess

MINI = assets.models()[assets.BUNDLED_MODEL]
ENTRY = Entry(MINI, Origin.BUNDLED, read_folder(MINI))
CHILD_MS = 180_000  # for a child of low priority on a busy machine
QUESTIONS = ("hello!", "how are you?", "what is your name?", "what do you like?", "tell me a joke.")
PAIRS = [{"prompt": f"{q} {n}", "completion": f"arr, matey number {n}!"} for n in range(8) for q in QUESTIONS]
# What makes a rehearsal short.
SMALL = {"batch_size": 1, "eval_tokens": 64, "eval_every": 0, "last_blocks": 1}


def write_lines(path: Path, records) -> Path:
    path.write_text("\n".join(each if isinstance(each, str) else json.dumps(each) for each in records) + "\n")
    return path


@pytest.fixture
def pirate(tmp_path) -> Path:
    return write_lines(tmp_path / "pirate.jsonl", PAIRS)


@pytest.fixture
def open_panel(qtbot, qapp, paths):
    opened = []
    theme, jobs = Theme(qapp, "light"), BackgroundJobs()

    def open_(height: int = 760, measures: bool = False) -> SetupPanel:
        panel = SetupPanel(theme, paths, DatasetStore(paths.sets_folder, jobs), jobs)
        if not measures:
            panel.show_busy("another run")
        panel.show_models([ENTRY], None)
        panel.resize(3 * WIDTH, height)
        qtbot.addWidget(panel)
        opened.append(panel)
        panel.show()
        return panel

    yield open_
    for panel in opened:
        panel.shut_down()
        qtbot.waitUntil(lambda: not reading(panel), timeout=CHILD_MS)  # noqa: B023
    jobs.shut_down()
    qtbot.waitUntil(lambda: not jobs.running)


def reading(panel: SetupPanel) -> bool:
    """Whether a child of the panel reads data or measures."""
    return any(child.running for child in panel.findChildren(CoreProcess))


def settle(qtbot, panel: SetupPanel) -> None:
    """Wait until the panel shows what follows from the last choice."""
    soon = [timer for timer in panel.findChildren(QTimer) if timer.interval() == UPDATE_MS]
    qtbot.waitUntil(lambda: not any(timer.isActive() for timer in soon))


def drop(panel: SetupPanel, paths) -> None:
    content = QMimeData()
    content.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    buttons = (Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    enter = QDragEnterEvent(QPoint(20, 20), Qt.DropAction.CopyAction, content, *buttons)
    QApplication.sendEvent(panel, enter)
    assert enter.isAccepted()
    QApplication.sendEvent(panel, QDropEvent(QPointF(20, 20), Qt.DropAction.CopyAction, content, *buttons))


def wait_until_read(qtbot, panel: SetupPanel) -> None:
    qtbot.waitUntil(lambda: all(each.is_known for each in panel.check.sources.values()), timeout=CHILD_MS)
    settle(qtbot, panel)


def wait_for_text(qtbot, label, text: str, timeout: int = CHILD_MS) -> None:
    try:
        qtbot.waitUntil(lambda: text in label.text(), timeout=timeout)
    except Exception as error:
        raise AssertionError(f"{text!r} is not in {label.text()!r}") from error


def type_value(qtbot, panel: SetupPanel, key: str, text: str) -> None:
    qtbot.waitUntil(lambda: key in panel.expert.rows)
    editor = panel.expert.rows[key].editor
    editor.selectAll()
    qtbot.keyClicks(editor, text)
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    settle(qtbot, panel)


# -------------------------------------------------------------------------------------------------------------- data


def test_a_dropped_file_can_be_trained_on_with_one_more_click(open_panel, qtbot, pirate):
    panel = open_panel()
    assert panel.data.empty.isVisible()
    assert not panel.start_button.isEnabled()
    wait_for_text(qtbot, panel.obstacle, "Add some text to train on.")
    drop(panel, [pirate])
    wait_until_read(qtbot, panel)
    card = panel.data.cards[str(pirate)]
    assert card.name.text() == "pirate.jsonl"
    assert card.kind.text() == "chat · 40 replies"
    assert "all characters known" in card.facts.text()
    assert "questions about it show what is learned" in card.facts.text()
    assert panel.name.placeholderText() == "pirate"
    with qtbot.waitSignal(panel.start_requested) as started:
        qtbot.mouseClick(panel.start_button, Qt.MouseButton.LeftButton)
    config, name = started.args
    assert name == "pirate"
    assert "out" not in config
    checked = TrainingConfig.from_dict(json.loads(json.dumps(config)) | {"out": "run"})
    assert checked.data == (str(pirate),)
    assert checked.model == "i3-mini"


def test_the_preview_shows_the_exact_chunks_and_leafs(open_panel, qtbot, pirate):
    panel = open_panel()
    drop(panel, [pirate])
    wait_until_read(qtbot, panel)
    preview = panel.data.cards[str(pirate)].preview
    tokens = preview.field.tokens
    assert [text for text, learned, _ in tokens if not learned][:1] == ["<|user|>"]
    assert "".join(text for text, learned, _ in tokens if learned) == "arr, matey number 0!<|end|>"
    qtbot.mouseClick(preview.on, Qt.MouseButton.LeftButton)
    assert preview.field.tokens != tokens
    qtbot.mouseClick(preview.back, Qt.MouseButton.LeftButton)
    assert preview.field.tokens == tokens


def test_bad_records_are_told_by_line_and_can_be_skipped(open_panel, qtbot, tmp_path):
    path = write_lines(tmp_path / "mixed.jsonl", [*PAIRS, "no json", '{"prompt": "x", "completion": ""}'])
    panel = open_panel()
    panel.add_data([path])
    wait_until_read(qtbot, panel)
    card = panel.data.cards[str(path)]
    assert card.bad_title.text() == "2 records can't be used"
    assert card.bad_list.text().startswith("line 41: ")
    assert "line 42: a reply is empty" in card.bad_list.text()
    assert "Fill it in, or remove it." in card.bad_remedies.text()
    assert not panel.start_button.isEnabled()
    assert "2 records can't be used" in panel.obstacle.text()
    assert card.skip.text() == "Skip these 2 records"
    qtbot.mouseClick(card.skip, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(panel.start_button.isEnabled)
    assert panel.plan.config["skip_bad_records"] is True
    assert card.bad_title.text() == "2 records are left out"


def test_a_file_that_cannot_be_read_is_told_and_can_be_removed_or_mended(open_panel, qtbot, tmp_path, pirate):
    broken = tmp_path / "broken.csv"
    broken.write_text("a,b,c\n1,2,3\n")
    panel = open_panel()
    panel.add_data([pirate, broken])
    wait_until_read(qtbot, panel)
    card = panel.data.cards[str(broken)]
    assert "a table with the columns 'a', 'b', 'c' is not known" in card.error.text()
    assert panel.obstacle.text() == "broken.csv cannot be read."
    broken.write_text("question,answer\nhello,arr\n")
    qtbot.mouseClick(card.again, Qt.MouseButton.LeftButton)
    wait_until_read(qtbot, panel)
    qtbot.waitUntil(panel.start_button.isEnabled)
    assert card.kind.text() == "chat · 1 reply"
    qtbot.mouseClick(card.remove, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: list(panel.data.cards) == [str(pirate)])
    assert panel.plan.config["data"] == [str(pirate)]


def test_characters_that_the_model_does_not_know_are_named(open_panel, qtbot, tmp_path):
    path = write_lines(tmp_path / "other.jsonl", [{"prompt": "hello", "completion": "привет мой друг"}] * 30)
    panel = open_panel()
    panel.add_data([path])
    wait_until_read(qtbot, panel)
    card = panel.data.cards[str(path)]
    assert card.unknown.isVisible()
    assert "can't be read" in card.unknown.text()
    assert "м о й д у г" in card.unknown.text()
    assert any(unknown for _, _, unknown in card.preview.field.tokens)
    assert any("vocabulary lacks" in what for what, _, _ in panel.findings.shown)


def test_weights_are_part_of_the_configuration(open_panel, qtbot, pirate):
    panel = open_panel()
    panel.add_data([pirate])
    wait_until_read(qtbot, panel)
    card = panel.data.cards[str(pirate)]
    for _ in range(2):
        qtbot.mouseClick(card.more, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: card.weight.text() == "shown 3×")
    assert panel.plan.config["data"] == [f"{pirate}:3"]


def test_a_file_that_changed_meanwhile_is_read_again_when_the_panel_shows(open_panel, qtbot, pirate):
    panel = open_panel()
    panel.add_data([pirate])
    wait_until_read(qtbot, panel)
    panel.hide()
    write_lines(pirate, PAIRS[:25])
    panel.show()
    wait_for_text(qtbot, panel.data.cards[str(pirate)].kind, "25 replies")


def test_files_that_are_too_many_are_told(open_panel, tmp_path):
    panel = open_panel()
    paths = [tmp_path / f"letter{number}.txt" for number in range(60)]
    for path in paths:
        path.write_text("dear anna, the sea is calm.")
    panel.add_data(paths)
    assert len(panel.choices.data) == 50
    assert panel.data.refused.text() == (
        "10 files were not added: 50 sources are the most. Put them into a folder and add that."
    )
    assert not panel.data.refused.isHidden()
    panel.add_data([])
    assert panel.data.refused.isHidden()


def test_columns_of_a_table_are_shown_and_can_be_changed(open_panel, qtbot, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("bot line,user line,mood\n" + "i am fine.,how are you?,good\n" * 30)
    panel = open_panel()
    panel.add_data([path])
    wait_until_read(qtbot, panel)
    card = panel.data.cards[str(path)]
    assert card.columns.text() == "Taken for: user is “user line”, assistant is “bot line”"
    assert card.left_out.text() == "Not used: field `mood` (× 30)"
    field = panel.data.reading["columns"].field
    assert not panel.data.reading["columns"].isHidden()
    field.setText("user=bot line,assistant=user line")
    field.editingFinished.emit()
    wait_for_text(qtbot, card.columns, "user is “bot line”")
    assert panel.plan.config["columns"] == "user=bot line,assistant=user line"


def test_a_file_that_is_removed_while_it_is_read_does_not_hold_up_the_next(open_panel, qtbot, tmp_path, pirate):
    panel = open_panel()
    others = [shutil.copy(pirate, tmp_path / f"{n}.jsonl") for n in range(3)]
    panel.add_data(others)
    qtbot.waitUntil(lambda: reading(panel) and len(panel.data.cards) == 3)
    for other in others:
        click(qtbot, panel.data.cards[str(other)].remove)
    panel.add_data([pirate])
    wait_until_read(qtbot, panel)
    assert list(panel.data.cards) == [str(pirate)]
    qtbot.waitUntil(panel.start_button.isEnabled)


@given(st.lists(st.lists(st.tuples(st.text(max_size=3), st.booleans(), st.booleans()), min_size=1), max_size=6))
def test_pages_of_the_preview_are_pieces_of_the_rows_and_each_teaches_something(rows):
    pages = pages_of([{"tokens": [list(token) for token in row]} for row in rows])
    joined = [token for row in rows for token in row]
    assert all(any(learned for _, learned, _ in page) for page in pages[1:])
    at = 0
    for page in pages:  # in order, none changed
        while joined[at : at + len(page)] != page:
            at += 1
            assert at < len(joined)
        at += len(page)
    assert sum(len(page) for page in pages) <= len(joined)


# --------------------------------------------------------------------------------------------------------- settings


def test_expert_offers_every_option_with_its_meaning(open_panel, qtbot, pirate):
    panel = open_panel()
    panel.add_data([pirate])
    wait_until_read(qtbot, panel)
    qtbot.mouseClick(panel.presets.buttons["expert"], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: panel.expert is not None and "skip_bad_records" in panel.expert.rows)
    rows = panel.expert.rows
    shown = {key.partition(":")[0] for key in rows}
    from_outside = {"data", "out", "model", "preset", "tokenizer", "sample_prompts", "public_recipe"}
    assert shown == set(TrainingConfig.__dataclass_fields__) - from_outside - set(FROM_SCRATCH)
    for setting in TRAINING_SETTINGS:
        if setting.key in rows:
            row = rows[setting.key]
            assert not row.meaning.isVisible()
            qtbot.mouseClick(row.label, Qt.MouseButton.LeftButton)
            assert row.meaning.isVisible()
            assert row.meaning.text() == setting.tooltip


def test_what_an_expert_sets_is_what_starts_and_reset_takes_it_back(open_panel, qtbot, pirate):
    panel = open_panel()
    panel.add_data([pirate])
    wait_until_read(qtbot, panel)
    before = panel.plan.config
    click(qtbot, panel.presets.buttons["expert"])
    settle(qtbot, panel)
    assert panel.plan.config == before
    type_value(qtbot, panel, "lr", "7e-5")
    type_value(qtbot, panel, "epochs", "50")
    type_value(qtbot, panel, "lora_rank", "4")
    config = panel.plan.config
    assert (config["lr"], config["lora_rank"]) == (7e-5, 4)
    assert panel.plan.epochs == pytest.approx(50, rel=0.1)
    qtbot.waitUntil(lambda: "lora_alpha" in panel.expert.rows)
    assert panel.expert.rows["steps"].editor.text() == str(config["steps"])
    assert panel.expert.rows["last_blocks"].reason.text() == "A LoRA adapter is trained instead."
    assert not panel.expert.rows["last_blocks"].editor.isEnabled()
    assert panel.expert.rows["lora_alpha"].editor.isEnabled()
    assert "LoRA adapter of rank 4" in panel.model_card.about.text()
    TrainingConfig.from_dict(config | {"out": "run"})
    type_value(qtbot, panel, "steps", "123")
    assert panel.plan.config["steps"] == 123
    qtbot.mouseClick(panel.expert.reset_button, Qt.MouseButton.LeftButton)
    settle(qtbot, panel)
    assert panel.plan.config == before


def test_a_rate_that_would_destroy_the_model_stops_the_start_with_the_reason(open_panel, qtbot, pirate):
    panel = open_panel()
    panel.add_data([pirate])
    click(qtbot, panel.presets.buttons["expert"])
    wait_until_read(qtbot, panel)
    settle(qtbot, panel)
    type_value(qtbot, panel, "lr", "0.5")
    assert not panel.start_button.isEnabled()
    assert "learning rate of 0.5" in panel.obstacle.text()
    click(qtbot, panel.presets.buttons["standard"])  # which sets its own
    qtbot.waitUntil(panel.start_button.isEnabled)


def test_no_patience_where_nothing_is_held_out(open_panel, qtbot, tmp_path):
    few = tmp_path / "few.txt"
    few.write_text("once upon a time there was a cat.\n\n" * 5)
    panel = open_panel()
    panel.add_data([few])
    wait_until_read(qtbot, panel)
    assert panel.plan.config["patience"] == 0
    assert any("No text is held out" in what for what, _, _ in panel.findings.shown)


def test_few_replies_are_asked_about_and_end_by_patience(open_panel, qtbot, tmp_path):
    panel = open_panel()
    panel.add_data([write_lines(tmp_path / "few.jsonl", PAIRS[:5])])
    wait_until_read(qtbot, panel)
    assert panel.plan.config["patience"] == 3
    assert not any("No text is held out" in what for what, _, _ in panel.findings.shown)


def test_sample_prompts_are_edited_in_place(open_panel, qtbot, pirate):
    panel = open_panel()
    panel.add_data([pirate])
    wait_until_read(qtbot, panel)
    assert not panel.prompts.isVisible()
    qtbot.mouseClick(panel.prompts_button, Qt.MouseButton.LeftButton)
    assert panel.prompts.add_button.isVisible()
    qtbot.mouseClick(panel.prompts.add_button, Qt.MouseButton.LeftButton)
    qtbot.keyClicks(panel.prompts.lines[-1].edit, "who are you?")
    qtbot.waitUntil(lambda: panel.plan.config["sample_prompts"][-1] == "who are you?")
    for _ in range(2):
        qtbot.mouseClick(panel.prompts.add_button, Qt.MouseButton.LeftButton)
    assert not panel.prompts.add_button.isEnabled()
    first = panel.prompts.lines[0].edit
    first.selectAll()
    qtbot.keyClick(first, Qt.Key.Key_Backspace)
    left = ("what do you like to do?", "tell me a story.", "who are you?")
    qtbot.waitUntil(lambda: panel.choices.prompts == left)
    qtbot.mouseClick(panel.prompts_button, Qt.MouseButton.LeftButton)
    assert not panel.prompts.isVisible()


def test_sample_prompts_come_into_view_when_they_unfold(open_panel, qtbot, pirate):
    panel = open_panel(height=540)
    panel.add_data([pirate])
    wait_until_read(qtbot, panel)
    click(qtbot, panel.prompts_button)
    qtbot.waitUntil(lambda: not panel.prompts.add_button.visibleRegion().isEmpty())


def test_choices_are_kept_and_files_that_are_gone_are_not(open_panel, qtbot, pirate, tmp_path):
    panel = open_panel()
    gone = Path(shutil.copy(pirate, tmp_path / "gone.jsonl"))
    panel.add_data([pirate, gone])
    wait_until_read(qtbot, panel)
    click(qtbot, panel.data.cards[str(pirate)].more)
    click(qtbot, panel.presets.buttons["thorough"])
    panel.model_card.part_chosen.emit("lora")
    panel.save()
    gone.unlink()
    again = open_panel()
    assert again.choices.data == {str(pirate): 2.0}
    assert again.choices.preset == "thorough"
    wait_until_read(qtbot, again)
    assert again.plan.config["lora_rank"] == 8


def test_a_run_can_be_set_up_again_as_it_was(open_panel, qtbot, pirate):
    run = TrainingConfig(
        (f"{pirate}:2",), "run", "i3-mini", steps=77, lr=1e-4, batch_size=4, lora_rank=4, lora_alpha=6.0, patience=3,
        loss_on="all", shuffle=False, sample_prompts=("who are you?",), seed=5, eval_every=11,
    )  # fmt: skip
    panel = open_panel()
    panel.show_config(json.loads(json.dumps(vars(run))))
    wait_until_read(qtbot, panel)
    assert TrainingConfig.from_dict(panel.plan.config | {"out": "run"}) == run
    by_epochs = replace(run, steps=0, epochs=30.0)
    panel.show_config(vars(by_epochs))
    assert panel.plan.epochs == pytest.approx(30, rel=0.05)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["model", "data", "preset", "changes", "prompts", "lr", "steps"]), inner)
        ),
        max_leaves=12,
    )
)
def test_any_file_of_choices_can_be_started_from(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("choices") / "training.json"
    path.write_text(json.dumps(content))
    choices = read_setup(path)
    write_setup(path, choices)
    assert read_setup(path) == choices


# ------------------------------------------------------------------------------------------------------- rehearsing


@pytest.mark.slow
def test_the_run_is_measured_on_this_machine_and_other_lengths_need_no_second_measurement(
    open_panel, qtbot, pirate, paths
):
    write_setup(paths.settings_file.with_name("training.json"), SetupState(preset="expert", changes=SMALL))
    panel = open_panel(measures=True)
    panel.add_data([pirate])
    wait_for_text(qtbot, panel.estimate.note, "Measuring")
    assert panel.start_button.isEnabled()  # nobody has to wait for it
    qtbot.waitUntil(lambda: panel.plan.is_measured, timeout=CHILD_MS)
    assert panel.estimate.rows.values["Time"].text().startswith("about ")
    assert panel.estimate.rows.values["Time"].text().endswith("on this CPU")
    assert " of " in panel.estimate.rows.values["Memory"].text()
    assert " of " in panel.estimate.rows.values["Disk"].text()
    assert not panel.estimate.note.isVisible()
    short = panel.estimate.rows.values["Time"].text()
    type_value(qtbot, panel, "steps", "900000")
    assert not panel.dry_run.measuring
    assert panel.estimate.rows.values["Time"].text() != short
    type_value(qtbot, panel, "batch_size", "2")  # this changes the pace
    assert panel.dry_run.measuring
    panel.hide()
    qtbot.waitUntil(lambda: not reading(panel), timeout=CHILD_MS)
    assert not panel.plan.is_measured


def test_only_what_the_pace_depends_on_begins_a_new_rehearsal():
    config = {"model": "m", "data": ["d"], "batch_size": 2, "steps": 10, "lr": 1e-3, "eval_every": 5}
    same = config | {"steps": 20, "lr": 1e-4, "eval_every": 7}
    assert dry_run_config(config) == dry_run_config(same)
    for other in ({"batch_size": 4}, {"eval_every": 0}, {"lora_rank": 2}, {"precision": "bfloat16"}):
        assert dry_run_config(config | other) != dry_run_config(config)


def planned(dry_run: DryRunResult, tmp_path, pirate, **report):
    found = {"shapes": {"prompt and completion": 40}, "records": 40, "rows": 40, "tokens": 4000} | report
    source = DataSource(str(pirate), report=found)
    choices = SetupState(data={source.path: 1.0})
    return make_plan(choices, ENTRY, {source.path: source}, lambda config: dry_run, tmp_path)


def test_a_refused_rehearsal_stops_the_start_and_one_that_broke_off_does_not(tmp_path, pirate):
    refused = planned(DryRunResult(refusal="A training step needs about 90 GB of memory."), tmp_path, pirate)
    assert refused.obstacle == "A training step needs about 90 GB of memory."
    started = {
        "total_steps": 9, "held_out_rows": 8, "tokens_per_epoch": 4000, "trainable": 10, "memory_bytes": 10**9,
        "checkpoint_bytes": 10**8, "device": "CPU, 2 threads",
    }  # fmt: skip
    broken = planned(DryRunResult(started, refusal="It was ended from outside."), tmp_path, pirate)
    assert broken.obstacle == ""
    assert "could not be measured" in broken.findings[-1][0]
    doubtful = planned(DryRunResult(started, warnings=(("memory", "It is tight.", "Close."),)), tmp_path, pirate)
    assert ("It is tight.", "Close.", False) in doubtful.findings


def test_a_full_disk_is_told_before_the_start(tmp_path, pirate, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))
    plan = planned(DryRunResult(), tmp_path, pirate)
    assert "need" in plan.obstacle
    assert "disk has" in plan.obstacle


# ------------------------------------------------------------------------------------------------------------ model


def test_another_model_reads_the_data_with_its_own_chunks(open_panel, qtbot, pirate, tmp_path):
    folder = tmp_path / "other"
    shutil.copytree(MINI, folder, ignore=shutil.ignore_patterns("recipe", "README.md"))
    other = Entry(folder, Origin.OWN, replace(ENTRY.facts, folder=folder, name="other"))
    panel = open_panel()
    panel.show_models([ENTRY, other], None)
    panel.add_data([pirate])
    wait_until_read(qtbot, panel)
    panel.model_card.menu().aboutToShow.emit()
    action = next(each for each in panel.model_card.menu().actions() if each.text().startswith("other"))
    action.trigger()
    qtbot.waitUntil(lambda: not panel.check.sources[str(pirate)].is_known)
    wait_until_read(qtbot, panel)
    assert panel.plan.config["model"] == str(folder)
    assert panel.name.placeholderText() == "pirate-other"


def test_without_a_model_the_panel_says_so(open_panel, qtbot, pirate):
    panel = open_panel()
    panel.show_models([], None)
    panel.add_data([pirate])
    wait_for_text(qtbot, panel.obstacle, "Choose a base model.")
    panel.show_models([Entry(MINI, Origin.BUNDLED, None, "It is damaged.", "Copy it again.")], None)
    wait_for_text(qtbot, panel.obstacle, "It is damaged.")


# ---------------------------------------------------------------------------------------------------- for everybody


def test_every_control_has_a_name_and_a_tooltip_and_fits_in_the_column(open_panel, qtbot, pirate):
    panel = open_panel(height=540)
    click(qtbot, panel.presets.buttons["expert"])
    panel.add_data([pirate])
    wait_until_read(qtbot, panel)
    click(qtbot, panel.prompts_button)
    qtbot.waitUntil(lambda: "skip_bad_records" in panel.expert.rows)
    qtbot.wait(50)
    for kind in (QAbstractButton, QLineEdit):
        for control in panel.findChildren(kind):
            if control.isVisible() and control.focusPolicy() != Qt.FocusPolicy.NoFocus:
                assert control.accessibleName() or getattr(control, "text", str)(), control
                inherited = control.toolTip() or control.parentWidget().toolTip()
                assert inherited, (control, control.accessibleName())
    assert panel.findChild(QScrollArea).widget().width() <= panel.findChild(QScrollArea).viewport().width()


def test_it_can_be_used_with_the_keyboard_alone(open_panel, qtbot, pirate):
    panel = open_panel()
    panel.add_data([pirate])
    wait_until_read(qtbot, panel)
    panel.activateWindow()
    panel.model_card.setFocus()
    reached = set()
    for _ in range(40):
        reached.add(QApplication.focusWidget())
        panel.focusNextChild()
    card = panel.data.cards[str(pirate)]
    assert {card.remove, card.more, panel.data.zone, panel.data.folder_button, panel.start_button} <= reached
    with qtbot.waitSignal(panel.start_requested):
        qtbot.keyClick(panel.name, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)


def test_it_follows_the_theme(open_panel, qtbot, qapp, pirate):
    panel = open_panel()
    panel.add_data([pirate])
    wait_until_read(qtbot, panel)
    Theme(qapp, "dark")
    qtbot.wait(50)
    assert panel.grab().toImage().pixelColor(4, 4).name().upper() == DARK.bg
