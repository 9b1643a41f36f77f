"""Servers of i3core for tests, in a process of their own or in this one, and their clients."""

import functools
import json
import os
import subprocess
import sys
import threading
from contextlib import contextmanager

import httpx
import openai

from i3core.cli.main import build_parser
from i3core.cli.serve import open_server

HELLO = [{"role": "user", "content": "hello"}]


class Asked:
    """A running server as clients see it. They share connections: making a client takes longer than most answers.

    Attributes:
        url, root, port: the address for clients, the one without /v1, and the port.
        http: a client for plain requests.
    """

    def __init__(self, url):
        self.url, self.root = url, url.removesuffix("/v1")
        self.port = int(self.root.rpartition(":")[2])
        self.http = httpx.Client(timeout=60, limits=httpx.Limits(max_connections=None))
        self.client = functools.cache(self._client)

    def _client(self, key="any"):
        return openai.OpenAI(base_url=self.url, api_key=key, max_retries=0, timeout=60, http_client=self.http)

    def post(self, path, body, **options):
        return self.http.post(f"{self.url}/{path}", json=body, **options)

    def load(self):
        return self.http.get(f"{self.root}/health").json()

    def until_idle(self):
        for _ in range(5000):
            if self.load() == {"status": "ok", "running": 0, "waiting": 0}:
                return
        raise AssertionError(self.load())


class Served(Asked):
    """A server in a process of its own.

    Attributes:
        process, lines: the process, and the lines that it has printed since it was ready.
    """

    def __init__(self, folder, *options, fork_server=None):
        arguments = ["serve", str(folder), "--port", "0", "--json", "--until-stdin-closes", *options]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        if fork_server is None:
            command = [sys.executable, "-m", "i3core", *arguments]
            self.process = subprocess.Popen(command, text=True, env=dict(os.environ), **pipes)
        else:
            self.process = fork_server.start(arguments, env=dict(os.environ), cwd=os.getcwd(), **pipes)
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read()
        super().__init__(json.loads(line)["url"])
        self.lines = []
        self._reader = threading.Thread(target=lambda: self.lines.extend(self.process.stdout))
        self._reader.start()

    def close(self):
        self.http.close()
        self.process.stdin.close()
        try:
            assert self.process.wait(20) == 0, self.process.stderr.read()
        finally:
            self.process.kill()
            self._reader.join()
            self.process.stdout.close()
            self.process.stderr.close()


@contextmanager
def served_here(folder, *options):
    """A server in a thread of this process, with the options of `i3core serve`; it prints to sys.stdout."""
    arguments = build_parser().parse_args(["serve", str(folder), "--port", "0", "--json", *options])
    with open_server(arguments) as server:
        thread = threading.Thread(target=server.run)
        thread.start()
        asked = Asked(server.url)
        try:
            yield asked
        finally:
            asked.http.close()
            server.stop()
            thread.join()
