"""`i3core bench --serving`: the server, asked by one client and by many at once."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import psutil

CLIENTS = (1, 16, 100)
TOKENS = 120  # at most; replies also end by themselves
REQUESTS = 4  # of each client, one after the other
PROMPTS = ("tell me a story about a cat", "what do you like to do?", "once there was a fox", "how was your day?")


def bench_serving(quick: bool = False) -> dict:
    """Tokens per second of the bundled model for each number of clients, and the server's memory."""
    command = [sys.executable, "-m", "i3core", "serve", "--port", "0", "--json", "--until-stdin-closes"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        ready = json.loads(server.stdout.readline())
        threading.Thread(target=server.stdout.read, daemon=True).start()  # a full pipe would hold the server up
        memory = psutil.Process(server.pid).memory_info
        _ask_all(ready["url"], 16)  # everything is in memory now
        before = memory().rss
        figures: dict = {"device": ready["device"], "clients": {}}
        for count in CLIENTS[:2] if quick else CLIENTS:
            started = time.perf_counter()
            tokens = _ask_all(ready["url"], count)
            figures["clients"][count] = tokens / (time.perf_counter() - started)
        figures["ratio"] = max(figures["clients"].values()) / figures["clients"][1]
        figures["memory_growth_bytes"] = memory().rss - before
        server.stdin.close()
    return figures


def report(figures: dict) -> str:
    """The figures of `bench_serving` as a table."""
    lines = [figures["device"], "streamed replies of the bundled model", ""]
    lines += [f"{count:4} clients {speed:8.0f} tokens/s" for count, speed in figures["clients"].items()]
    growth = figures["memory_growth_bytes"] / 1e6
    return "\n".join([*lines, "", f"{figures['ratio']:.1f} times one client; memory grew by {growth:.0f} MB"])


def _ask_all(url: str, clients: int) -> int:
    """Tokens of all replies to so many clients at once."""
    with ThreadPoolExecutor(clients) as pool:
        return sum(pool.map(lambda client: sum(_ask(url, client, turn) for turn in range(REQUESTS)), range(clients)))


def _ask(url: str, client: int, turn: int) -> int:
    """Tokens of one reply, read as a stream."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=120)
    message = {"role": "user", "content": PROMPTS[(client + turn) % len(PROMPTS)]}
    body = {"messages": [message], "max_tokens": TOKENS, "stream": True, "temperature": 1.2}
    body |= {"seed": client * REQUESTS + turn, "stream_options": {"include_usage": True}}
    headers = {"Content-Type": "application/json", "X-Client": str(client)}
    connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
    response, count = connection.getresponse(), 0
    while line := response.readline():
        if line.startswith(b"data: {") and (used := json.loads(line[6:]).get("usage")):
            count = used["completion_tokens"]
    connection.close()
    return count
