"""Child processes that start in milliseconds: forks of a process that has torch and i3core loaded.

A child is as real as one of `subprocess`: a process with its own session, pipes, working directory and environment,
with real signals and a real exit status. Only its imports are done in advance. A test of what a command imports, or of
what happens before torch is loaded, needs a fresh interpreter.
"""

from __future__ import annotations

import atexit
import json
import os
import runpy
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import types
from typing import NoReturn

IGNORABLE = ("SIGHUP", "SIGINT", "SIGTERM")  # a child inherits whether these are ignored, as under nohup


class ForkServer:
    """The process to fork from, and a connection to request children from it."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._turn = threading.Lock()  # relays are adopted in a thread
        self._requests, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno())], env=environment, pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip

    def start(
        self,
        arguments: list[str],
        *,
        code: str | None = None,
        env: dict[str, str],
        cwd: str | os.PathLike,
        stdin: int = subprocess.DEVNULL,
        stdout: int = subprocess.PIPE,
        stderr: int = subprocess.PIPE,
    ) -> ForkedProcess:
        """Run `python -m i3core ARGUMENTS` or `python -c CODE ARGUMENTS`; streams are PIPE or DEVNULL."""
        ends = [_stream(kind, number == 0) for number, kind in enumerate((stdin, stdout, stderr))]
        ours, theirs = ([end[side] for end in ends] for side in (0, 1))
        status, their_status = socket.socketpair()
        try:
            ignored = [name for name in IGNORABLE if signal.getsignal(getattr(signal, name)) == signal.SIG_IGN]
            request = {"arguments": arguments, "code": code, "env": env, "cwd": str(cwd), "ignored": ignored}
            content = json.dumps(request).encode()
            handles = [*theirs, their_status.fileno()]
            with self._turn:
                socket.send_fds(self._requests, [struct.pack("!I", len(content))], handles)
                self._requests.sendall(content)
        finally:
            for handle in theirs:
                os.close(handle)
            their_status.close()
        return ForkedProcess(status, *ours)

    def wait_until_ready(self) -> None:
        """Wait for its imports, so that no child's time limit has to include them."""
        with self.start([], code="", env=dict(os.environ), cwd=os.getcwd()) as child:
            child.wait()

    def adopt(self, relay: socket.socket) -> None:
        """Run what a `fork_relay` asks for: with its streams, and as long as it lives."""
        header, handles, _, _ = socket.recv_fds(relay, 4, 3)
        request = json.loads(_exactly(relay, *struct.unpack("!I", header)))
        content = json.dumps({**request, "code": None, "ignored": [], "ends_with_caller": True}).encode()
        with self._turn:
            socket.send_fds(self._requests, [struct.pack("!I", len(content))], [*handles, relay.fileno()])
            self._requests.sendall(content)
        for handle in handles:
            os.close(handle)

    def close(self) -> None:
        self._requests.close()
        self._process.wait()


class ForkedProcess:
    """A child with the interface of `subprocess.Popen` in text mode."""

    def __init__(self, status: socket.socket, stdin: int | None, stdout: int | None, stderr: int | None) -> None:
        self._status = status
        self.returncode: int | None = None
        self.stdin = stdin and os.fdopen(stdin, "w", encoding="utf-8")
        self.stdout = stdout and os.fdopen(stdout, encoding="utf-8")
        self.stderr = stderr and os.fdopen(stderr, encoding="utf-8")
        (self.pid,) = struct.unpack("!i", _exactly(status, 4))

    def poll(self) -> int | None:
        return self._status_within(0)

    def wait(self, timeout: float | None = None) -> int:
        status = self._status_within(timeout)
        if status is None:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout)
        return status

    def _status_within(self, timeout: float | None) -> int | None:
        if self.returncode is None and select.select([self._status], [], [], timeout)[0]:
            (self.returncode,) = struct.unpack("!i", _exactly(self._status, 4))
            self._status.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def communicate(self, input: str = "", timeout: float | None = None) -> tuple[str, str]:
        """Write `input`, read all output, and wait for the end."""
        deadline = None if timeout is None else time.monotonic() + timeout
        texts = {}

        def read(name: str) -> None:
            with getattr(self, name) as stream:
                texts[name] = stream.read()

        open_streams = [name for name in ("stdout", "stderr") if getattr(self, name) and not getattr(self, name).closed]
        readers = [threading.Thread(target=read, args=(name,), daemon=True) for name in open_streams]
        for reader in readers:
            reader.start()
        if self.stdin is not None and not self.stdin.closed:
            try:
                self.stdin.write(input)
                self.stdin.close()
            except BrokenPipeError:  # it ended without reading
                pass
        for reader in readers:
            reader.join(None if deadline is None else max(0.0, deadline - time.monotonic()))
            if reader.is_alive():
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout)
        self.wait(None if deadline is None else max(0.0, deadline - time.monotonic()))
        return texts.get("stdout", ""), texts.get("stderr", "")

    def close(self) -> None:
        """Kill the child if it is still running, and close the pipes."""
        self.kill()
        self.wait()
        for stream in (self.stdin, self.stdout, self.stderr):
            try:
                if stream is not None:
                    stream.close()
            except BrokenPipeError:
                pass

    def __enter__(self) -> ForkedProcess:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _stream(kind: int, is_input: bool) -> tuple[int | None, int]:
    """Our end of a stream, or None, and the child's end."""
    if kind == subprocess.DEVNULL:
        return None, os.open(os.devnull, os.O_RDWR)
    assert kind == subprocess.PIPE
    read, write = os.pipe()
    return (write, read) if is_input else (read, write)


def _exactly(source: socket.socket, count: int) -> bytes:
    content = b""
    while len(content) < count:
        part = source.recv(count - len(content))
        if not part:
            raise EOFError("the fork server ended")
        content += part
    return content


# --------------------------------------------------------------------------------------------- in the other process


def _serve(requests: socket.socket) -> dict | None:
    """Fork for each request. Returns the request in the child, and None in this process when the connection closes.

    A process between the two waits for the child and reports its exit status.
    """
    while True:
        header, handles, _, _ = socket.recv_fds(requests, 4, 4)
        if not header:
            return None
        request = json.loads(_exactly(requests, *struct.unpack("!I", header)))
        if os.fork():
            for handle in handles:
                os.close(handle)
            continue
        requests.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # so that the child can be waited for
        *streams, status = handles
        child = os.fork()
        if not child:
            os.close(status)
            return {**request, "streams": streams}
        for handle in streams:
            os.close(handle)
        with socket.socket(fileno=status) as report:
            try:
                report.sendall(struct.pack("!i", child))
                if request.get("ends_with_caller"):
                    _kill_with(report, child)
                report.sendall(struct.pack("!i", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])))
            except BrokenPipeError:  # the test run was ended
                pass
        os._exit(0)


def _kill_with(caller: socket.socket, child: int) -> None:
    """Return when the child has ended; kill it if the caller ends before."""
    ended = os.pidfd_open(child)
    found, _, _ = select.select([ended, caller], [], [])
    if ended not in found:
        os.kill(child, signal.SIGKILL)
    os.close(ended)


def _become(request: dict) -> None:
    """Set session, signals, streams, environment and working directory as requested."""
    os.setsid()
    for name in IGNORABLE:
        default = signal.default_int_handler if name == "SIGINT" else signal.SIG_DFL
        signal.signal(getattr(signal, name), signal.SIG_IGN if name in request["ignored"] else default)
    for number, handle in enumerate(request["streams"]):
        os.dup2(handle, number)
        os.close(handle)
    sys.stdin = os.fdopen(0, encoding="utf-8", errors="surrogateescape", closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", errors="surrogateescape", closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    sys.path[0] = "" if request["code"] else request["cwd"]


def _run(arguments: list[str], code: str | None) -> None:
    if code is None:
        sys.argv = ["i3core", *arguments]
        runpy.run_module("i3core", run_name="__main__", alter_sys=True)
    else:
        sys.argv = ["-c", *arguments]
        main = sys.modules["__main__"] = types.ModuleType("__main__")
        exec(compile(code, "<string>", "exec"), main.__dict__)


def _end(error: BaseException | None) -> NoReturn:
    """End like the interpreter, except that the system frees the memory, which is much faster."""
    status: object = None
    if isinstance(error, SystemExit):
        status = error.code
    elif error is not None:
        sys.excepthook(type(error), error, error.__traceback__)
        status = 1
    if not isinstance(status, int | None):
        print(status, file=sys.stderr)
        status = 1
    threading._shutdown()
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
    except OSError:
        status = 120
    if isinstance(error, KeyboardInterrupt):
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    os._exit((status or 0) & 0xFF)


def _main(handle: int) -> None:
    import gc

    import torch._dynamo  # noqa: F401 (the first step of an optimiser imports it)

    import i3core.cli.main
    import i3core.training.train  # noqa: F401

    assert threading.active_count() == 1, "a process with threads cannot be forked safely"
    gc.freeze()  # shared pages stay shared
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the test run, which then ends this
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    request = _serve(socket.socket(fileno=handle))
    if request is not None:
        error: BaseException | None = None
        try:
            _become(request)
            _run(request["arguments"], request["code"])
        except BaseException as raised:
            error = raised
        _end(error)


if __name__ == "__main__":
    _main(int(sys.argv[1]))
