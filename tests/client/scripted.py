"""A server that answers what a test wrote down, over real HTTP, and knows what it was asked."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Told:
    """An answer: `status` 0 hangs up without one; `raw` stands in place of all of it."""

    status: int = 200
    body: Any = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes = b""


@dataclass
class Asked:
    """A request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


def problem(name: str, status: int, **more: Any) -> Told:
    """Return a problem as the API tells it."""
    body = {"type": f"/problems/{name}", "title": name, "status": status, "detail": f"it is {name}", **more}
    return Told(status, body, {"Content-Type": "application/problem+json"})


@dataclass
class Scripted:
    """The server: takes one answer after the other from its list, and the last one for ever."""

    url: str = ""
    answers: list[Told | Callable[[Asked], Told]] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)

    def next(self, asked: Asked) -> Told:
        self.asked.append(asked)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return answer if isinstance(answer, Told) else answer(asked)


@contextmanager
def scripted(answers: Sequence[Told | Callable[[Asked], Told]]) -> Iterator[Scripted]:
    """Run a server."""
    script = Scripted(answers=list(answers))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            names = {name.lower(): value for name, value in self.headers.items()}
            told = script.next(Asked(self.command, self.path, names, body))
            if not told.status or told.raw:
                self.wfile.write(told.raw)
                self.close_connection = True
                return
            data = told.body if isinstance(told.body, bytes) else json.dumps(told.body, ensure_ascii=False).encode()
            self.send_response(told.status)
            for name, value in {"Content-Type": "application/json", **told.headers}.items():
                self.send_header(name, value)
            if told.status != 304:
                self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if told.status != 304:
                self.wfile.write(data)

        do_GET = do_POST = do  # noqa: N815 - http.server calls them so

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    script.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield script
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
