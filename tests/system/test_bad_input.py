"""Hostile and broken input: kept with its place and its reason, taken once it can be, never in the way of the rest."""

import json

import pytest

from appealbus.core.journal import figures
from tests.system.installation import Installation, letters
from tests.system.program import Finished, appealbus

pytestmark = pytest.mark.system

SECRET = "Сейтқалиева"
GOOD = {"kind": "complaint", "applicant": {"type": "person", "surname": SECRET, "iin": "750301100019"}}
BOMB = (
    '<!DOCTYPE b [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    + "".join(f'<!ENTITY {chr(99 + n)} "{f"&{chr(98 + n)};" * 10}">' for n in range(9))
    + "]><appeal>&k;</appeal>"
)
OUTSIDE = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><appeal><text>&x;</text></appeal>'


def _line(**given: object) -> bytes:
    return json.dumps({"message_id": "x", **GOOD, **given}, ensure_ascii=False).encode()


HOSTILE = {
    "malformed": (_line()[:-5], "not JSON, at character"),
    "list": (b"[1, 2]", "not a JSON object"),
    "bad UTF-8": (_line(text="abc").replace(b"abc", b"\xd0\xff\xfe"), "is not utf-8"),
    "five megabytes": (_line(text="ы" * 2_500_000), "bytes; the most is"),
    "control characters in the id": (_line(message_id="m\1"), "message_id: "),
    "number for an id": (_line(message_id=7), "message_id: "),
    "another version": (_line(schema_version="2"), "schema_version: "),
    "deep": (b'{"message_id": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", ""),
}


def _file(here: Installation) -> list[str]:
    """Write good lines with hostile ones between them; return the good ones' message ids."""
    good = letters(len(HOSTILE) + 1)
    lines = [appeal.model_dump_json(exclude_unset=True).encode() for appeal in good]
    for at, (raw, _) in enumerate(HOSTILE.values()):
        lines.insert(2 * at + 1, raw)
    (here.folder / "mixed.jsonl").write_bytes(b"\n".join(lines))
    return [appeal.message_id for appeal in good]


def test_hostile_lines_are_told_by_file_and_line_and_the_good_ones_go_on(here: Installation) -> None:
    """Each bad line is in quarantine with its place and its reason, exit 1; each good one becomes a dossier."""
    good = _file(here)
    taken = appealbus(here.folder, "intake", "mixed.jsonl", expect=1)
    assert f"{len(good)} taken, 0 known already, {len(HOSTILE)} in quarantine" in taken.err
    listed = appealbus(here.folder, "quarantine", "list", "--json").json()
    assert [row["position"] for row in listed] == [f"mixed.jsonl:{2 * at + 2}" for at in range(len(HOSTILE))]
    for row, (name, (_, reason)) in zip(listed, HOSTILE.items(), strict=True):
        assert row["reason"], name
        assert reason in row["reason"], name
        assert len(row["reason"]) < 600, name
    here.settle()
    assert here.dossiers().keys() == set(good)
    _told_nothing(taken, *(row["reason"] for row in listed))


def _told_nothing(*told: Finished | str) -> None:
    text = " ".join(each if isinstance(each, str) else each.out + each.err for each in told)
    assert SECRET not in text
    assert "750301100019" not in text
    assert "Traceback" not in text


FILES = {
    "bomb.xml": BOMB.encode(),
    "outside.xml": OUTSIDE.encode(),
    "deep.xml": b"<appeal>" * 50_000,
    "many.xml": b"<appeal>" + b"<a/>" * 900_000 + b"</appeal>",
    "large.xml": b"x" * 6_000_000,
    "other.xml": b"<poem/>",
    "empty.xml": b"",
    "utf16.jsonl": '{"message_id": "1"}'.encode("utf-16"),
    "one.json": b"{",
    "header.csv": b"name,iin\nx,750301100019\n",
    "quotes.csv": b'kind,text\ncomplaint,"' + b"x" * 100_000,
}


def test_hostile_files_in_the_folder_do_not_stop_the_bus(here: Installation) -> None:
    """Each file ends in quarantine with a reason, and in `failed`; the bus stays small and takes what comes last."""
    inbox = here.folder / "inbox"
    inbox.mkdir()
    for name, content in FILES.items():
        (inbox / name).write_bytes(content)
    (inbox / "zzz.jsonl").write_bytes(_line(message_id="last"))
    here.configure(intakes={"inbox": {"kind": "files", "folder": "inbox", "poll": "50ms", "settle": "0s"}})
    with here.start("run", anew=True) as bus:
        bus.until(lambda: "bus.started" in bus.err, "the bus runs")
        bus.until(lambda: "last" in here.dossiers(), "the good appeal has its dossier")
        assert bus.rss() < 200
        assert bus.stop().code == 0
    assert {file.name for file in (inbox / "failed").iterdir()} == set(FILES)
    listed = appealbus(here.folder, "quarantine", "list", "--json").json()
    assert [row["position"] for row in listed] == sorted(f"{name}:{_where(name)}" for name in FILES)
    assert all(row["reason"] for row in listed)
    _told_nothing(bus.err, *(row["reason"] for row in listed))


def _where(name: str) -> int:
    return 2 if name == "quotes.csv" else 1


def test_quarantine_can_be_listed_shown_tried_and_replayed(here: Installation) -> None:
    """Once a number is free again, or a rule has changed, the message becomes an appeal: once."""
    _file(here)
    appealbus(here.folder, "intake", "mixed.jsonl", expect=1)
    _quarantine_a_good_one(here)
    rows = appealbus(here.folder, "quarantine", "list", "--json").json()
    good, bad = rows[-1]["id"], rows[0]["id"]
    shown = appealbus(here.folder, "quarantine", "show", str(bad))
    assert rows[0]["position"] in shown.out
    assert SECRET in shown.out, "whoever mends a message must see it"
    tried = appealbus(here.folder, "quarantine", "replay", "--all", "--dry-run", expect=1)
    assert f"{good} strict:1: would be taken" in tried.out
    assert len(tried.err.splitlines()) >= len(HOSTILE)
    assert here.read(lambda journal: journal.ask(figures.counts)).quarantine == len(rows), "a dry run changes nothing"
    done = appealbus(here.folder, "quarantine", "replay", "--all", expect=1)
    assert "taken as AB-" in done.out
    left = appealbus(here.folder, "quarantine", "list", "--json").json()
    assert {row["id"] for row in left} == {row["id"] for row in rows} - {good}
    appealbus(here.folder, "quarantine", "replay", str(good), expect=3)
    here.settle()
    assert "was-in-quarantine" in here.dossiers()


def _quarantine_a_good_one(here: Installation) -> None:
    """Put a message in quarantine that nothing is wrong with, as after a mended cause."""
    plugin = here.folder / "strict.py"
    plugin.write_text(_STRICT)
    here.configure(
        bus={"journal": "sqlite:///journal.db", "plugins": ["./strict.py"]}, intakes={"s": {"kind": "strict"}}
    )
    with here.start("run") as bus:
        bus.until(
            lambda: here.read(lambda journal: journal.ask(figures.counts)).quarantine > len(HOSTILE),
            "it is in quarantine",
        )
        assert bus.stop().code == 0
    here.configure()


_STRICT = """
from appealbus.core import Factory, Inbound, Intake, NoSettings, hookimpl

class Strict(Intake):
    async def run(self, acceptor):
        raw = b'{"message_id": "was-in-quarantine", "kind": "complaint", "applicant": {"type": "person"}}'
        await acceptor.accept(Inbound(self.name, "strict:1", raw, problem="the channel was closed"))

@hookimpl
def register_intakes():
    return [Factory("strict", NoSettings, Strict)]
"""
