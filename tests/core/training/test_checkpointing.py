"""Checkpoints of a run survive being killed at any step of writing them, and a disk that is full."""

import shutil

import pytest
from marked_models import at_step, read, step_of

from i3core.checkpoints.checkpoint import load
from i3core.errors import TrainingError
from i3core.model.lora import add_lora, lora_layers
from i3core.runs.folder import RunFolder
from i3core.training.checkpointing import load_trainer_state, save_checkpoint


@pytest.fixture
def run(tmp_path):
    folder = RunFolder(tmp_path / "run")
    folder.create()
    folder.describe({"config": {}})
    return folder


@pytest.fixture(params=["complete", "adapter"])
def model(request, folder):
    model = load(folder, device="cpu")
    if request.param == "adapter":
        add_lora(model.network, 2, 4.0)
    return model


def names(run):
    return sorted(path.name for path in run.last.parent.iterdir())


def test_checkpoints_load_as_saved(run, model):
    for step in (1, 2, 3):
        save_checkpoint(at_step(model, step), run.last, {"step": step})
        save_checkpoint(at_step(model, 10 * step), run.best)
    assert load_trainer_state(run) == {"step": 3}
    assert (step_of(read(model, run.last)), step_of(read(model, run.best))) == (3, 30)
    assert names(run) == ["best", "last"]


# Kills a forked copy of itself before the n-th change of a file, for every n, and says which step loads then, before
# and after the repair. `aside`: the run before had been killed, too, when it had set the checkpoint aside.
KILLED = """
import json, os, shutil, signal, sys
import torch
from i3core.checkpoints.checkpoint import load
from i3core.runs.folder import RunFolder
from i3core.training.checkpointing import load_trainer_state, save_checkpoint
from i3core.model.lora import add_lora
from marked_models import at_step, read, step_of

torch.set_num_threads(1)
base, adapter = sys.argv[1], sys.argv[2] == "adapter"
CHANGES = ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "open", "shutil.rmtree")
left = 0

def watch(event, arguments):
    global left
    if left and event in CHANGES and "checkpoints" in str(arguments):
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

def save_and_die(change):
    global left
    child = os.fork()
    if not child:
        left = change
        save_checkpoint(at_step(model, 2), run.last, {"step": 2})
        os._exit(0)
    return os.waitpid(child, 0)[1] != 0

os.fsync = lambda handle: None  # slow, and a kill loses nothing that was written
sys.addaudithook(watch)
model = load(base, device="cpu")
if adapter:
    add_lora(model.network, 2, 4.0)
run = RunFolder("run")
run.create()
run.describe({"config": {}})
found = []
for aside in (False, True):
    change, died = 0, True
    while died:
        change += 1
        save_checkpoint(at_step(model, 1), run.last, {"step": 1})
        if aside:
            run.last.rename("run/checkpoints/last.old")
            shutil.copytree("run/checkpoints/last.old", "run/checkpoints/last.new")
        died = save_and_die(change)
        before = step_of(read(model, run.last))
        state = load_trainer_state(run)["step"]
        names = [path.name for path in run.last.parent.iterdir()]
        found.append([aside, before, state, step_of(read(model, run.last)), names])
print(json.dumps(found))
"""


@pytest.mark.parametrize("kind", ["complete", "adapter"])
def test_writer_killed_at_any_moment_leaves_a_whole_checkpoint(process, folder, kind):
    outcome = process(code=f"import sys; sys.argv[1:] = {[str(folder), kind]!r}\n" + KILLED)
    assert outcome.status == 0, outcome.err
    for aside in (False, True):
        steps = [before for was_aside, before, *_ in outcome.json if was_aside == aside]
        assert len(steps) > 10
        assert steps == sorted(steps)
        assert (steps[0], steps[-1]) == (1, 2)
    for _, before, state, after, names in outcome.json:
        assert before == state == after
        assert names == ["last"]


def test_best_checkpoint_that_was_set_aside_is_restored(run, model):
    save_checkpoint(at_step(model, 5), run.best)
    run.best.rename(run.best.with_name("best.old"))
    shutil.copytree(run.best.with_name("best.old"), run.best.with_name("best.new"))
    assert step_of(read(model, run.best)) == 5
    assert names(run) == ["best.new", "best.old"]  # who only reads changes nothing
    assert load_trainer_state(run) is None
    assert names(run) == ["best"]
    assert step_of(read(model, run.best)) == 5


def test_model_folder_outside_a_run_has_no_old_copy(cli, folder):
    folder.rename(folder.with_name("model.old"))
    cli("info", folder).fails("no model folder")


# --------------------------------------------------------------------------------------------------- a full disk

LIMITED = """
import resource, sys, torch
from i3core.checkpoints.checkpoint import load
from i3core.errors import TrainingError
from i3core.runs.folder import RunFolder
from i3core.training.checkpointing import load_trainer_state, save_checkpoint
from i3core.model.lora import add_lora
from marked_models import at_step

model = load(sys.argv[1], device="cpu")
if sys.argv[2] == "adapter":
    add_lora(model.network, 2, 4.0)
run = RunFolder("run")
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
for limit in (0, 100, 3_000, 1_000_000):  # the last is enough for the weights, but not for the trainer's state
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    for folder, state in ((run.last, {"step": 2, "filler": torch.zeros(300_000)}), (run.best, None)):
        try:
            save_checkpoint(at_step(model, 2), folder, state)
            said = "saved"
        except TrainingError as error:
            said = str(error)
        left = sorted(path.name for path in run.last.parent.iterdir())
        print(limit, folder.name, load_trainer_state(run), *left, said, sep="|")
"""


def test_full_disk_keeps_the_previous_checkpoint(process, run, model, folder):
    """The process may not write files above some bytes, as if the disk were full."""
    for checkpoint in (run.last, run.best):
        save_checkpoint(at_step(model, 1), checkpoint, {"step": 1})
    kind = "adapter" if lora_layers(model.network) else "complete"
    outcome = process(code=f"import sys; sys.argv[1:] = {[str(folder), kind]!r}\n" + LIMITED)
    assert outcome.status == 0, outcome.err
    lines = outcome.out.splitlines()
    assert lines.pop() == "1000000|best|{'step': 1}|best|last|saved"
    assert len(lines) == 7
    for line in lines:
        _, _, state, *left, said = line.split("|")
        assert state == "{'step': 1}"
        assert left == ["best", "last"]
        assert "could not be written" in said
        assert "Free some disk space and --resume" in said
    assert (step_of(read(model, run.last)), step_of(read(model, run.best))) == (1, 2)
    save_checkpoint(at_step(model, 3), run.last, {"step": 3})
    assert load_trainer_state(run) == {"step": 3}


def test_unsaveable_weights_are_not_blamed_on_the_disk(run, model):
    save_checkpoint(at_step(model, 1), run.last, {"step": 1})
    with pytest.raises(TrainingError) as caught:
        save_checkpoint(at_step(model, float("nan")), run.last, {"step": 2})
    assert "disk" not in str(caught.value)
    assert names(run) == ["last"]
    assert load_trainer_state(run) == {"step": 1}


def test_unwritable_folder_is_a_clear_error(run, model, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(TrainingError, match="could not be written"):
        save_checkpoint(model, tmp_path / "file" / "last", {"step": 1})
