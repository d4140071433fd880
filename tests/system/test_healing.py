"""A register renames an element: once the plugin is mended, the dossiers follow by themselves, and nobody is asked."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.services.processes import free_port
from tests.system.program import Program, appealbus

pytestmark = pytest.mark.system

FIRST = Path(__file__).parents[2] / "examples" / "first_plugin"
ANSWER = (
    '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body><AkimResponse'
    ' xmlns="urn:example:akims"><akim><kato>{}</kato><name>С. С.</name><deputy>true</deputy></akim>'
    "</AkimResponse></soap:Body></soap:Envelope>"
)
PLACES = ("271010000", "273600000", "275400000", "270000000", "274400000", "273200000")


class Register(BaseHTTPRequestHandler):
    asked = 0

    def do_POST(self) -> None:
        type(self).asked += 1
        question = re.search(rb"kato>(\d+)<", self.rfile.read(int(self.headers["Content-Length"])))
        assert question is not None
        answer = ANSWER.format(question[1].decode()).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/xml; charset=utf-8")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Be silent."""


@contextmanager
def register() -> Iterator[tuple[type[Register], int]]:
    class Mine(Register):
        pass

    server = ThreadingHTTPServer(("127.0.0.1", free_port()), Mine)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Mine, server.server_port
    server.shutdown()
    server.server_close()


def write(folder: Path, flag: str) -> None:
    """Write a plugin and its contract by which whether somebody is acting stands under this name."""
    plugin = (FIRST / "my_plugin.py").read_text()
    field = f'    name: Annotated[str, At("name")]\n    acting: Annotated[bool | None, At("{flag}")] = None\n'
    plugin = plugin.replace('    name: Annotated[str, At("name")]\n', field)
    plugin = plugin.replace('    name = "akims.akim"\n', '    name = "akims.akim"\n    decisive = ("acting",)\n')
    (folder / "my_plugin.py").write_text(plugin)
    contract = (FIRST / "agency.wsdl").read_text()
    name = '<element name="name" type="string"/>'
    assert name in contract
    more = f'{name}<element name="{flag}" type="boolean" minOccurs="0"/>'
    (folder / "agency.wsdl").write_text(contract.replace(name, more))


def dossiers(folder: Path) -> dict[str, dict[str, object]]:
    """Return the newest dossier of each appeal."""
    lines = (folder / "dossiers.jsonl").read_text().split("\n")[:-1] if (folder / "dossiers.jsonl").exists() else []
    return {each["number"]: each for each in map(json.loads, lines)}


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_mended_plugin_completes_the_dossiers(tmp_path: Path, request: pytest.FixtureRequest, database: str) -> None:
    """With two workers on PostgreSQL: partial while the element is unknown, complete after a restart."""
    shared = database == "postgresql"
    journal = request.getfixturevalue("journal_database") if shared else "sqlite:///journal.db"
    with register() as (agency, port):
        (tmp_path / "appealbus.toml").write_text(
            f'[bus]\njournal = "{journal}"\nplugins = ["./my_plugin.py"]\n'
            '[log]\nformat = "json"\n[retry]\nfirst = "1h"\nmax = "1h"\n'
            f'[sources.akims]\nconnector = "soap"\nwsdl = "agency.wsdl"\nurl = "http://127.0.0.1:{port}/"\n'
            f'keep_replies = "7d"\n[completeness.default]\nrequired = ["akims.akim"]\nwait = "5s"\n'
            f'[deliveries.registry]\nkind = "files"\npath = "dossiers.jsonl"\n'
        )
        write(tmp_path, "acting")
        letter = json.loads((FIRST / "appeal.json").read_text())
        letters = [
            {**letter, "message_id": place, "number": f"F-{place}", "place": {"kato": place}} for place in PLACES
        ]
        (tmp_path / "appeals.jsonl").write_text("".join(json.dumps(each) + "\n" for each in letters))
        appealbus(tmp_path, "intake", "--new", "appeals.jsonl")
        run = ["run", "--workers", "2"] if shared else ["run"]
        with Program(tmp_path, *run) as bus:
            bus.until(lambda: len(dossiers(tmp_path)) == len(PLACES), "all have a dossier")
            assert bus.stop().code == 0
        assert {each["completeness"] for each in dossiers(tmp_path).values()} == {"partial"}
        asked = agency.asked
        write(tmp_path, "deputy")
        with Program(tmp_path, *run) as bus:

            def complete() -> bool:
                return {each["completeness"] for each in dossiers(tmp_path).values()} == {"complete"}

            bus.until(complete, "all are complete")
            assert bus.stop().code == 0
        assert agency.asked == asked
        life = appealbus(tmp_path, "history", f"F-{PLACES[0]}", "--json").results()
        assert [each["actor"] for each in life if each["what"] == "reread"] == ["bus"], life
