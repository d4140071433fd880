"""`--as` and `export`: what a role or a client sees, by commands, and nothing besides."""

import csv
import io
import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from appealbus.core.cli import export
from appealbus.core.cli.exportfile import ExportFile, NotOurs, as_csv
from appealbus.core.journal import events, feed
from appealbus.core.journal.appeals.accepting import NewAppeal
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.core.rights.mask import EVERYTHING, TECHNICAL
from appealbus.core.rights.viewer import Viewer
from appealbus.schemas import Appeal, Completeness
from tests.core.rights.made import FIELDS, dossier, value

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
POLICY = """
[masks.desk]
hides = ["appeal.applicant.phone", "gbdfl.person/birth_date"]
identifiers = ["iin"]
[roles.reviewer]
mask = "desk"
[roles.registry]
mask = "desk"
"""
VALUES = {path: value(kind, 100 + at) for at, (path, kind) in enumerate(FIELDS.items())}
HIDDEN = [
    *(VALUES[path] for path in FIELDS if path.endswith("iin")),
    *(VALUES[path] for path in ("appeal.applicant.phone", "gbdfl.person/birth_date")),
]


@pytest.fixture
async def number(journal, tmp_path):
    """An appeal with three versions, of which the second changes what is hidden alone; and a policy."""
    (tmp_path / "appealbus.toml").write_text('[bus]\npolicy = "policy.toml"\n')
    (tmp_path / "policy.toml").write_text(POLICY)
    taken = await journal.accept(NewAppeal(Appeal(message_id="m"), NOW, "bus"))
    versions = [{}, {"appeal.applicant.phone": "слово"}, {"appeal.applicant.surname": "=cmd()"}]
    for at, others in enumerate(versions, 1):
        made = dossier(VALUES | others) | {"number": taken.receipt.number, "version": at}
        made["created_at"] = (NOW + timedelta(hours=at)).isoformat()
        document = json.dumps(made).encode()
        await journal.conclude(
            Conclusion(taken.appeal_id, dossier=document, version=at, completeness=Completeness.COMPLETE)
        )
    while await journal.do(events.Placing()):
        pass
    return taken.receipt.number


def looks(program):
    """Return what the log has of looks."""
    entries = [json.loads(line) for line in program("tail", "--json", "--what", "read").stdout.splitlines()]
    return [entry["detail"] for entry in entries if "detail" in entry]


@pytest.mark.parametrize(
    "arguments",
    [
        ["dossier", "--format", "json"],
        ["dossier", "--format", "xml"],
        ["dossier"],
        ["why", "--json"],
        ["explain", "gbdfl.person"],
        ["history", "--json"],
    ],
)
def test_nothing_hidden_is_in_what_is_shown(program, number, arguments):
    """In whatever form, and it is the registry's version, not the bus's."""
    shown = program(arguments[0], number, *arguments[1:], "--as", "registry")
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout
    for each in HIDDEN:
        assert each not in shown.stdout


def test_a_look_with_a_role_is_on_record_with_its_purpose(program, number):
    """Without the purpose that the policy asks for nothing is shown, and nothing noted."""
    refused = program("dossier", number, "--as", "reviewer")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "--purpose" in refused.stderr
    assert looks(program) == []
    assert program("dossier", number, "--as", "reviewer", "--purpose", "complaint 14").returncode == 0
    assert looks(program) == [{"as": "dossier", "version": 3, "purpose": "complaint 14"}]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["explain", "{}", "appeal.applicant.phone", "--as", "registry"], 3, "hidden"),
        (["explain", "{}", "gbdfl.person/birth_date", "--as", "registry", "--version", "1"], 3, "hidden"),
        (["dossier", "{}", "--as", "registry", "--version", "2"], 3, "no version 2"),
        (["dossier", "{}", "--as", "ops"], 1, "may not"),
        (["dossier", "{}", "--as", "registri"], 2, "did you mean registry?"),
        (["dossier", "no-such", "--as", "registry"], 3, "sees no appeal"),
    ],
)
def test_what_is_not_seen_is_said_to_be(program, number, arguments, code, said):
    """And says no more than that."""
    found = program(*(each.format(number) for each in arguments))
    assert (found.returncode, found.stdout) == (code, "")
    assert said in found.stderr


def test_the_policy_is_shown_and_checked(program, number, tmp_path):
    """Who sees what stands in a table; a mistake is told with its line."""
    told = json.loads(program("policy", "--json").stdout)
    assert told["masks"]["desk"]["hides"] == ["appeal.applicant.phone", "gbdfl.person/birth_date", "each iin"]
    assert "role reviewer" in program("policy").stdout
    (tmp_path / "policy.toml").write_text(POLICY + "[clients.nobody]\npurpose = true\n")
    checked = program("check")
    assert "clients.nobody: there is no such client" in checked.stderr
    (tmp_path / "policy.toml").write_text(POLICY.replace('"desk"', '"dusk"'))
    assert "policy.toml:6: roles.reviewer.mask: there is no such mask; did you mean desk?" in program("check").stderr


def test_an_export_goes_on_where_it_ended(program, number, tmp_path):
    """Each visible version is in the file once, after a run that died half way, too; who exported is on record."""
    file = tmp_path / "out.jsonl"
    exported = program("export", "dossiers", "--as", "registry", "--output", str(file))
    assert exported.returncode == 0, exported.stderr
    once = file.read_bytes()
    rows = [json.loads(line) for line in once.splitlines()]
    assert [row["dossier"]["version"] for row in rows] == [1, 3]
    assert file.stat().st_mode & 0o077 == 0
    for each in HIDDEN:
        assert each.encode() not in once
    with file.open("ab") as torn:
        torn.write(b'{"position": 9, "do')
    assert program("export", "dossiers", "--as", "registry", "--output", str(file)).returncode == 0
    assert file.read_bytes() == once
    assert [each["as"] for each in looks(program)] == ["export dossiers"] * 2
    other = program("export", "dossiers", "--as", "registry", "--format", "csv", "--output", str(file))
    assert (other.returncode, file.read_bytes()) == (1, once)


def test_an_export_that_died_before_its_first_rows_is_gone_on_with(tmp_path):
    """As any other; but one that still writes is let alone, and a file of somebody else's too."""
    path, what = tmp_path / "out.jsonl", {"what": "dossiers"}
    with ExportFile(path, what) as first:
        assert first.cursor is None
        with pytest.raises(NotOurs, match="being written"):
            ExportFile(path, what).__enter__()
    with ExportFile(path, what) as second:
        assert second.cursor is None
        second.add(b"row\n", "1.5")
    with ExportFile(path, what) as third:
        assert third.cursor == "1.5"
    assert path.read_bytes() == b"row\n"
    (tmp_path / "other").write_text("mine")
    with pytest.raises(NotOurs, match=r"no other\.cursor"):
        ExportFile(tmp_path / "other", what).__enter__()
    assert (tmp_path / "other").read_text() == "mine"


def test_an_export_is_a_table_that_runs_nothing(program, number):
    """Its columns are the same for all, and no cell is a formula."""
    shown = program("export", "dossiers", "--as", "registry", "--format", "csv").stdout
    head, *rows = csv.reader(io.StringIO(shown))
    assert {len(row) for row in rows} == {len(head)}
    surnames = [row[head.index("appeal.applicant.surname")] for row in rows]
    assert surnames == [VALUES["appeal.applicant.surname"], "'=cmd()"]
    log = program("export", "log", "--as", "auditor", "--format", "csv")
    assert [row[2] for row in csv.reader(io.StringIO(log.stdout))][:2] == ["what", "accepted"]
    assert program("export", "log", "--as", "registry").returncode == 1


@pytest.mark.parametrize("mask", [EVERYTHING, TECHNICAL])
async def test_an_export_passes_what_is_damaged_and_holds_little(journal, number, tmp_path, monkeypatch, mask):
    """A body that is no dossier is no row, and large ones are written each; whoever goes on from there misses none."""
    with closing(sqlite3.connect(tmp_path / "appealbus.db")) as connection, connection:
        for version, body in ((1, b"\xff"), (2, b"[]")):
            connection.execute("UPDATE dossier SET document = ? WHERE version = ?", (body, version))
    monkeypatch.setattr(export, "_HELD", 1)
    written = []
    wanted = export.ExportOrder(export.Exported.DOSSIERS, export.ExportFormat.JSONL, None)
    viewer = Viewer("v", None, mask)
    count, end = await export._rows(journal, viewer, wanted, lambda rows, cursor: written.append((rows, cursor)))
    (first, cursor), (rest, last) = written
    assert ([row["dossier"]["version"] for row in first], rest, count) == ([3], [], 1)
    assert cursor.position == first[0]["position"] <= last.position == end.position
    assert not (await journal.ask(feed.page, cursor, 10)).entries


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@a", "\t=1", "\r=1", "\n=1"])
def test_no_cell_is_a_formula(text):
    """Whatever a spreadsheet would run begins with an apostrophe."""
    assert next(csv.reader(io.StringIO(as_csv([[text]]).decode(), newline=""))) == [f"'{text}"]


def test_rows_are_there_once_wherever_a_run_dies(tmp_path):
    """Before the rows, half way, after them and before the cursor: the next run brings what is missing."""
    path = tmp_path / "out"
    pages = [b"one\n", b"two\n", b"three\n"]
    for died in (0, 1, 2):
        with ExportFile(path, {"what": "x"}) as file:
            done = 0 if file.cursor is None else int(file.cursor)
            assert done == died
            file.add(pages[done], str(done + 1))
        with path.open("ab") as torn:
            torn.write(b"torn")
    with ExportFile(path, {"what": "x"}) as file:
        assert file.cursor == "3"
    assert path.read_bytes() == b"".join(pages)
    with pytest.raises(NotOurs, match="another export"), ExportFile(path, {"what": "y"}):
        pass
    path.write_bytes(b"one\n")
    with pytest.raises(NotOurs, match="shorter"), ExportFile(path, {"what": "x"}):
        pass
    (tmp_path / "mine").write_bytes(b"my own notes")
    with pytest.raises(NotOurs, match=r"no mine\.cursor"), ExportFile(tmp_path / "mine", {"what": "x"}):
        pass
    assert (tmp_path / "mine").read_bytes() == b"my own notes"
