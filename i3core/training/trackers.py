"""Mirror a run's numbers and samples to Weights & Biases or TensorBoard.

A tracker only shows what the run folder holds. If a tracker fails, it is switched off with one warning on stderr, and
training continues.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..checkpoints.archive import LEFT_OUT
from ..errors import ConfigError
from ..runs.folder import RunFolder
from ..system.extras import install_hint

GROUPS = {"val_": "val/", "general_": "general/"}
MACHINE = ("rss_", "cpu_", "gpu_")
NOT_SHOWN = ("step", "total_steps")  # the axis, and a constant
SERVER_TIMEOUT_S = 30.0
UPLOAD_TIMEOUT_S = 600.0  # of the checkpoints


def grouped(record: Mapping[str, Any]) -> dict[str, float | int]:
    """Rename the numbers of a metrics.jsonl record for trackers, such as train/loss and val/loss.

    Other values (None, booleans, texts) are left out. Numbers unknown here belong to train/.
    """
    shown: dict[str, float | int] = {}
    for key, value in record.items():
        if key in NOT_SHOWN or isinstance(value, bool) or not isinstance(value, int | float):
            continue
        prefix = next((prefix for prefix in GROUPS if key.startswith(prefix)), "")
        group = "machine/" if key.startswith(MACHINE) else GROUPS.get(prefix, "train/")
        shown[group + key.removeprefix(prefix)] = value
    return shown


class Tracker(ABC):
    """Shows a run in another program. Its methods never raise.

    Attributes:
        name: as in `--track`.
        is_on: False once it has failed or was closed.
    """

    name = ""

    def __init__(self) -> None:
        self.is_on = True

    def log(self, step: int, numbers: Mapping[str, float | int]) -> None:
        """Show `numbers`, named as by `grouped`, at `step`."""
        self._attempt(self._log, step, numbers)

    def samples(self, step: int, replies: Mapping[str, str]) -> None:
        """Show the replies to the sample prompts at `step`, by prompt."""
        self._attempt(self._samples, step, replies)

    def close(self) -> None:
        """Write the rest and close the tracker."""
        self._attempt(self._close)
        self.is_on = False

    def _attempt(self, function: Callable[..., None], *arguments: Any) -> None:
        if not self.is_on:
            return
        try:
            function(*arguments)
        except Exception as error:  # a full disk, a server: no reason to end training
            self.is_on = False
            _warn(f"{self.name} failed and is switched off, training continues: {_first_line(error)}")

    @abstractmethod
    def _log(self, step: int, numbers: Mapping[str, float | int]) -> None: ...

    @abstractmethod
    def _samples(self, step: int, replies: Mapping[str, str]) -> None: ...

    @abstractmethod
    def _close(self) -> None: ...


class TensorBoardTracker(Tracker):
    """Event files in RUN/tensorboard.

    A resumed run hides what was written after its last checkpoint.
    """

    name = "tensorboard"

    def __init__(self, folder: Path, config: Mapping[str, Any], step: int) -> None:
        super().__init__()
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise _missing(self.name) from error
        again = (folder / "tensorboard").is_dir()
        self._writer = SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1 if step or again else None)
        if not again:
            rows = "\n".join(f"| {key} | {value} |" for key, value in config.items())
            self.samples(0, {"configuration": f"| setting | value |\n|---|---|\n{rows}"})

    def _log(self, step: int, numbers: Mapping[str, float | int]) -> None:
        for name, value in numbers.items():
            self._writer.add_scalar(name, value, step)

    def _samples(self, step: int, replies: Mapping[str, str]) -> None:
        for prompt, text in replies.items():
            self._writer.add_text(f"samples/{prompt}", text, step)

    def _close(self) -> None:
        self._writer.close()


class WandbTracker(Tracker):
    """A run in Weights & Biases.

    Settings in the environment (WANDB_MODE, WANDB_PROJECT, ...) take precedence.

    Samples are a table at each evaluation. When the run is closed its best and last checkpoint become versions of one
    artifact, with these words as aliases, unless `track_artifacts` of `config` is "none".

    Without login or network its files stay in RUN/wandb for `wandb sync`. The run's id is stored there, too, so that a
    resumed run continues the same one.
    """

    name = "wandb"

    def __init__(self, folder: Path, config: Mapping[str, Any], step: int) -> None:
        super().__init__()
        try:
            import wandb
        except ImportError as error:
            raise _missing(self.name) from error
        self._wandb = wandb
        run = RunFolder(folder)
        wanted = config.get("track_artifacts") != "none"
        self._checkpoints = {"last": run.last, "best": run.best} if wanted else {}
        # Its own metrics and its copy of the console are off: ours are in the log, and stdout may carry JSON.
        settings = {
            "console": "off",
            "silent": True,
            "x_disable_stats": True,
            "init_timeout": SERVER_TIMEOUT_S,
            "finish_timeout": UPLOAD_TIMEOUT_S if wanted else SERVER_TIMEOUT_S,
        }
        arguments = {
            "project": "i3core",
            "name": folder.resolve().name,
            "dir": str(folder),
            "run_id": _run_id(folder),
            "resume": "allow",
        }
        arguments = {key: value for key, value in arguments.items() if f"WANDB_{key.upper()}" not in os.environ}
        if "run_id" in arguments:
            arguments["id"] = arguments.pop("run_id")
        known = wandb.Settings.model_fields
        settings = {k: v for k, v in settings.items() if k in known and f"WANDB_{k.upper()}" not in os.environ}
        arguments |= {"config": dict(config), "settings": wandb.Settings(**settings)}
        (folder / "wandb").mkdir(parents=True, exist_ok=True)  # else wandb writes elsewhere
        self._run = self._start(arguments)

    def _start(self, arguments: dict[str, Any]) -> Any:
        """Start a run: as the environment says, otherwise online if there is a working login, otherwise offline."""
        where = "Its files stay in the folder wandb of the run; upload them with `wandb sync`."
        if "WANDB_MODE" not in os.environ and not self._is_logged_in():
            _warn(f"wandb is offline: there is no login for it here, or no network. {where}")
            return self._wandb.init(mode="offline", **arguments)
        try:
            return self._wandb.init(**arguments)
        except Exception as error:
            _warn(f"wandb is offline: {_first_line(error)}. {where}")
            self._wandb.teardown()  # otherwise its service considers the id used
            return self._wandb.init(mode="offline", **arguments)

    def _is_logged_in(self) -> bool:
        """Whether wandb finds a key; never asks for one on the terminal."""
        if self._wandb.setup().settings.mode != "online":  # chosen with `wandb offline`
            return True
        try:
            return bool(self._wandb.login(prompt=False))
        except Exception:
            return False

    def _log(self, step: int, numbers: Mapping[str, float | int]) -> None:
        self._run.log(dict(numbers), step=step)

    def _samples(self, step: int, replies: Mapping[str, str]) -> None:
        rows: list[Any] = [[step, prompt, text] for prompt, text in replies.items()]
        self._run.log({"samples": self._wandb.Table(["step", "prompt", "reply"], rows)}, step=step)

    def _close(self) -> None:
        for alias, folder in self._checkpoints.items():
            if folder.is_dir():
                self._run.log_artifact(self._artifact(folder), aliases=[alias])
        self._run.finish()

    def _artifact(self, folder: Path) -> Any:
        """The model in a checkpoint; without the optimizer's state, which is of use to this run only."""
        artifact = self._wandb.Artifact(f"i3-{self._run.id}", "model")
        for path in sorted(folder.iterdir()):
            if path.is_file() and path.name not in LEFT_OUT:
                artifact.add_file(str(path))
        return artifact


_TYPES: dict[str, Callable[[Path, Mapping[str, Any], int], Tracker]] = {
    tracker.name: tracker for tracker in (TensorBoardTracker, WandbTracker)
}


def check_trackers(names: Sequence[str]) -> None:
    """Raise ConfigError for an unknown name or a package that is not installed."""
    for name in names:
        if name not in _TYPES:
            raise ConfigError(f"There is no tracker {name!r}.", f"Known: {', '.join(_TYPES)}.")
        if importlib.util.find_spec(name) is None:
            raise _missing(name)


def build_trackers(names: Sequence[str], folder: str | Path, config: Mapping[str, Any], step: int = 0) -> list[Tracker]:
    """Start the trackers `names` for the run in `folder`, which has reached `step`.

    Raises ConfigError for an unknown name or a package that is not installed. A tracker that cannot start is left out
    with a warning.
    """
    check_trackers(names)
    trackers = []
    for name in dict.fromkeys(names):
        try:
            trackers.append(_TYPES[name](Path(folder), config, step))
        except ConfigError:
            raise
        except Exception as error:
            _warn(f"{name} could not start, training continues without it: {_first_line(error)}")
    return trackers


def _run_id(folder: Path) -> str:
    """Id of the run in `folder`, made at its first start: a folder of the same name elsewhere is another run."""
    path = folder / "wandb" / "id"
    if path.exists():
        return path.read_text(encoding="utf-8").strip()
    path.parent.mkdir(parents=True, exist_ok=True)
    identity = uuid.uuid4().hex[:12]
    path.write_text(identity, encoding="utf-8")
    return identity


def _missing(name: str) -> ConfigError:
    remedy = install_hint(name, "The run folder's metrics.jsonl has the same log.")
    return ConfigError(f"The package of the tracker {name!r} is not installed.", remedy)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")


def _warn(text: str) -> None:
    if sys.stderr is not None:  # none in a windowed build
        print(f"i3core: warning: {text}", file=sys.stderr, flush=True)
