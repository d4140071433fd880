"""`appealbus rename`: what a channel misnamed in appeals that came is mapped by a change of each, after a preview."""

from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from appealbus.core.bus.intake.reception import Reception
from appealbus.core.cli import misnamed
from appealbus.core.config.models import BusSettings
from appealbus.core.domain.event import EventType
from appealbus.core.interfaces.intake import Inbound, Taken
from appealbus.core.journal import log
from appealbus.core.journal.appeals import cases, lists
from appealbus.core.journal.changes import changes
from appealbus.core.preparation.changing import with_changes
from appealbus.schemas.renames import Rename
from appealbus.schemas.xml import APPEAL_NS

IIN, PARCEL = "850101400011", "08-118-770-8946"
RENAMES = [
    Rename("aplicant", "applicant"),
    Rename("applicant.inn", "applicant.iin"),
    Rename("parcels[*].cadastre", "parcels[*].cadastral_number"),
]
TOML = "".join(
    f'[[bus.renames]]\nchannel = "post"\npath = "{path}"\nto = "{to}"\nreason = "r"\n' for path, to in RENAMES
)
SAID = {
    "kind": "complaint",
    "aplicant": {"type": "person", "inn": IIN, "fax": "7"},
    "parcels": [{"cadastre": PARCEL, "plan": "3"}],
}
IN_XML = (
    f'<appeal xmlns="{APPEAL_NS}"><kind>complaint</kind><aplicant><person><inn>{IIN}</inn><fax>7</fax></person>'
    f"</aplicant><parcels><item><cadastre>{PARCEL}</cadastre><plan>3</plan></item></parcels></appeal>"
)
WHY = ("--reason", "the form of the portal")


@pytest.fixture
def take(journal, tmp_path: Path):
    """Take messages of the channel, and write the configuration then; return the numbers of those that are appeals."""

    async def taken(*messages: object) -> list[str]:
        numbers = []
        async with aclosing(Reception(journal, BusSettings())) as reception:
            for at, said in enumerate(messages):
                text, media = (said, "application/xml") if isinstance(said, str) else (orjson.dumps(said).decode(), "")
                message = Inbound("post", "p", text.encode(), media or "application/json", message_id=f"m{at}")
                told = await reception.accept(message)
                assert isinstance(told, Taken)
                numbers.append(told.receipt.number)
        (tmp_path / "appealbus.toml").write_text(TOML)
        return numbers

    return taken


async def form_of(journal, number: str):
    """Return an appeal as its next run has it."""
    row = await journal.ask(lists.appeal_row, number)
    (case,) = await journal.ask(cases.cases, [row.appeal_id])
    return with_changes(case)


async def test_it_is_shown_then_done_once(program, journal, take):
    """The preview has paths and numbers, and no value; each appeal gets one change, and stays as it was written."""
    first, in_xml, right, _ = await take(SAID, IN_XML, {"kind": "complaint", "fax": "7"}, {"kind": "complaint"})
    shown = program("rename", "post", "--dry-run")
    assert (shown.returncode, "2 appeals would be changed." in shown.stdout, IIN in shown.stdout) == (0, True, False)
    rows = [" ".join(line.split()) for line in shown.stdout.splitlines()]
    assert f"2 applicant.inn → applicant.iin {first}, {in_xml}" in rows
    assert await journal.ask(changes.changes, first) == []
    assert program("rename", "post", "--yes").returncode == 2
    assert program("rename", "other", "--yes", *WHY).returncode == 1
    done = program("rename", "post", "--yes", *WHY)
    assert (done.returncode, "2 appeals changed" in done.stdout, "appeals.renamed" in done.stderr) == (0, True, True)
    for number in (first, in_xml):
        case = await form_of(journal, number)
        assert (case.appeal.applicant.iin, case.appeal.parcels[0].cadastral_number) == (IIN, PARCEL)
        assert (case.appeal.warnings, case.appeal.as_written) == ([], [])
        (note,) = case.notes
        assert (note.reason, note.fields) == (WHY[1], ["applicant", "parcels"])
        told = {(each.field, each.code) for each in note.warnings}
        assert told == {(f"corrected.{each}", "field.unknown") for each in ("applicant", "parcels[0]")}
        as_came = (await journal.ask(cases.case, number)).appeal
        assert (as_came.applicant, len(as_came.as_written)) == (None, 2)
    changed = (await journal.ask(log.page, None, 100, what=[EventType.CHANGED])).entries
    assert {(each.actor[:7], each.detail["reason"]) for each in changed} == {("person:", WHY[1])}
    again = program("rename", "post", "--yes", *WHY)
    assert (again.returncode, "0 appeals would be changed." in again.stdout) == (0, True)
    assert (await form_of(journal, right)).kept_changes == ()


async def test_it_goes_on_after_a_kill(program, journal, take):
    """What was written before is there once, and the rest follows."""
    numbers = await take(*[SAID] * 30)
    page, last = await misnamed.page_of(journal, "post", RENAMES, 0, "r")
    assert (len(page), last) == (misnamed.PAGE, misnamed.PAGE)
    for each in page[:3]:
        assert await misnamed.write(journal, each.change, "appealbus") is None
        other = each.change.model_copy(update={"reason": "of somebody else"})
        assert await misnamed.write(journal, other, "appealbus") is misnamed.Left.MEANWHILE
    assert "27 appeals changed" in program("rename", "post", "--yes", *WHY).stdout
    assert {len(await journal.ask(changes.changes, number)) for number in numbers} == {1}


async def test_what_is_left_as_it_is_is_told(program, journal, take):
    """Appeals that have ended, are held, or were corrected there by somebody else; all others are changed."""
    numbers = await take(*[SAID] * 5)
    change = {"type": "change", "kind": "corrected"}
    said = [
        {"kind": "withdrawn"},
        {"corrected": {"applicant": {"type": "person", "iin": "1"}, "parcels": [{"note": "n"}]}},
        {"removed": ["applicant", "parcels"]},
    ]
    async with aclosing(Reception(journal, BusSettings())) as reception:
        for number, each in zip(numbers, said, strict=False):
            raw = orjson.dumps({**change, "message_id": f"c{number}", "number": number, **each})
            assert isinstance(await reception.accept(Inbound("post", "p", raw)), Taken)
    assert program("hold", numbers[3], *WHY).returncode == 0
    done = program("rename", "post", "--yes", *WHY)
    assert (done.returncode, "1 appeal changed" in done.stdout) == (1, True)
    for count, left in ((1, "answered, withdrawn or closed"), (2, "somebody has corrected it"), (1, "it is held")):
        assert any(line.startswith(str(count)) and left in line for line in done.stdout.splitlines())
    assert (await form_of(journal, numbers[1])).appeal.applicant.iin == "1"
    assert (await form_of(journal, numbers[4])).appeal.applicant.iin == IIN


async def test_what_cannot_be_used_stays_unknown(program, journal, take):
    """Where what stands under one name is mapped and what stands under another is none, the second is not forgotten."""
    (number,) = await take({"aplicant": "me", "parcels": [{"cadastre": PARCEL}]})
    shown = program("rename", "post", "--yes", *WHY).stdout
    assert "0 aplicant" in " ".join(shown.split())
    form = (await form_of(journal, number)).appeal
    assert (form.applicant, form.parcels[0].cadastral_number) == (None, PARCEL)
    assert [(each.field, each.text) for each in form.as_written] == [("appeal", '{"aplicant":"me"}')]
    assert [each.code for each in form.warnings if each.field == "appeal"] == ["field.unknown"]
    assert "0 appeals would be changed." in program("rename", "post", "--dry-run").stdout


def test_a_rename_that_has_ended_is_told_by_check(program, tmp_path: Path):
    """It does nothing any more, and the place in the file is named."""
    day = datetime.now(UTC).date().replace(year=2025)
    (tmp_path / "appealbus.toml").write_text(f"{TOML}until = {day}\n")
    told = program("check").stderr
    assert "bus.renames: parcels[*].cadastre of post is not read as parcels[*].cadastral_number since 2025" in told


async def test_a_channel_that_nothing_comes_by_is_told_by_check(program, take, tmp_path: Path):
    """One mistyped; not one whose appeals are there, nor an intake or a client of which nothing has come yet."""
    await take({"text": "x"})
    program("client", "add", "form", "--role", "channel", "--channel", "portal")
    names = ("post", "portal", "folder", "portel", "zzz")
    renames = [f'[[bus.renames]]\nchannel = "{name}"\npath = "a"\nto = "text"\nreason = "r"' for name in names]
    intake = f'[intakes.folder]\nkind = "files"\nfolder = "{tmp_path}"'
    (tmp_path / "appealbus.toml").write_text("\n".join([*renames, intake]))
    said = " ".join(program("check").stderr.split()).split("bus.renames: ")
    told = [each for each in said if each.startswith("no appeal")]
    assert [each.partition(", and")[0] for each in told] == [
        f"no appeal has come by the channel {name}" for name in ("portel", "zzz")
    ]
    assert "did you mean portal?" in told[0]
    assert "`appealbus appeals`" in told[1]
