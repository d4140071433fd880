"""What a channel calls by names of its own is read as the configuration says, and no message becomes another by it."""

from contextlib import aclosing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from appealbus.core.bus.intake.reception import Reception
from appealbus.core.clocks import day_of, wall
from appealbus.core.config.models import BusSettings
from appealbus.core.interfaces.intake import Inbound, Quarantined, Taken
from appealbus.core.journal.appeals import cases, lists
from appealbus.core.journal.journal import Journal
from appealbus.schemas.appeal import Appeal, PersonApplicant
from appealbus.schemas.reading import SMALL
from appealbus.schemas.xml import APPEAL_NS

IIN = "850101400011"
NAMES = {
    "aplicant": "applicant",
    "applicant.inn": "applicant.iin",
    "plot.district": "place.kato",
    "parcels[*].cadastre": "parcels[*].cadastral_number",
}
GIVEN: dict[str, Any] = {
    "message_id": "1",
    "kind": "complaint",
    "text": "x",
    "aplicant": {"type": "person", "inn": IIN},
    "plot": {"district": "750000000", "colour": "green"},
    "parcels": [{"cadastre": f"08-118-770-{at:03}"} for at in range(25)],
}
IN_XML = f"""<appeal xmlns="{APPEAL_NS}"><message_id>1</message_id><kind>complaint</kind><text>x</text>
<aplicant><person><inn>{IIN}</inn></person></aplicant><plot><district>750000000</district><colour>green</colour></plot>
<parcels>{"".join(f"<item><cadastre>08-118-770-{at:03}</cadastre></item>" for at in range(25))}</parcels></appeal>"""


def settings(**names: str) -> BusSettings:
    """Return settings in which the channel `post` misnames these."""
    renames = [{"channel": "post", "path": path, "to": to, "reason": "r"} for path, to in names.items()]
    return BusSettings.model_validate({"renames": renames})


async def received(journal: Journal, raw: bytes, media_type: str, **names: str) -> Taken | Quarantined:
    """Have a message of the channel taken."""
    async with aclosing(Reception(journal, settings(**names))) as reception:
        return await reception.accept(Inbound("post", "p", raw, media_type))


async def kept(journal: Journal, number: str) -> Appeal:
    """Return an appeal as the journal has it."""
    case = await journal.ask(cases.case, number)
    assert case is not None
    return case.appeal


@pytest.mark.proof
@pytest.mark.parametrize("filler", ["", "y" * 2 * SMALL], ids=["small", "large"])
@pytest.mark.parametrize("media_type", ["application/json", "application/xml"])
async def test_it_is_read_and_told(tmp_path: Path, media_type: str, filler: str) -> None:
    """The values stand in their fields, the receipt names each rename, and what nobody renamed stays as written."""
    text = orjson.dumps(GIVEN).decode() if media_type.endswith("json") else IN_XML
    raw = text.replace("green", f"green{filler}").encode()
    async with await Journal.open(f"sqlite:///{tmp_path}/journal.db") as journal:
        taken = await received(journal, raw, media_type, **NAMES)
        assert isinstance(taken, Taken)
        appeal = await kept(journal, taken.receipt.number)
    assert appeal.applicant is not None
    assert appeal.place is not None
    assert (appeal.applicant.iin, appeal.place.kato) == (IIN, "750000000")
    assert [each.cadastral_number for each in appeal.parcels] == [f"08-118-770-{at:03}" for at in range(25)]
    told = [(each.field, each.code) for each in taken.receipt.warnings or ()]
    fields = ("applicant", "applicant.iin", "place.kato", "parcels")
    assert told[:5] == [*((field, "field.renamed") for field in fields), ("appeal", "field.unknown")]
    (left,) = appeal.as_written
    assert "green" in left.text
    assert "district" not in left.text


async def test_a_repeat_is_the_same_message(tmp_path: Path) -> None:
    """Whether a rename came or went between two copies, they are one appeal; another content differs as ever."""
    async with await Journal.open(f"sqlite:///{tmp_path}/journal.db") as journal:
        for message_id, first, then in (("1", {}, NAMES), ("2", NAMES, {})):
            raw = orjson.dumps(GIVEN | {"message_id": message_id})
            one = await received(journal, raw, "application/json", **first)
            other = await received(journal, raw, "application/json", **then)
            assert isinstance(one, Taken)
            assert isinstance(other, Taken)
            assert (one.new, other.new) == (True, False)
            assert one.receipt.number == other.receipt.number
            changed = await received(journal, raw.replace(b'"x"', b'"z"'), "application/json", **then)
            assert isinstance(changed, Quarantined)
            assert changed.code == "message.differs"


@pytest.mark.parametrize(
    ("given", "to"),
    [
        ({"tel": "7", "applicant": {"type": "person", "phone": "8"}}, "applicant.phone"),
        ({"tel": "7", "applicant": "me"}, "applicant.phone"),
        ({"tel": "", "text": "x"}, "applicant.phone"),
    ],
)
async def test_what_the_form_has_itself_stays(tmp_path: Path, given: dict[str, Any], to: str) -> None:
    """Where the field came under its own name, too, or there is nothing to read, the message is as it was."""
    raw = orjson.dumps(given | {"message_id": "1"})
    async with await Journal.open(f"sqlite:///{tmp_path}/journal.db") as journal:
        taken = await received(journal, raw, "application/json", tel=to)
        assert isinstance(taken, Taken)
    codes = [each.code for each in taken.receipt.warnings or ()]
    assert "field.unknown" in codes
    assert "field.renamed" not in codes


@pytest.mark.parametrize(
    ("renames", "says"),
    [
        ([("text", "kind")], "the form has a field text itself"),
        ([("x", "y")], "the form has no field y"),
        ([("x", "message_id")], "the form has no field message_id"),
        ([("x", "applicant.type")], "the form has no field applicant.type"),
        ([("plots[*].x", "parcels[*].note")], "into the same list"),
        ([("x y", "text")], "write paths such as"),
        ([("x", "text"), ("y", "text")], "text of post stands there twice"),
        ([("x", "text"), ("x", "place")], "x of post stands there twice"),
    ],
)
def test_a_rename_that_cannot_be_is_refused(renames: list[tuple[str, str]], says: str) -> None:
    """The configuration says why."""
    rows = [{"channel": "post", "path": path, "to": to, "reason": "r"} for path, to in renames]
    with pytest.raises(ValidationError, match=says):
        BusSettings.model_validate({"renames": rows})


async def test_a_date_that_cannot_be_is_told_at_once(tmp_path: Path) -> None:
    """A term of 2062 is none, and both dates are in the receipt; the same message stays the same."""
    raw = orjson.dumps({"message_id": "1", "text": "x", "due_on": "2062-01-01", "received_at": "2062-01-01T10:00:00"})
    async with await Journal.open(f"sqlite:///{tmp_path}/journal.db") as journal:
        for new in (True, False):
            taken = await received(journal, raw, "application/json")
            assert isinstance(taken, Taken)
            told = [(each.field, each.code) for each in taken.receipt.warnings or () if each.code != "field.missing"]
            assert (taken.new, told) == (new, [("due_on", "field.date"), ("received_at", "field.moment")])
        appeal = await kept(journal, taken.receipt.number)
        row = await journal.ask(lists.appeal_row, taken.receipt.number)
    assert row is not None
    assert (appeal.due_on, row.due_on, [each.text for each in appeal.as_written]) == (None, None, ["2062-01-01"])


@pytest.mark.parametrize("applicant", [{"type": "person"}, {}], ids=["a person", "of no type"])
async def test_who_is_not_born_yet_is_told_at_once(tmp_path: Path, applicant: dict[str, str]) -> None:
    """A birth date of tomorrow or of 2062 is none, one of today is; it stays as it was written."""
    today = day_of(wall())
    async with await Journal.open(f"sqlite:///{tmp_path}/journal.db") as journal:
        for born, told in (
            (today, []),
            (today + timedelta(days=1), ["field.date"]),
            (date(2062, 1, 1), ["field.date"]),
        ):
            given = {"message_id": str(born), "text": "x", "applicant": {**applicant, "birth_date": str(born)}}
            for new in (True, False):
                taken = await received(journal, orjson.dumps(given), "application/json")
                assert isinstance(taken, Taken)
                field = "applicant.birth_date"
                codes = [each.code for each in taken.receipt.warnings or () if each.field == field]
                assert (taken.new, codes) == (new, told)
            appeal = await kept(journal, taken.receipt.number)
            assert isinstance(appeal.applicant, PersonApplicant)
            assert appeal.applicant.birth_date == (None if told else born)
            assert [each.text for each in appeal.as_written if each.field == field] == [str(born)] * len(told)
