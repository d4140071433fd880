"""A lookup of two declarations and a name: its request, its answers, and who it is about."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
from lxml import etree

from appealbus.core import CallFailed, From, Outcome, OutcomeKind, Query, Source, not_found
from appealbus.core.interfaces.notes import Notes
from appealbus.core.readings import Asking, At, Declared, Reading, Send, Take
from appealbus.core.replies.codes import BusinessCodes
from appealbus.core.testing import ScriptedWire, appeal, ask
from appealbus.schemas.base import Day, Text
from appealbus.schemas.record import Record

IIN, OTHER = "750301100019", "821224202626"


class Licence(Record):
    type: Literal["declared.Licence"] = "declared.Licence"
    iin: Annotated[Text, At("Holder/Iin")]
    number: Annotated[Text, At("Number")]
    until: Annotated[Day | None, At("Until")] = None


class LicenceQuery(Query):
    iin: Annotated[str, From("applicant.iin")]
    born: Annotated[date | None, From("applicant.birth_date")] = None


class Codes(BusinessCodes):
    success_codes: frozenset[str] = frozenset({"0"})
    not_found_codes: frozenset[str] = frozenset({"404"})
    sender: str = "US"


class LicenceByIin(Declared[LicenceQuery, Licence]):
    """Which licence somebody holds."""

    name = "licences.licence"
    purpose = "a test"
    send = Send(
        "{urn:l}Ask",
        {
            "Head/@id": lambda asking: asking.question_id,
            "Head/Sender": lambda asking: asking.settings.sender,
            "Body/Person/Iin": "iin",
            "Body/Person/Born": "born",
            "Body/Person/Last": ("iin", lambda iin: iin[-4:]),
            "Body/Empty": lambda asking: "",
        },
    )
    take = Take(Reading(Licence), "Licences/Licence", code="Status/Code", same=("iin",))


LOOKUP = LicenceByIin(Codes())


def licence(iin: str = IIN, more: str = "") -> str:
    return f"<Licence><Holder><Iin>{iin}</Iin></Holder><Number>7</Number>{more}</Licence>"


def answer(*licences: str, code: str = "0") -> str:
    status = f"<Status><Code>{code}</Code></Status>" if code else ""
    return f"<a:Answer xmlns:a='urn:l'>{status}<Licences>{''.join(licences)}</Licences></a:Answer>"


async def put(lookup: Any, *replies: Any, **applicant: Any) -> Outcome[Any]:
    return await ask(lookup, appeal(applicant={"iin": IIN, **applicant}), replies=ScriptedWire(replies))


async def test_the_request_is_what_is_declared() -> None:
    """In the declared order: attributes, settings, fields, what is made of one; what is absent is left out."""
    wire = ScriptedWire([answer(licence())])
    await ask(LOOKUP, appeal(applicant={"iin": IIN}), replies=wire)
    (request,) = wire.asked
    assert isinstance(request.body, etree._Element)
    identifier = request.body[0].get("id")
    assert identifier
    written = etree.tostring(request.body, encoding="unicode").replace(identifier, "ID")
    assert written == (
        '<q:Ask xmlns:q="urn:l"><Head id="ID"><Sender>US</Sender></Head>'
        f"<Body><Person><Iin>{IIN}</Iin><Last>0019</Last></Person><Empty></Empty></Body></q:Ask>"
    )


def test_requests_of_other_shapes() -> None:
    """Elements in the root's namespace or one of their own; a table for wires that build the message."""
    asking = Asking({}, None, "id", None)  # type: ignore[arg-type]
    one = Send("{urn:a}R", {"B/{urn:c}D": lambda _: True, "B/E": lambda _: Decimal("1.50")}, qualified=True)
    body = one.body(asking)
    assert isinstance(body, etree._Element)
    assert [element.tag for element in body.iter()] == ["{urn:a}R", "{urn:a}B", "{urn:c}D", "{urn:a}E"]
    assert [element.text for element in body[0]] == ["true", "1.50"]
    assert Send("", {"b/c": lambda _: date(2020, 1, 2), "b/d": lambda _: 1}).body(asking) == {
        "b": {"c": "2020-01-02", "d": "1"}
    }
    plain = Send("R", {"Ә": lambda _: "x"}).body(asking)
    assert etree.tostring(plain, encoding="unicode") == "<R><Ә>x</Ә></R>"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("reply", "kind", "code"),
    [
        (answer(licence()), OutcomeKind.FOUND, ""),
        (answer(licence(OTHER), licence()), OutcomeKind.FOUND, ""),
        (answer(), OutcomeKind.NOT_FOUND, ""),
        (answer(code="404"), OutcomeKind.NOT_FOUND, "licences.404"),
        (answer(code="9"), OutcomeKind.INVALID, "licences.9"),
        (answer(code=""), OutcomeKind.INVALID, "reply.missing"),
        (answer(licence(OTHER)), OutcomeKind.INVALID, "licences.other_licence"),
        (answer(licence(), licence()), OutcomeKind.INVALID, "licences.repeated_licence"),
        (answer("<Licence><Number>7</Number></Licence>"), OutcomeKind.INVALID, "reply.missing"),
        ("<html/>", OutcomeKind.INVALID, "reply.missing"),
        (
            {"Status": {"Code": 0}, "Licences": {"Licence": {"Holder": {"Iin": IIN}, "Number": "7"}}},
            OutcomeKind.FOUND,
            "",
        ),
        ({}, OutcomeKind.INVALID, "reply.missing"),
    ],
)
async def test_outcomes(reply: Any, kind: OutcomeKind, code: str) -> None:
    """The source's word, the records, and whether one is about whom was asked; XML and JSON alike."""
    outcome = await put(LOOKUP, reply)
    assert (outcome.kind, outcome.code or "") == (kind, code)


async def test_another_document_is_no_empty_answer() -> None:
    """Without a code, what would stand around records must be there."""

    class Codeless(LicenceByIin):
        take = Take(Reading(Licence), "Licences/Licence", same=("iin",))

    lookup = Codeless(Codes())
    assert (await put(lookup, answer(code=""))).kind is OutcomeKind.NOT_FOUND
    assert (await put(lookup, "<html><body/></html>")).code == "reply.missing"


async def test_one_record_is_the_answer_itself() -> None:
    """`.` is the answer."""

    class Itself(LicenceByIin):
        take = Take(Reading(Licence), ".", same=lambda query, record: record.number == "7", what="paper")

    outcome = await put(Itself(Codes()), f"<Licence><Holder><Iin>{IIN}</Iin></Holder><Number>7</Number></Licence>")
    assert outcome.kind is OutcomeKind.FOUND
    other = await put(Itself(Codes()), f"<Licence><Holder><Iin>{IIN}</Iin></Holder><Number>8</Number></Licence>")
    assert other.code == "licences.other_paper"


async def test_the_code_of_an_answer_that_is_the_record_is_taken() -> None:
    """It is not counted as an element that nobody takes; what stands beside it is."""
    take = Take(Reading(Licence), ".", code="Status/Code", same=("iin",))
    notes = Notes()
    status = "<Status><Code>0</Code><Text>t</Text></Status>"
    found = take.answer(etree.fromstring(licence(more=status)), notes)
    assert (found.code, [record.number for record in found.records()]) == ("0", ["7"])
    assert notes.unread == {"Status/Text": 1}


async def test_declarations_and_code_mix() -> None:
    """A login before the question, and a rule for which record counts."""

    class WithLogin(LicenceByIin):
        async def ask(self, query: LicenceQuery, source: Source) -> Any:
            token = await source.call(self.request(query, source))
            if not isinstance(token.body, etree._Element) or token.body.text != "token":
                raise CallFailed(OutcomeKind.UNAVAILABLE, "licences.login", "no token came")
            return await super().ask(query, source)

        def choose(self, records: Any, query: LicenceQuery) -> Any:
            return super().choose(records[-1:], query) if len(records) < 3 else not_found("licences.many", "many")

    lookup = WithLogin(Codes())
    assert (await put(lookup, "<t>token</t>", answer(licence(), licence()))).kind is OutcomeKind.FOUND
    assert (await put(lookup, "<t>token</t>", answer(*[licence()] * 3))).code == "licences.many"
    assert (await put(lookup, "<t>no</t>")).code == "licences.login"


def test_who_is_compared() -> None:
    """What the query lacks is not compared, but the first of the names it must have: a birth date is many people's."""

    class Known(Licence):
        type: Literal["declared.Known"] = "declared.Known"  # type: ignore[assignment]
        born: Annotated[Day | None, At("Born")] = None

    take = Take(Reading(Known), "L", same=("iin", "born"))
    born = date(1990, 1, 1)
    record = Known(iin=IIN, number="7", born=born)
    asked = LicenceQuery.model_construct
    assert take.is_asked(asked(iin=IIN, born=None), record)
    assert take.is_asked(asked(iin=IIN, born=born), record)
    assert not take.is_asked(asked(iin=IIN, born=date(1990, 1, 2)), record)
    assert not take.is_asked(asked(iin=None, born=born), record)


def test_what_one_take_knows_is_no_business_of_another() -> None:
    """A code beside a record that is the whole answer is taken by that declaration alone."""
    reading = Reading(Licence)
    answer = etree.fromstring(f"<L><Code>0</Code><Holder><Iin>{IIN}</Iin></Holder><Number>7</Number><New/></L>")
    whole, notes = Take(reading, ".", code="Code", same=("iin",)), Notes()
    assert whole.answer(answer, notes).records() == [Licence(iin=IIN, number="7")]
    assert notes.unread == {"New": 1}
    notes = Notes()
    reading.read(answer, notes)
    assert notes.unread == {"Code": 1, "New": 1}
