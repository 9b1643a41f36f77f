"""One running i3desk per data folder; a second start brings the first window to the front."""

from __future__ import annotations

import hashlib
import json

from PySide6.QtCore import QLockFile, QObject, Signal, Slot
from PySide6.QtNetwork import QLocalServer, QLocalSocket

from i3desk.paths import Paths

ANSWER_MS = 2000


class SingleInstance(QObject):
    """A lock file in the data folder, and a local socket (no network) from a second start to the first.

    Attributes:
        is_first: whether this process may use the data.
    Signals:
        called(model_folder): Emitted when i3desk was started again; "" if without a model folder.
    """

    called = Signal(str)

    def __init__(self, paths: Paths, parent: QObject | None = None) -> None:
        super().__init__(parent)
        folder = paths.conversations_file.parent
        self._name = "i3desk-" + hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._on_called)
        self._lock: QLockFile | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:  # the store reports it with a remedy
            self.is_first = True
            return
        self._lock = QLockFile(str(folder / "i3desk.lock"))
        self._lock.setStaleLockTime(0)  # only a live process holds it; a killed one does not
        self.is_first = self._lock.tryLock(0) or self._lock.error() == QLockFile.LockError.PermissionError
        if self.is_first:
            QLocalServer.removeServer(self._name)
            self._server.listen(self._name)

    def call_first(self, model_folder: str | None) -> bool:
        """Ask the running i3desk to show its window; False if it does not answer."""
        socket = QLocalSocket()
        socket.connectToServer(self._name)
        if not socket.waitForConnected(ANSWER_MS):
            return False
        socket.write(json.dumps({"model": model_folder or ""}).encode() + b"\n")
        return socket.waitForBytesWritten(ANSWER_MS)

    def release(self) -> None:
        """Release the lock for another i3desk."""
        self._server.close()
        if self.is_first and self._lock is not None:
            self._lock.unlock()

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
            try:
                content = json.loads(bytes(socket.readLine().data()))
                self.called.emit(str(content.get("model", "")))
            except (ValueError, AttributeError):
                self.called.emit("")
