"""A server on loopback that speaks as much of the Hugging Face hub's protocol as we need, and can misbehave.

    with HubServer() as server:
        server.add("someone/model", folder)
        server.add("datasets/someone/tales", files={"data/train.jsonl": b"..."})
        ... HF_ENDPOINT=server.url ...

Large files are answered with a redirect to another path, as the hub does to its CDN.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import socket
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

LARGE = 50_000  # bytes from which a file counts as one of Git LFS


@dataclass
class Repo:
    """A repository at one commit."""

    files: dict[str, bytes]
    commit: str
    gated: bool = False
    private: bool = False

    def entry(self, name: str) -> dict:
        """A file in the listing of the repository."""
        content = self.files[name]
        if not is_lfs(content):
            return {"rfilename": name, "size": len(content), "blobId": blob_sha1(content)}
        sha = hashlib.sha256(content).hexdigest()
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha}\nsize {len(content)}\n".encode()
        lfs = {"sha256": sha, "size": len(content), "pointerSize": len(pointer)}
        return {"rfilename": name, "size": len(content), "blobId": blob_sha1(pointer), "lfs": lfs}

    def tree_entry(self, path: str) -> dict:
        """A file or folder in the listing of a folder."""
        if path not in self.files:
            return {"type": "directory", "oid": blob_sha1(path.encode()), "size": 0, "path": path}
        entry = self.entry(path)
        described = {"type": "file", "oid": entry["blobId"], "size": entry["size"], "path": path}
        if "lfs" in entry:
            described["lfs"] = {**entry["lfs"], "oid": entry["lfs"]["sha256"]}
        return described


def _parents(path: str) -> list[str]:
    """The folders above a path."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[: count + 1]) for count in range(len(parts))]


def is_lfs(content: bytes) -> bool:
    return len(content) >= LARGE


def blob_sha1(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@dataclass
class Sent:
    """A response with bytes of a file."""

    file: str
    start: int
    count: int


@dataclass
class HubServer:
    """See above.

    Attributes:
        bytes_per_second: how fast file bytes are sent; None for no limit.
        cuts: the next connections for large files are cut after so many bytes each.
        statuses: statuses to answer the next requests with, instead of what they ask for.
        corrupt: names of files that arrive with a wrong byte.
        ignore_range: whether the server sends whole files only.
        claimed_sizes: name -> size that the listing claims.
        moved: old name -> present name of repositories.
        login_page: what the network answers to everything instead of the hub, as in a hotel.
        requests: (method, path, headers) of every request so far.
        sent: the answers with bytes of files, in order, with the bytes that went out.
        users: token -> name of who may write, in the name's own repositories; without a token nothing is written.
        uploads: SHA-256 -> bytes of the large files that were sent so far, in a commit or not.
        upload_cuts: the next uploads of large files are cut after so many bytes each.
        lost: names of files that a commit forgets.
        card_errors: what is wrong with a model card, as the hub sees it.
        pages: the next answers with bytes of large files are these instead; without a length if "chunked" begins it.
    """

    bytes_per_second: int | None = None
    cuts: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    corrupt: set[str] = field(default_factory=set)
    ignore_range: bool = False
    claimed_sizes: dict[str, int] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)
    login_page: bytes = b""
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    users: dict[str, str] = field(default_factory=dict)
    uploads: dict[str, bytes] = field(default_factory=dict)
    upload_cuts: list[int] = field(default_factory=list)
    lost: set[str] = field(default_factory=set)
    card_errors: list[str] = field(default_factory=list)
    pages: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.repos: dict[str, Repo] = {}
        self.past: dict[tuple[str, str], Repo] = {}  # by name and commit
        self.closing = threading.Event()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": self}))
        self._http.daemon_threads = False  # closing waits for those that still send
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self) -> HubServer:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        self.closing.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def add(self, name: str, folder: Path | None = None, files: dict[str, bytes] | None = None) -> Repo:
        """Add a repository, or another commit of it (the old one stays), from a folder and `files`."""
        content = {p.name: p.read_bytes() for p in sorted(folder.iterdir()) if p.is_file()} if folder else {}
        content |= files or {}
        commit = hashlib.sha1(b"".join(content[key] for key in sorted(content))).hexdigest()
        self.repos[name] = self.past[name, commit] = Repo(content, commit)
        return self.repos[name]

    def bytes_sent(self, name: str) -> int:
        return sum(sent.count for sent in self.sent if sent.file == name)


class _Handler(BaseHTTPRequestHandler):
    hub: HubServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *message: object) -> None: ...

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        hub = self.hub
        path = unquote(urlsplit(self.path).path)
        hub.requests.append((self.command, path, {key.lower(): value for key, value in self.headers.items()}))
        if hub.login_page:
            self._answer(200, hub.login_page, {"Content-Type": "text/html"})
        elif hub.statuses:
            self._refuse(hub.statuses.pop(0))
        elif path == "/api/whoami-v2":
            user = self._user()
            self._json({"name": user, "type": "user", "orgs": []}) if user else self._refuse(401)
        elif match := re.fullmatch(r"/api/(?:models/)?((?:datasets/)?[^/]+/[^/]+)(?:/revision/(.+))?", path):
            self._list(*match.groups())
        elif match := re.fullmatch(r"/api/(datasets/[^/]+/[^/]+)/tree/([^/]+)(?:/(.+))?", path):
            self._tree(*match.groups())
        elif match := re.fullmatch(r"/((?:datasets/)?[^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            self._resolve(*match.groups())
        elif match := re.fullmatch(r"/cdn/((?:datasets/)?[^/]+/[^/]+)/(.+)", path):
            self._send_file(match[2], hub.repos[match[1]].files[match[2]])
        else:
            self._refuse(404)

    def do_POST(self) -> None:
        hub, path = self.hub, unquote(urlsplit(self.path).path)
        hub.requests.append((self.command, path, {key.lower(): value for key, value in self.headers.items()}))
        body = self._body()
        if hub.statuses:
            self._refuse(hub.statuses.pop(0))
        elif path == "/api/validate-yaml":
            told = {"errors": [{"message": message} for message in hub.card_errors], "warnings": []}
            self._answer(
                400 if hub.card_errors else 200, json.dumps(told).encode(), {"Content-Type": "application/json"}
            )
        elif match := re.fullmatch(r"/api/(datasets/[^/]+/[^/]+)/paths-info/(.+)", path):
            self._paths_info(*match.groups(), body)
        elif self._user() is None:
            self._refuse(401)
        elif path == "/api/repos/create":
            content = json.loads(body)
            self._create(
                f"{content.get('organization') or self._user()}/{content['name']}",
                content.get("visibility") == "private",
            )
        elif match := re.fullmatch(r"/(?:api/models/)?([^/]+/[^/]+?)(?:\.git)?/(preupload|info|commit)/(.+)", path):
            name, what, _ = match.groups()
            if name.split("/")[0] != self._user():
                self._refuse(403)
            else:
                getattr(self, f"_{what}")(name, body)
        elif path.startswith("/lfs/verify"):
            self._json({})
        else:
            self._refuse(404)

    def do_PUT(self) -> None:
        hub, oid = self.hub, self.path.rpartition("/")[2]
        hub.requests.append((self.command, self.path, {key.lower(): value for key, value in self.headers.items()}))
        if hub.upload_cuts:
            self.rfile.read(hub.upload_cuts.pop(0))
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        content = self._body()
        if hashlib.sha256(content).hexdigest() != oid:
            self._refuse(400)
            return
        hub.uploads[oid] = content
        self._answer(200, b"", {})

    def _user(self) -> str | None:
        return self.hub.users.get(self.headers.get("Authorization", "").removeprefix("Bearer "))

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _create(self, name: str, private: bool | None) -> None:
        if name.split("/")[0] != self._user():
            self._refuse(403)
        elif name in self.hub.repos:
            self._answer(409, json.dumps({"url": f"{self.hub.url}/{name}", "error": "it is there"}).encode(), {})
        else:
            self.hub.repos[name] = Repo({}, "0" * 40, private=bool(private))
            self._json({"url": f"{self.hub.url}/{name}", "name": name})

    def _preupload(self, name: str, body: bytes) -> None:
        files = [
            {"path": file["path"], "uploadMode": "lfs" if file["size"] >= LARGE else "regular", "shouldIgnore": False}
            for file in json.loads(body)["files"]
        ]
        self._json({"files": files})

    def _info(self, name: str, body: bytes) -> None:
        objects = []
        for wanted in json.loads(body)["objects"]:
            entry = {"oid": wanted["oid"], "size": wanted["size"]}
            if wanted["oid"] not in self.hub.uploads:
                entry["actions"] = {"upload": {"href": f"{self.hub.url}/cdn-upload/{wanted['oid']}", "header": {}}}
            objects.append(entry)
        self._json({"transfer": "basic", "objects": objects})

    def _commit(self, name: str, body: bytes) -> None:
        repo = self.hub.repos[name]
        for line in body.splitlines():
            operation = json.loads(line)
            value = operation["value"]
            if operation["key"] == "file":
                repo.files[value["path"]] = base64.b64decode(value["content"])
            elif operation["key"] == "lfsFile":
                repo.files[value["path"]] = self.hub.uploads[value["oid"]]
        for file in self.hub.lost:
            repo.files.pop(file, None)
        repo.commit = hashlib.sha1(b"".join(repo.files[key] for key in sorted(repo.files))).hexdigest()
        self._json({"commitUrl": f"{self.hub.url}/{name}/commit/{repo.commit}", "commitOid": repo.commit})

    def _json(self, content: object) -> None:
        self._answer(200, json.dumps(content).encode(), {"Content-Type": "application/json"})

    def _repo(self, name: str, revision: str | None) -> Repo | None:
        if name in self.hub.moved:
            target = self.path.replace(name, self.hub.moved[name])
            self._answer(307, b"", {"Location": target})
            return None
        repo = self.hub.past.get((name, revision or "")) or self.hub.repos.get(name)
        if repo is None or (repo.private and self._user() is None):
            self._refuse(401, "RepoNotFound", "Repository not found")
            return None
        if revision not in (None, "main", repo.commit):
            self._refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
            return None
        return repo

    def _list(self, name: str, revision: str | None) -> None:
        repo = self._repo(name, revision)
        if repo is None:
            return
        siblings = [repo.entry(file) for file in repo.files]
        for entry in siblings:
            size = self.hub.claimed_sizes.get(entry["rfilename"], entry["size"])
            entry["size"] = size
            if "lfs" in entry:
                entry["lfs"]["size"] = size
        plain = name.removeprefix("datasets/")
        content = {
            "_id": "0" * 24, "id": plain, "modelId": plain, "author": plain.split("/")[0], "sha": repo.commit,
            "lastModified": "2025-01-01T00:00:00.000Z", "createdAt": "2025-01-01T00:00:00.000Z",
            "private": repo.private, "gated": repo.gated, "disabled": False, "downloads": 0,
            "likes": 0, "tags": [], "siblings": siblings,
        }  # fmt: skip
        self._answer(200, json.dumps(content).encode(), {"Content-Type": "application/json"})

    def _tree(self, name: str, revision: str, folder: str | None) -> None:
        """List files and folders below a folder of a dataset, on one page."""
        repo = self._repo(name, revision)
        if repo is None:
            return
        inside = f"{folder}/" if folder else ""
        below = [file[len(inside) :] for file in repo.files if file.startswith(inside)]
        if folder and not below:
            self._refuse(404, "EntryNotFound", "Entry not found")
            return
        folders = {part for file in below for part in _parents(file)}
        entries = [repo.tree_entry(inside + path) for path in [*sorted(folders), *below]]
        if "recursive=true" not in self.path.lower():
            entries = [entry for entry in entries if "/" not in entry["path"][len(inside) :]]
        self._json(entries)

    def _paths_info(self, name: str, revision: str, body: bytes) -> None:
        repo = self._repo(name, revision)
        if repo is None:
            return
        asked = parse_qs(body.decode()).get("paths", [])
        if self.headers.get("Content-Type", "").startswith("application/json"):
            asked = json.loads(body)["paths"]
        known = {part for file in repo.files for part in [file, *_parents(file)]}
        self._json([repo.tree_entry(path) for path in asked if path in known])

    def _resolve(self, name: str, revision: str, file: str) -> None:
        repo = self._repo(name, revision)
        if repo is None:
            return
        if repo.gated and "authorization" not in self.hub.requests[-1][2]:
            self._refuse(401, "GatedRepo", f"Access to model {name} is restricted.")
        elif file not in repo.files:
            self._refuse(404, "EntryNotFound", "Entry not found")
        elif is_lfs(repo.files[file]):
            entry = repo.entry(file)["lfs"]
            elsewhere = self.hub.url.replace("127.0.0.1", "localhost")  # another host, as far as a client can tell
            headers = {"Location": f"{elsewhere}/cdn/{name}/{file}", "X-Repo-Commit": repo.commit}
            headers |= {"X-Linked-Size": str(entry["size"]), "X-Linked-Etag": f'"{entry["sha256"]}"'}
            self._answer(302, b"", headers)
        else:
            headers = {"X-Repo-Commit": repo.commit, "ETag": f'"{blob_sha1(repo.files[file])}"'}
            self._send_file(file, repo.files[file], headers)

    def _send_file(self, name: str, content: bytes, headers: dict[str, str] | None = None) -> None:
        hub = self.hub
        large = is_lfs(content)
        if large and hub.pages:
            page = hub.pages.pop(0)
            if page.startswith(b"chunked"):
                self.send_response(200)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                self.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(page), page))
            else:
                self._answer(200, page, {"Content-Type": "text/html"})
            return
        if name in hub.corrupt:
            content = content[:-1] + bytes([content[-1] ^ 1])
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        start, status, more = 0, 200, {"Accept-Ranges": "bytes", **(headers or {})}
        if asked and not hub.ignore_range:
            start, status = int(asked[1]), 206
            end = min(int(asked[2] or len(content)), len(content) - 1)
            if start > end:
                self._refuse(416)
                return
            more["Content-Range"] = f"bytes {start}-{end}/{len(content)}"
            content = content[start : end + 1]
        self._head(status, len(content), more)
        if self.command == "HEAD":
            return
        limit = len(content)
        if large and hub.cuts:
            limit = min(limit, hub.cuts.pop(0))
        sent = Sent(name, start, 0)
        hub.sent.append(sent)
        try:
            while sent.count < limit and not hub.closing.is_set():
                piece = content[sent.count : min(sent.count + 8192, limit)]
                self.wfile.write(piece)
                sent.count += len(piece)
                if hub.bytes_per_second:
                    time.sleep(len(piece) / hub.bytes_per_second)
        except OSError:  # the other side has gone
            self.close_connection = True
        if sent.count < len(content):
            self.close_connection = True

    def _refuse(self, status: int, code: str = "", message: str = "") -> None:
        headers = {"X-Error-Code": code, "X-Error-Message": message} if code else {}
        self._answer(status, json.dumps({"error": message}).encode(), headers)

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self._head(status, len(body), headers)
        if self.command != "HEAD":
            self.wfile.write(body)

    def _head(self, status: int, length: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in {"Content-Length": str(length), **headers}.items():
            self.send_header(key, value)
        self.end_headers()
