"""Which source files one appeal, one read of a dossier and one bulk operation pass, once everything is warm.

    python benchmarks/walk.py [--tree CHECKOUT] [--list]

The program runs as it ships under a profiler that notes each file of ours of which a function is called. Each walk is
taken several times, and files that are not in all of them are what the program does in the background meanwhile.
Helper processes are not followed. `--tree` walks another checkout that has its `.venv`.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE
from typing import IO

HERE = Path(__file__).resolve().parent
if __name__ == "__main__" and sys.argv[1:2] != ["--inside"]:  # inside, the program of the other checkout is imported
    sys.path.insert(0, str(HERE.parent))
    from harness import Queues
    from run import Kind, Place, Site, agency

    from tests.services.postgres import Postgres
    from tests.services.processes import free_port, listens, until
    from tests.services.rabbitmq import Rabbit
TIMES = 8
MANY = 3
ROOTS = ("core", "plugins", "schemas", "connectors")
API = """
[plugins.api]
listen = "127.0.0.1:{port}"
requests_per_minute = 1000000
"""


def inside(address: str, arguments: list[str]) -> None:
    """Be the program under the profiler; what is asked at the address is answered with files."""
    files: set[str] = set()
    note = files.add

    def profile(frame: object, event: str, _: object) -> None:
        if event == "call":
            note(frame.f_code.co_filename)  # type: ignore[attr-defined]

    def answer() -> None:
        server = socket.create_server(address, family=socket.AF_UNIX)
        while True:
            line, _ = server.accept()
            with line:
                line.recv(1)
                line.sendall(json.dumps(sorted(files.copy())).encode())
                files.clear()

    threading.Thread(target=answer, daemon=True).start()
    threading.setprofile(profile)
    sys.setprofile(profile)
    from appealbus.core.cli.main import main

    if arguments[0] != "many":
        sys.argv = ["appealbus", *arguments]
        main()
        return
    os._exit = lambda _code: None  # a command ends its process some seconds after it has ended
    for number in range(MANY + 1):
        for action, state in (("hold", "idle"), ("release", "held")):
            command = ["appealbus", action, "--state", state, "--reason", "walk"]
            program = [str(Path(sys.executable).with_name("appealbus")), *command[1:], "--json"]
            shown = subprocess.run(program, check=False, capture_output=True, text=True).stdout
            files.clear()
            sys.argv = [*command, "--yes", find(json.loads(shown), "hash")]
            with suppress(SystemExit):
                main()
            if number and action == "hold":
                print(json.dumps(sorted(files)), flush=True)


@dataclass(frozen=True, slots=True)
class Scene:
    """The program in a place of its own, with a broker and an agency."""

    tree: Path
    place: Place
    stack: ExitStack
    log: IO[str]

    def started(self, name: str, up: Callable[[], bool]) -> Path:
        """Start a command under the profiler; return the address at which it is asked for files."""
        address = self.place.folder / f"{name}.socket"
        command = self.command(address, name)
        process = subprocess.Popen(
            command, cwd=self.place.folder, env=self.place.env(), stdout=self.log, stderr=self.log
        )
        self.stack.callback(process.wait, 60)
        self.stack.callback(process.terminate)
        until(lambda: address.exists() and up(), f"{name} is up")
        return address

    def command(self, address: Path, name: str) -> list[str]:
        return [self.place.kind.python, str(HERE / "walk.py"), "--inside", str(address), name]

    def output(self, command: list[str]) -> str:
        """Run a command to its end; return what it prints."""
        ran = subprocess.run(
            command, cwd=self.place.folder, env=self.place.env(), check=True, stdout=PIPE, stderr=self.log, text=True
        )
        return ran.stdout

    def walked(self, seen: list[set[str]]) -> list[str]:
        """Return the files of ours that are in all of them, relative to the checkout."""
        roots = tuple(f"{self.tree / root}/" for root in ROOTS)
        files = set.intersection(*seen)
        return sorted(each.removeprefix(f"{self.tree}/") for each in files if each.startswith(roots))


def files_of(address: Path) -> set[str]:
    """Return what the program has passed since it was asked last."""
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(str(address))
        line.sendall(b"?")
        told = b""
        while part := line.recv(1 << 20):
            told += part
    return set(json.loads(told))


def several(address: Path, step: Callable[[], object]) -> list[set[str]]:
    """Take one walk several times, after some that warm up."""
    seen = []
    for _ in range(TIMES + 2):
        files_of(address)
        step()
        time.sleep(0.2)
        seen.append(files_of(address))
    return seen[2:]


def an_appeal(scene: Scene) -> list[str]:
    """Walk from the queue to the delivery, with one question."""
    queues = Queues(scene.place.vhost.url, questions=1)
    address = scene.started("run", queues.consumed)
    queues.pass_through(20)
    return scene.walked(several(address, lambda: queues.pass_through(1)))


def a_dossier(scene: Scene, port: int) -> list[str]:
    """Walk through a read by the API."""
    added = scene.output([scene.place.program(), "client", "add", "walk", "--role", "registry"])
    token = next(word for word in added.split() if len(word) > 30)

    def read(path: str) -> bytes:
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        line.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        answer = line.getresponse()
        body = answer.read()
        assert answer.status == 200, (path, answer.status, body)
        return body

    address = scene.started("serve", lambda: listens(port))
    appeal = find(json.loads(read("/v1/feed?limit=1")), "id")
    return scene.walked(several(address, lambda: read(f"/v1/appeals/{appeal}/dossier")))


def many(scene: Scene) -> list[str]:
    """Walk through the holding of a selection."""
    lines = scene.output(scene.command(Path(), "many")).splitlines()
    return scene.walked([set(json.loads(line)) for line in lines if line.startswith("[")])


def find(document: object, key: str) -> str:
    """Return the first text under the key, however deep."""
    if isinstance(document, dict):
        if isinstance(document.get(key), str):
            return document[key]
        document = list(document.values())
    if isinstance(document, list):
        return next((told for each in document if (told := find(each, key))), "")
    return ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tree", type=Path, default=HERE.parent)
    parser.add_argument("--list", action="store_true", help="name the files, too")
    given = parser.parse_args()
    tree, port = given.tree.resolve(), free_port()
    with ExitStack() as stack:
        log = stack.enter_context(tempfile.TemporaryFile("w"))
        rabbit, postgres = stack.enter_context(Rabbit(schedulers=2)), stack.enter_context(Postgres())
        url = stack.enter_context(agency())
        kind = Kind(tree=tree, python=str(tree / ".venv/bin/python"))
        place = stack.enter_context(Site(rabbit, postgres, 20).place(kind))
        place.command(url)
        with (place.folder / "appealbus.toml").open("a") as config:
            config.write(API.format(port=port))
        scene = Scene(tree, place, stack, log)
        walks = {
            "an appeal": an_appeal(scene),
            "a dossier by the API": a_dossier(scene, port),
            "many held": many(scene),
        }
    for name, files in walks.items():
        print(f"{name}: {len(files)} files")
        if given.list:
            print(*(f"  {each}" for each in files), sep="\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside"]:
        inside(sys.argv[2], sys.argv[3:])
    else:
        main()
