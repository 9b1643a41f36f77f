"""A server of i3core in a process of its own, and its clients."""

import json
import os
import subprocess
import sys
import threading

import httpx
import openai

HELLO = [{"role": "user", "content": "hello"}]


class Served:
    """A server in a process of its own."""

    def __init__(self, folder, *options, environment=None):
        command = [sys.executable, "-m", "i3core", "serve", str(folder), "--port", "0", "--json", *options]
        self.process = subprocess.Popen(
            [*command, "--until-stdin-closes"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, env={**os.environ, **(environment or {})},
        )  # fmt: skip
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read()
        self.ready = json.loads(line)
        self.url = self.ready["url"]
        self.root = self.url.removesuffix("/v1")
        self.port = int(self.root.rpartition(":")[2])
        self.lines = []
        self._reader = threading.Thread(target=lambda: self.lines.extend(self.process.stdout))
        self._reader.start()

    def client(self, key="any"):
        return openai.OpenAI(base_url=self.url, api_key=key, max_retries=0, timeout=60)

    def load(self):
        return httpx.get(f"{self.root}/health").json()

    def until_idle(self):
        for _ in range(2000):
            if self.load() == {"status": "ok", "running": 0, "waiting": 0}:
                return
        raise AssertionError(self.load())

    def close(self):
        self.process.stdin.close()
        try:
            assert self.process.wait(20) == 0, self.process.stderr.read()
        finally:
            self.process.kill()
            self._reader.join()
            self.process.stdout.close()
            self.process.stderr.close()
