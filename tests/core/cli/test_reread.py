"""Replies that were kept are read again: by the real program, of an agency that answers over HTTP."""

import re
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from subprocess import PIPE, STDOUT, CompletedProcess, Popen
from typing import Any

import orjson
import pytest

from appealbus.schemas.dossier import Completeness, Dossier
from appealbus.schemas.outcome import OutcomeKind
from tests.core.cli.conftest import Program
from tests.services.commands import PROGRAM, own_environment

FIRST = Path(__file__).parents[3] / "examples" / "first_plugin"
NAME = "Сынақов С. С."
ANSWER = (
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><AkimResponse xmlns="urn:example:akims">'
    f"<akim><kato>271010000</kato><name>{NAME}</name></akim></AkimResponse></s:Body></s:Envelope>"
)
DEPENDS = """

class DeputyQuery(Query):
    kato: Annotated[Kato, From("akims.akim/kato")]


class Deputy(Declared[DeputyQuery, Akim]):
    name = "akims.deputy"
    purpose = "find who stands in for whom was found"
    send, take = AkimOfPlace.send, AkimOfPlace.take


@hookimpl
def register_lookups() -> list[Lookup[PlaceQuery, Akim]]:
    return [AkimOfPlace(), Deputy()]
"""
DIES = """
    def choose(self, records, query):
        import os
        os._exit(1)
"""


class Akims(ThreadingHTTPServer):
    """The agency, and how often it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = ANSWER
        self.asked = 0


class _Handler(BaseHTTPRequestHandler):
    server: Akims

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked += 1
        body = self.server.answer.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/xml; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def agency() -> Iterator[Akims]:
    """Run the agency."""
    server = Akims()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


class Place:
    """A folder with the first plugin, whose reading a test breaks and mends."""

    def __init__(self, folder: Path, program: Program, agency: Akims) -> None:
        shutil.copy(FIRST / "agency.wsdl", folder)
        self.folder, self.program, self.agency = folder, program, agency
        self.whole = (FIRST / "my_plugin.py").read_text(encoding="utf-8")
        self.configure()
        self.plugin()
        self.number = ""

    def configure(self, keep: str = "30d", source: str = "akims", **more: str) -> None:
        """Write the configuration."""
        table = {"connector": "soap", "wsdl": "agency.wsdl", "url": f"http://127.0.0.1:{self.agency.server_port}/"}
        table |= {"keep_replies": keep, **more}
        lines = [f"{key} = {orjson.dumps(value).decode()}" for key, value in table.items()]
        text = "\n".join(['[bus]\nplugins = ["./my_plugin.py"]\n[completeness.default]\nwait = "5s"\n', *lines])
        text = text.replace("connector =", f"[sources.{source}]\nconnector =", 1)
        (self.folder / "appealbus.toml").write_text(text, encoding="utf-8")

    def plugin(self, *changes: tuple[str, str], more: str = "") -> None:
        """Write the plugin."""
        text = self.whole
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        (self.folder / "my_plugin.py").write_text(text + more, encoding="utf-8")

    def run(self, *arguments: str, code: int = 0) -> str:
        """Run a command; return what it prints."""
        done: CompletedProcess[str] = self.program(*arguments)
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    def take(self, message_id: str = "m1") -> None:
        """Take an appeal and work it."""
        letter = orjson.loads((FIRST / "appeal.json").read_bytes())
        self.number = f"N-{message_id}"
        letter |= {"message_id": message_id, "number": self.number}
        (self.folder / "letter.json").write_bytes(orjson.dumps(letter))
        self.run("intake", "letter.json")
        self.run("run", "--until-idle")

    def dossier(self, version: int | None = None) -> Dossier:
        """Return a version."""
        chosen = () if version is None else ("--version", str(version))
        return Dossier.model_validate_json(self.run("dossier", self.number, "--json", *chosen))


BROKEN = ('At("name")', 'At("nam")')


@pytest.fixture
def place(tmp_path: Path, program: Program, agency: Akims) -> Place:
    """Return the folder."""
    return Place(tmp_path, program, agency)


@pytest.mark.proof
def test_a_mended_plugin_reads_what_it_could_not(place: Place) -> None:
    """The difference first, without a change; then a new version, and what depends on it is asked then."""
    place.plugin(BROKEN, more=DEPENDS)
    place.take()
    first = place.dossier()
    assert {gap.lookup: gap.outcome for gap in first.gaps} == {
        "akims.akim": OutcomeKind.INVALID,
        "akims.deputy": OutcomeKind.SKIPPED,
    }
    place.plugin(more=DEPENDS)
    told = place.run("reread", "--source", "akims", "--dry-run")
    assert re.search(rf"1 +akims.akim +invalid \[.*\] → found +{place.number}", told)
    assert "1 appeal would be changed" in told
    assert NAME not in told
    assert place.dossier() == first

    assert "nobody answered the question" in place.run("reread", place.number, "--reason", "x", code=130)
    told = place.run("reread", place.number, "--yes", "--reason", "the name was read from the wrong place")
    assert "1 appeal changed" in told
    assert place.agency.asked == 1
    place.run("run", "--until-idle")
    assert place.agency.asked == 2  # the deputy's
    second = place.dossier()
    assert (second.version, second.completeness, second.gaps) == (2, Completeness.COMPLETE, [])
    trail = second.facts[0].provenance
    assert second.facts[0].record.model_dump()["name"] == NAME
    assert trail.reread_at is not None
    assert trail.observed_at < first.created_at < trail.reread_at
    assert trail.raw_sha256 == sha256(ANSWER.encode()).hexdigest()

    place.plugin(('    name: Annotated[str, At("name")]', '    name: Annotated[str, At("kato")]'), more=DEPENDS)
    told = place.run("reread", place.number, "--dry-run", "--values")
    assert f"akims.akim/name changed: '{NAME}' → '271010000'" in told
    assert re.search("1 +akims.akim +name changed", told)
    assert re.search("read +reread", place.run("history", place.number))


@pytest.mark.proof
def test_a_reply_that_ends_the_process(place: Place) -> None:
    """It is told of its appeal; nothing is changed or asked, and nothing begins without a reason."""
    place.plugin(BROKEN)
    place.take()
    place.plugin(("    take = Take", f"{DIES}\n    take = Take"))
    assert "write one to 500 characters" in place.run("reread", place.number, "--yes", code=2)
    told = place.run("reread", place.number, "--yes", "--reason", "x", code=1)
    assert re.search(r"1 +reading it again ends the process", told)
    assert "0 appeals would be changed" in told
    assert place.agency.asked == 1


def asked_about(place: Place, between: Callable[[], object]) -> tuple[str, int]:
    """Have something happen while somebody thinks about what would change; return what is told then, and the code."""
    command = [str(PROGRAM), "reread", place.number, "--reason", "mended"]
    with Popen(command, cwd=place.folder, env=own_environment(), stdin=PIPE, stdout=PIPE, stderr=STDOUT) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        told = b""
        while b"Change 1 appeal?" not in told:
            some = process.stdout.read1()
            assert some, told
            told += some
        between()
        process.stdin.write(b"y\n")
        process.stdin.close()
        told = process.stdout.read()
    return told.decode(), process.returncode


@pytest.mark.proof
def test_two_at_once_and_a_prune_between(place: Place) -> None:
    """Who asks for longer than another needs is told why nothing is left to change, with an exit code that fits."""
    place.plugin(BROKEN)
    place.take()
    place.plugin()

    told, code = asked_about(place, lambda: place.run("reread", place.number, "--yes", "--reason", "at once"))
    assert (code, "0 appeals changed" in told, "1 appeal not changed: it stands as it is read" in told) == (
        0,
        True,
        True,
    )
    place.run("run", "--until-idle")
    place.plugin(('    name: Annotated[str, At("name")]', '    name: Annotated[str, At("kato")]'))
    place.configure(keep="1ms")
    told, code = asked_about(place, lambda: place.run("prune"))
    assert (code, "its replies were deleted meanwhile: `appealbus refresh`" in told, place.number in told) == (
        1,
        True,
        True,
    )


@pytest.mark.proof
@pytest.mark.parametrize("again", [False, True])
def test_a_prune_of_a_part_between(place: Place, again: bool) -> None:
    """The question whose reply is gone is named, whether the other one is changed now or was a moment ago."""
    second = DEPENDS.replace("akims.akim/kato", "place.kato")
    place.plugin(BROKEN, more=second)
    place.take()
    place.plugin(more=second)

    def pruned() -> None:
        with closing(sqlite3.connect(next(place.folder.glob("*.db")))) as journal, journal:
            assert journal.execute("UPDATE reply SET until = 1 WHERE lookup = 'akims.deputy'").rowcount == 1
        place.run("prune")
        if again:
            place.run("reread", place.number, "--yes", "--reason", "at once")

    told, code = asked_about(place, pruned)
    assert code == 1
    assert "1 appeal not wholly changed: these replies were deleted meanwhile: `appealbus refresh`" in told
    assert f"{place.number} (akims.deputy)" in told
    assert f"{0 if again else 1} appeal" in told


@pytest.mark.proof
def test_a_withdrawn_record_comes_back_only_where_its_appeal_is_named(place: Place) -> None:
    """Not among many, by the same reading of the same reply; that is told."""
    place.take()
    place.run("withdraw", place.number, "akims.akim", "--reason", "the wrong column")
    place.run("run", "--until-idle")
    told = place.run("reread", "--source", "akims", "--yes", "--reason", "another contract")
    assert re.search(r"akims.akim +stays invalid \[record.withdrawn\], though it would be found now", told)
    assert "0 appeals would be changed" in told
    place.run("run", "--until-idle")
    assert (place.dossier().version, place.dossier().facts) == (2, [])

    told = place.run("reread", place.number, "--yes", "--reason", "it was right after all")
    assert re.search(r"akims.akim +invalid \[record.withdrawn\] → found", told)
    place.run("run", "--until-idle")
    assert [fact.record.model_dump()["name"] for fact in place.dossier().facts] == [NAME]
    assert place.agency.asked == 1


@pytest.mark.proof
def test_the_bus_reads_again_what_has_a_gap_by_itself(place: Place) -> None:
    """Once it is started with a mended plugin; not where that tells of others what they did not say."""
    place.take("m0")
    place.agency.answer = ANSWER.replace("name>", "fullName>")
    place.take("m1")
    place.configure(url="http://127.0.0.1:9/")  # nobody can be asked, as from here on nobody is
    place.plugin(('At("name")', 'At("name", "fullName")'))
    place.run("run", "--until-idle")
    second = place.dossier()
    assert (second.version, second.completeness) == (2, Completeness.COMPLETE)
    assert second.facts[0].record.model_dump()["name"] == NAME
    happened = place.run("tail", "--last", "50")
    for told in (
        r"ordered +reread by source akims, operation (\w+): read otherwise now: akims.akim",
        r"N-m1 +reread .*invalid \[reply.missing\] → found, operation (\w+): read otherwise now\b(?!:)",
        r"carried out +reread, operation (\w+): 1 gaps, 1 done",
    ):
        assert re.search(told, happened)
    assert place.agency.asked == 2

    place.plugin(('At("name")', 'At("kato")'))
    place.run("run", "--until-idle")
    assert "of 2 records 2 would change where nothing is in doubt: none was changed" in place.run("health", code=1)
    place.run("reread", "--source", "akims", "--since", "2026-01-01", "--dry-run")
    assert "reread" not in place.run("health", code=1)
