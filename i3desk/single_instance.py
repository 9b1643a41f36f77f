"""One running i3desk per data folder; a second start brings the first window to the front."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil
from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtNetwork import QLocalServer, QLocalSocket

from i3core.system.files import read_file
from i3desk.paths import Paths

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

log = logging.getLogger(__name__)
ANSWER_MS = 5000
END_S = 5.0  # from asking a process to end until it is ended
ANSWER = b"shown\n"
_WINDOWS_BYTE = 1_000_000  # locked on Windows, behind the content, which others may read


class SystemLock:
    """An exclusive lock of the operating system on a file, which ends with its process.

    The content of the file, the holder's process, does not decide anything: it may be damaged, or of another computer.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: int | None = None

    def acquire(self) -> bool:
        """Take the lock; False if another process holds it. Raises OSError if the system cannot lock here."""
        while True:
            try:
                file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
            except OSError:
                file = os.open(self.path, os.O_RDONLY)  # a full or read-only disk
            try:
                _lock(file)
                if os.path.samestat(os.fstat(file), os.stat(self.path)):
                    self._file = file
                    self._note_holder()
                    return True
            except (BlockingIOError, PermissionError):
                os.close(file)
                return False
            except FileNotFoundError:
                pass
            except OSError:
                os.close(file)
                raise
            os.close(file)  # its holder removed it between the two calls

    def release(self) -> None:
        """Remove the file and end the lock."""
        if self._file is not None:
            try:
                self.path.unlink(missing_ok=True)
            except OSError:
                pass
            os.close(self._file)
            self._file = None

    def holder(self) -> psutil.Process | None:
        """The process that holds the lock; None if it is not on this computer or not known."""
        try:
            content = json.loads(read_file(self.path, 1000))
            process = psutil.Process(content["pid"])
            return process if abs(process.create_time() - content["started"]) < 2 else None
        except (OSError, ValueError, RecursionError, TypeError, KeyError, OverflowError, psutil.Error):
            return None

    def _note_holder(self) -> None:
        assert self._file is not None
        started = psutil.Process().create_time()
        try:
            os.ftruncate(self._file, 0)
            os.write(self._file, json.dumps({"pid": os.getpid(), "started": started}).encode())
        except OSError as error:  # a full disk: another start then cannot offer to end this process
            log.warning("The lock file %s cannot be written: %s", self.path, error)


def _lock(file: int) -> None:
    """Lock an open file. Raises BlockingIOError or PermissionError if it is locked, OSError if that is impossible."""
    if sys.platform == "win32":
        os.lseek(file, _WINDOWS_BYTE, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        os.lseek(file, 0, os.SEEK_SET)
    else:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


@dataclass(frozen=True)
class StartRequest:
    """What a start of i3desk is asked to open: a model folder ("" for none), and files and folders of any kind."""

    model: str = ""
    paths: tuple[Path, ...] = ()

    def to_line(self) -> bytes:
        """The request as one line of JSON."""
        return json.dumps({"model": self.model, "paths": list(map(str, self.paths))}).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> StartRequest:
        """Read a line, perhaps of another version; what is not understood is left out."""
        try:
            content = json.loads(line)
            return cls(str(content.get("model", "")), tuple(map(Path, content.get("paths", ()))))
        except (ValueError, RecursionError, AttributeError, TypeError):
            return cls()


class SingleInstance(QObject):
    """A lock in the data folder, and a local socket (no network) from a second start to the first.

    Attributes:
        is_first: whether this process may use the data.
    Signals:
        called(StartRequest): Emitted when i3desk was started again.
    """

    called = Signal(object)

    def __init__(self, paths: Paths, parent: QObject | None = None) -> None:
        super().__init__(parent)
        folder = paths.conversations_file.parent
        self._name = "i3desk-" + hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:16]
        self._lock = SystemLock(paths.lock_file)
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._on_called)
        self.is_first = False
        self.take()

    def take(self) -> bool:
        """Become the first instance if no other one is running; returns `is_first`."""
        try:
            self._lock.path.parent.mkdir(parents=True, exist_ok=True)
            self.is_first = self._lock.acquire()
        except OSError as error:  # no lock can be had here; the store reports what is wrong with the folder
            log.warning("The data folder cannot be locked: %s", error)
            self.is_first = not self._connected(QLocalSocket())
        if self.is_first:
            QLocalServer.removeServer(self._name)
            if not self._server.listen(self._name):
                log.warning("A second start cannot reach this one: %s", self._server.errorString())
        return self.is_first

    def call_first(self, request: StartRequest) -> bool:
        """Ask the running i3desk to show its window and open what is requested; False if it does not answer."""
        socket = QLocalSocket()
        if not self._connected(socket):
            return False
        socket.write(request.to_line())
        socket.flush()
        return socket.waitForReadyRead(ANSWER_MS) and bytes(socket.readLine().data()) == ANSWER

    def can_end_first(self) -> bool:
        """Whether the running i3desk is a known process of this computer."""
        return self._lock.holder() is not None

    def end_first(self) -> bool:
        """End the running i3desk, which does not answer, and take its place; returns `is_first`."""
        process = self._lock.holder()
        if process is not None:
            try:
                process.kill()  # one that hangs, or is stopped, handles no gentler signal; stored chats are safe
                process.wait(END_S)
            except psutil.Error as error:
                log.warning("The other i3desk could not be ended: %s", error)
        return self.take()

    def release(self) -> None:
        """Release the lock for another i3desk."""
        self._server.close()
        self._lock.release()

    def _connected(self, socket: QLocalSocket) -> bool:
        socket.connectToServer(self._name)
        return socket.waitForConnected(ANSWER_MS)

    @Slot()
    def _on_called(self) -> None:
        socket = self._server.nextPendingConnection()
        socket.readyRead.connect(self._on_message)
        socket.disconnected.connect(socket.deleteLater)

    @Slot()
    def _on_message(self) -> None:
        socket = self.sender()
        assert isinstance(socket, QLocalSocket)
        if socket.canReadLine():
            self.called.emit(StartRequest.from_line(bytes(socket.readLine().data())))
            socket.write(ANSWER)
            socket.flush()
