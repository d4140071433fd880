"""`check_lookup` changes good replies as agencies change theirs, and a loss that nothing tells of is a problem."""

from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from appealbus.core import From, Query, Source
from appealbus.core.readings import At, Declared, Reading, Send, Take
from appealbus.core.replies.xmlschema import MessageSchema
from appealbus.core.testing import appeal, check_lookup
from appealbus.schemas import Record

ABOUT = appeal(applicant={"iin": "750301100019"})
CONTRACT = """
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:l">
  <xs:element name="Answer"><xs:complexType><xs:sequence>
    <xs:element name="Code" type="xs:string"/>
    <xs:element name="Licence" minOccurs="0"><xs:complexType><xs:sequence>
      <xs:element name="Number" type="xs:string"/>
      <xs:element name="Since" type="xs:date" minOccurs="0"/>
      <xs:element name="Right" type="xs:string" minOccurs="0" maxOccurs="2"/>
    </xs:sequence></xs:complexType></xs:element>
  </xs:sequence></xs:complexType></xs:element>
</xs:schema>
"""
REPLY = (
    '<l:Answer xmlns:l="urn:l"><Code>1</Code><Licence><Number>7</Number><Since>2020-01-01</Since><Right>a</Right>'
    "<Right>b</Right></Licence></l:Answer>"
)


class Licence(Record):
    type: Literal["mine.Licence"] = "mine.Licence"
    number: str
    since: str | None = None
    rights: list[str] = []


class LicenceQuery(Query):
    iin: Annotated[str, From("applicant.iin")]


LICENCE = Reading(Licence, number="Number", since="Since", rights=At("Right[*]"))


@pytest.fixture
def lookup(tmp_path: Path) -> Any:
    """A lookup that declares all that it does."""
    (tmp_path / "l.xsd").write_text(CONTRACT, encoding="utf-8")

    class LicenceByIin(Declared[LicenceQuery, Licence]):
        """Which licence somebody holds."""

        name = "licences.licence"
        purpose = "a test"
        schema = MessageSchema(tmp_path / "l.xsd", "{urn:l}Answer")
        send = Send("{urn:l}Ask", {"Iin": "iin"})
        take = Take(LICENCE, "Licence", same=lambda query, record: True)

    return LicenceByIin


async def test_what_is_declared_tells_what_it_loses(lookup: Any) -> None:
    """Renamed, wrapped or doubled, each element is missed where it was, or there as it was."""
    assert await check_lookup(lookup(), ABOUT, [REPLY], not_in_reply={"iin"}) == []


async def test_a_silent_loss_is_a_problem(lookup: Any) -> None:
    """A lookup that takes less than there is, and forgets what reading has noticed, is told of it."""

    class Careless(lookup):
        """Which licence somebody holds."""

        lenient = True

        def read(self, reply: Any, query: Any, source: Source) -> Any:
            ended = super().read(reply, query, source)
            source.notes.unknown.clear()
            return ended

    problems = await check_lookup(Careless(), ABOUT, [REPLY], not_in_reply={"iin"})
    says = "is another and nothing says so"
    assert f"with Right renamed in the reply, rights {says}" in problems
    assert f"with Since wrapped in the reply, since {says}" in problems
