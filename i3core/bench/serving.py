"""`i3core bench --serving`: throughput of the server with one client and with many."""

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

from ..system.humanize import size_text

CLIENTS = (1, 16, 100)
TOKENS = 120  # at most; a reply can also end before
REQUESTS = 4  # by each client, one after another
PROMPTS = ("tell me a story about a cat", "what do you like to do?", "once there was a fox", "how was your day?")


def bench_serving(quick: bool = False) -> dict:
    """Measure tokens per second for each number of clients, and the growth of the server's memory."""
    command = [sys.executable, "-m", "i3core", "serve", "--port", "0", "--json", "--until-stdin-closes"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None, "a pipe"
        assert server.stdout is not None, "a pipe"
        ready = json.loads(server.stdout.readline())
        threading.Thread(target=server.stdout.read, daemon=True).start()  # a full pipe would block the server
        memory = psutil.Process(server.pid).memory_info
        _ask_all(ready["url"], 16)  # allocates what all later requests use
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
    """Format the figures of `bench_serving` as a table."""
    lines = [figures["device"], "streamed replies of the bundled model", ""]
    lines += [f"{count:4} clients {speed:8.0f} tokens/s" for count, speed in figures["clients"].items()]
    growth = size_text(max(0, figures["memory_growth_bytes"]))
    return "\n".join([*lines, "", f"{figures['ratio']:.1f} times one client; memory grew by {growth}"])


def _ask_all(url: str, clients: int) -> int:
    """Total tokens of the replies to `clients` concurrent clients."""
    with ThreadPoolExecutor(clients) as pool:
        return sum(pool.map(lambda client: sum(_ask(url, client, turn) for turn in range(REQUESTS)), range(clients)))


def _ask(url: str, client: int, turn: int) -> int:
    """Number of tokens of one streamed reply."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=120)
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
