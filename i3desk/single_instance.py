"""One i3desk for each user and place of data: a second start brings the first window to the front."""

from __future__ import annotations

import hashlib
import json

from PySide6.QtCore import QLockFile, QObject, Signal, Slot
from PySide6.QtNetwork import QLocalServer, QLocalSocket

from i3desk.paths import Paths

ANSWER_MS = 2000


class SingleInstance(QObject):
    """A lock beside the data, and a local socket (no network) through which a second start calls the first.

    Attributes:
        is_first: whether this process may use the data.
    Signals:
        called(model_folder): somebody started i3desk again, perhaps with a model folder ("" if not).
    """

    called = Signal(str)

    def __init__(self, paths: Paths, parent: QObject | None = None) -> None:
        super().__init__(parent)
        folder = paths.conversations_file.parent
        self._name = "i3desk-" + hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._on_called)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:  # the store says it better
            self.is_first = True
            return
        self._lock = QLockFile(str(folder / "i3desk.lock"))
        self._lock.setStaleLockTime(0)  # held as long as the process lives, also one that was killed leaves it free
        self.is_first = self._lock.tryLock(0) or self._lock.error() == QLockFile.LockError.PermissionError
        if self.is_first:
            QLocalServer.removeServer(self._name)
            self._server.listen(self._name)

    def call_first(self, model_folder: str | None) -> bool:
        """Ask the i3desk that runs already to show itself; False if it does not answer."""
        socket = QLocalSocket()
        socket.connectToServer(self._name)
        if not socket.waitForConnected(ANSWER_MS):
            return False
        socket.write(json.dumps({"model": model_folder or ""}).encode() + b"\n")
        return socket.waitForBytesWritten(ANSWER_MS)

    def release(self) -> None:
        """Let another i3desk use the data."""
        self._server.close()
        if self.is_first and hasattr(self, "_lock"):
            self._lock.unlock()

    @Slot()
    def _on_called(self) -> None:
        socket = self._server.nextPendingConnection()
        socket.readyRead.connect(self._on_message)
        socket.disconnected.connect(socket.deleteLater)

    @Slot()
    def _on_message(self) -> None:
        socket = self.sender()
        if socket.canReadLine():
            try:
                content = json.loads(bytes(socket.readLine()))
                self.called.emit(str(content.get("model", "")))
            except (ValueError, AttributeError):
                self.called.emit("")
