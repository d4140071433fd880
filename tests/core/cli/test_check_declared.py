"""`appealbus check` proves declared lookups, and names the line of what its contract does not allow."""

import json
from pathlib import Path

import pytest

PLUGIN = '''
from pathlib import Path
from typing import Annotated, Literal

from appealbus.core import Factory, From, NoSettings, Query, Wire, hookimpl
from appealbus.core.readings import Declared, Reading, Send, Take
from appealbus.core.replies.xmlschema import MessageSchema
from appealbus.schemas.record import Record


class Licence(Record):
    type: Literal["mine.Licence"] = "mine.Licence"
    number: str
    holder: str | None = None


class LicenceQuery(Query):
    iin: Annotated[str, From("applicant.iin")]


LICENCE = Reading(
    Licence,
    number="Nomber",
    holder="Holder/Name",
)


class LicenceByIin(Declared[LicenceQuery, Licence]):
    """Which licence somebody holds."""

    name = "licences.licence"
    purpose = "a test"
    schema = MessageSchema(Path(__file__).with_name("licences.xsd"), "{urn:l}Answer")
    send = Send("{urn:l}Ask", {"Iin": "iin"})
    take = Take(LICENCE, "Licence", same=lambda query, record: True)


class Mine(Wire):
    async def call(self, request, call): ...
    async def health(self): ...


@hookimpl
def register_lookups():
    return [LicenceByIin()]


@hookimpl
def register_connectors():
    return [Factory("mine", NoSettings, lambda source, settings: Mine())]
'''

CONTRACT = """
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:l">
  <xs:element name="Ask"><xs:complexType><xs:sequence>
    <xs:element name="Sender" type="xs:string"/><xs:element name="Iin" type="xs:string"/>
  </xs:sequence></xs:complexType></xs:element>
  <xs:element name="Answer"><xs:complexType><xs:sequence>
    <xs:element name="Licence" minOccurs="0"><xs:complexType><xs:sequence>
      <xs:element name="Number" type="xs:string"/>
      <xs:element name="Holder"><xs:complexType><xs:sequence>
        <xs:element name="Name" type="xs:string"/>
      </xs:sequence></xs:complexType></xs:element>
    </xs:sequence></xs:complexType></xs:element>
  </xs:sequence></xs:complexType></xs:element>
</xs:schema>
"""


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """A plugin in one file, with a source that its lookup asks."""
    (tmp_path / "licences.py").write_text(PLUGIN, encoding="utf-8")
    (tmp_path / "licences.xsd").write_text(CONTRACT, encoding="utf-8")
    (tmp_path / "appealbus.toml").write_text(
        '[bus]\nplugins = ["./licences.py"]\nlegal_basis = "a test"\n[sources.licences]\nconnector = "mine"\n',
        encoding="utf-8",
    )
    return tmp_path / "licences.py"


def line_of(text: str) -> int:
    return PLUGIN[: PLUGIN.index(text)].count("\n") + 1


def test_what_the_contract_does_not_allow_is_told_with_its_line(program, plugin: Path):
    """A misspelt element of the answer, and an element of the request that nothing fills."""
    misspelt, send = (line_of(text) for text in ('number="Nomber"', "send = Send("))
    done = program("check", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["problems"] == [
        f"{plugin}:{misspelt}: licences.licence: "
        "Licence.number: Licence/Nomber cannot occur in the contract; did you mean Number?",
        f"{plugin}:{send}: licences.licence: the contract wants Sender in the request, and nothing fills it",
    ]
    assert "licences.py:" in program("check").stderr


def test_a_plugin_that_is_right_has_no_problems(program, plugin: Path):
    """Mended, both are gone."""
    mended = PLUGIN.replace("Nomber", "Number").replace('{"Iin"', '{"Sender": lambda asking: "us", "Iin"')
    plugin.write_text(mended, encoding="utf-8")
    done = program("check")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_path_through_open_content_is_a_warning(program, plugin: Path):
    """No schema says what is there: nobody can call it wrong, and somebody should know."""
    mended = PLUGIN.replace("Nomber", "Number").replace('{"Iin"', '{"Sender": lambda asking: "us", "Iin"')
    plugin.write_text(mended, encoding="utf-8")
    name = '<xs:element name="Name" type="xs:string"/>'
    plugin.with_suffix(".xsd").write_text(CONTRACT.replace(name, "<xs:any/>"), encoding="utf-8")
    done = program("check", "--json")
    found = json.loads(done.stdout)
    assert (done.returncode, found["problems"]) == (0, [])
    (told,) = (each for each in found["warnings"] if "xs:any" in each)
    line = line_of('holder="Holder/Name"')
    assert told.startswith(f"{plugin}:{line}: licences.licence: Licence.holder: Licence/Holder/Name ")


GATEWAY = """
[sources.{name}]
connector = "shep"
url = "http://127.0.0.1:9/"
service_id = "S"
sender_id = "us"
"""


def test_the_registers_that_ship_have_no_problems(program, tmp_path: Path):
    """All their lookups are proved, and what they declare is right, once it is said how ГБД ЮЛ is asked."""
    sources = "".join(GATEWAY.format(name=name) for name in ("gbdfl", "gbdul", "egkn"))
    address = '[sources.address]\nconnector = "amqp"\nqueue = "address"\n'
    (tmp_path / "appealbus.toml").write_text(f"{sources}{address}")
    (unsigned,) = json.loads(program("check", "--json").stdout)["problems"]
    assert "[sources.gbdul.data_signature]" in unsigned
    told = '[sources.gbdul.data_signature]\nsign = "none"\n'
    (tmp_path / "appealbus.toml").write_text(f"{sources}{told}{address}")
    done = program("check", "--json")
    found = json.loads(done.stdout)
    assert (done.returncode, found["problems"]) == (0, [])
    assert len(found["lookups"]) == 7
    (consent,) = (warning for warning in found["warnings"] if "КДП" in warning)
    assert consent.startswith("gbdfl.person, gbdfl.mentioned_person: no kdp_token is set; ")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ('return ["nobody agreed"]', "licences.licence: nobody agreed"),
        ("raise KeyError", "licences.licence: its warnings cannot be told: it raised KeyError"),
    ],
)
def test_what_a_lookup_warns_of_is_told(program, plugin: Path, body: str, told: str):
    """It is no problem, and neither is a lookup that cannot say it."""
    mended = PLUGIN.replace("Nomber", "Number").replace('{"Iin"', '{"Sender": lambda asking: "us", "Iin"')
    mended = mended.replace("    send = Send", f"    def warnings(self):\n        {body}\n\n    send = Send")
    plugin.write_text(mended, encoding="utf-8")
    done = program("check")
    assert (done.returncode, done.stderr.strip()) == (0, told)
