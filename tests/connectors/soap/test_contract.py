"""Contracts: whole, scattered, incomplete and broken."""

from collections.abc import Callable
from pathlib import Path

import pytest
from lxml import etree

from appealbus.connectors.soap.contract import WsdlContract, load_contract
from appealbus.connectors.soap.documents import read_catalog
from appealbus.core.errors import ConfigError
from appealbus.core.interfaces.notes import ReplyCheck
from appealbus.core.interfaces.wire import CallFailed

REGISTER = Path(__file__).parent / "register.wsdl"
SCHEMA = REGISTER.with_suffix(".xsd")
NS = "urn:example:register"
XS = 'xmlns:xs="http://www.w3.org/2001/XMLSchema"'
Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes the test contract with its WSDL changed by (old, new) pairs."""
    (tmp_path / "register.xsd").write_bytes(SCHEMA.read_bytes())

    def write(*changes: tuple[str, str]) -> Path:
        content = REGISTER.read_text(encoding="utf-8")
        for old, new in changes:
            assert old in content
            content = content.replace(old, new)
        (tmp_path / "changed.wsdl").write_text(content, encoding="utf-8")
        return tmp_path / "changed.wsdl"

    return write


def is_valid(contract: WsdlContract, element: etree._Element) -> bool:
    """Say whether the contract's schema takes the element."""
    assert contract.checker is not None
    try:
        contract.checker.check(element, "x", "it")
    except CallFailed:
        return False
    return True


SPACE = 'targetNamespace="urn:example:register:wsdl"'
SPACES = (
    (SPACE, SPACE.replace("urn:example:register:wsdl", "http://register.invalid/ws/")),
    (
        'xmlns:t="urn:example:register:wsdl"',
        'xmlns:t="http://register.invalid/ws/"',
    ),
)
PING, NAMED = '<w:operation name="Ping"><w:input ', '<w:operation name="Ping"><w:input name="Asked" '
SILENT = ('soapAction="urn:example:notify"', 'soapAction=""')
ACTION = '<w:input wsam:Action="urn:own" xmlns:wsam="http://www.w3.org/2007/05/addressing/metadata" '


@pytest.mark.parametrize(
    ("changes", "operation", "action"),
    [
        ((), "Count", "urn:example:count"),
        ((), "Ping", "urn:example:register:wsdl:Register:PingRequest"),
        (((PING, NAMED),), "Ping", "urn:example:register:wsdl:Register:Asked"),
        ((SILENT,), "Notify", "urn:example:register:wsdl:Register:Notify"),
        (SPACES, "Ping", "http://register.invalid/ws/Register/PingRequest"),
        (((PING, PING.replace("<w:input ", ACTION)),), "Ping", "urn:own"),
    ],
)
def test_the_action_of_addressing(
    write: Write, changes: tuple[tuple[str, str], ...], operation: str, action: str
) -> None:
    """The contract's own, else that of SOAPAction, else the default of WS-Addressing 1.0: an empty one is none."""
    assert load_contract(write(*changes)).port.operations[operation].addressing_action == action


IMPORT = '<xs:import namespace="urn:example:register" schemaLocation="register.xsd"/>'


def test_whole() -> None:
    """Operations, elements, actions and headers are read."""
    contract = load_contract(REGISTER)
    assert list(contract.port.operations) == ["FindPerson", "Count", "Ping", "Notify"]
    find = contract.port.operations["FindPerson"]
    assert (find.input, find.output) == (f"{{{NS}}}FindPerson", f"{{{NS}}}FindPersonResponse")
    assert (find.action, find.headers) == ("urn:example:find", (f"{{{NS}}}Client",))
    assert contract.port.operations["Ping"].input is None
    assert contract.port.operations["Notify"].output is None
    assert contract.notes == ()


@pytest.mark.parametrize(
    ("old", "new", "lost", "note"),
    [
        (
            'message="t:CountIn"',
            'message="t:CuontIn"',
            "Count",
            "operation Count: its input message t:CuontIn does not",
        ),
        (
            'element="r:CountResponse"',
            'element="r:Response"',
            "Count",
            f"operation Count: the reply {{{NS}}}Response does not exist",
        ),
        ('element="r:Count"/>', 'type="r:Person"/>', "Count", "part body names no element"),
        ('part="client" use', 'part="clent" use', None, "FindPerson, header: part clent of message t:FindIn does not"),
        ('header message="t:FindIn"', 'header message="t:In"', None, "part client of message t:In does not exist"),
        (
            'parts="body" use="literal"',
            'use="encoded"',
            "FindPerson",
            "FindPerson: it is document/encoded: its",
        ),
        (
            'element="r:CountResponse"/>',
            'element="r:Count"/><w:part name="more" element="r:Count"/>',
            "Count",
            "one part",
        ),
        (
            '<w:operation name="Notify"><w:input',
            '<w:operation name="Other"><w:input',
            "Notify",
            "has no such operation",
        ),
        ('element="r:Count"/>', 'element="undeclared:Count"/>', "Count", "operation Count: the request Count does not"),
    ],
)
def test_one_broken_part(write: Write, old: str, new: str, lost: str | None, note: str) -> None:
    """One broken part is left out and named; the other operations work."""
    contract = load_contract(write((old, new)))
    assert any(note in line for line in contract.notes), contract.notes
    known = {"FindPerson", "Count", "Notify"} - {lost}
    assert known <= set(contract.port.operations)
    assert lost not in contract.port.operations
    assert contract.builder is not None
    assert contract.builder.build(f"{{{NS}}}Notice", {"text": "Ө"})[0].text == "Ө"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ([("register.xsd", "absent.xsd")], r"absent\.xsd \(imported by .*changed\.wsdl\)"),
        (
            [("register.xsd", "http://x.invalid/r.xsd")],
            r"http://x\.invalid/r\.xsd \(imported by .*\n.*catalog.*\n.*r\.xsd\tr\.xsd",
        ),
        (
            [('binding="t:Register1', 'binding="t:Absent1')],
            "no SOAP operation that can be used\n  port Soap11: its binding",
        ),
        ([('type="t:Register"', 'type="t:Absent"')], "port type t:Absent does not exist"),
        ([("s11:binding", "s11:other"), ("s12:binding", "s12:other")], "no SOAP operation that can be used"),
        ([("?>\n<w:definitions", "?><!DOCTYPE w><w:definitions")], "declares a DTD"),
        ([("</w:definitions>", "")], "not well-formed"),
        ([("w:definitions", "w:other")], r"changed\.wsdl: is neither a WSDL 1\.1 nor an XML schema"),
    ],
)
def test_broken_as_a_whole(write: Write, changes: list[tuple[str, str]], says: str) -> None:
    """A contract that cannot serve at all is a ConfigError that says which part, and what to do."""
    with pytest.raises(ConfigError, match=says):
        load_contract(write(*changes))


def test_no_such_file(tmp_path: Path) -> None:
    """A contract that is not there is named."""
    with pytest.raises(ConfigError, match=r"absent\.wsdl"):
        load_contract(tmp_path / "absent.wsdl")


def test_broken_schema(write: Write, tmp_path: Path) -> None:
    """One broken declaration takes away the operations that are built on it, and is told with its line, once."""
    xsd = tmp_path / "register.xsd"
    xsd.write_text(xsd.read_text().replace('name="count" type="xs:int"', 'name="count" type="r:Absent"'))
    contract = load_contract(write())
    assert list(contract.port.operations) == ["FindPerson", "Notify"]
    told = f"the reply {{{NS}}}CountResponse is built on a broken part of the schema"
    line = next(number for number, text in enumerate(xsd.read_text().splitlines(), 1) if '"CountResponse"' in text)
    assert contract.notes[0].startswith(f"{xsd}, line {line}, element CountResponse: ")
    assert "Absent' does not resolve" in contract.notes[0]
    assert contract.notes[1:] == (f"operation Count: {told}", f"operation Ping: {told}")
    assert contract.builder is not None
    asked = contract.builder.build(f"{{{NS}}}FindPerson", {"criteria": {"iin": "850312180019"}})
    assert is_valid(contract, asked)


def test_broken_reply_that_nothing_checks(write: Write, tmp_path: Path) -> None:
    """Where replies are not checked, an operation stays whose reply is broken; one whose request is does not."""
    xsd = tmp_path / "register.xsd"
    whole = xsd.read_text()
    xsd.write_text(whole.replace('name="count" type="xs:int"', 'name="count" type="r:Absent"'))
    contract = load_contract(write(), replies=ReplyCheck.OFF)
    assert list(contract.port.operations) == ["FindPerson", "Count", "Ping", "Notify"]
    xsd.write_text(whole.replace('name="text" type="xs:string"', 'name="text" type="r:Absent"'))
    contract = load_contract(write(), replies=ReplyCheck.OFF)
    assert list(contract.port.operations) == ["FindPerson", "Count", "Ping"]
    assert contract.checker is not None


def test_catalog(write: Write, tmp_path: Path) -> None:
    """Documents that are imported by URL come from the catalog, also what those import in turn."""
    lists = (
        f'<xs:schema {XS} xmlns="urn:l" targetNamespace="urn:l"><xs:include schemaLocation="sub/more.xsd"/></xs:schema>'
    )
    more = (
        f'<xs:schema {XS}><xs:import namespace="http://www.w3.org/XML/1998/namespace"/>'
        '<xs:element name="E" type="xs:int"/></xs:schema>'
    )
    (tmp_path / "lists.xsd").write_text(lists)
    (tmp_path / "more.xsd").write_text(more)
    wsdl = write(
        (IMPORT, IMPORT + '<xs:import namespace="urn:l" schemaLocation="http://x.invalid/a/lists.xsd"/>'),
        ('element="r:Notice"', 'xmlns:l="urn:l" element="l:E"'),
    )
    catalog = tmp_path / "catalog.tsv"
    catalog.write_text("# ours\n\nhttp://x.invalid/a/lists.xsd\tlists.xsd\n")
    with pytest.raises(ConfigError, match=r"http://x\.invalid/a/sub/more\.xsd \(imported by .*/lists\.xsd\)"):
        load_contract(wsdl, catalog)
    catalog = tmp_path / "catalog.toml"
    catalog.write_text('"http://x.invalid/a/lists.xsd" = "lists.xsd"\n"http://x.invalid/a/sub/more.xsd" = "more.xsd"\n')
    contract = load_contract(wsdl, catalog)
    assert contract.port.operations["Notify"].input == "{urn:l}E"
    assert is_valid(contract, etree.fromstring('<E xmlns="urn:l">1</E>'))
    assert not is_valid(contract, etree.fromstring('<E xmlns="urn:l">x</E>'))


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("c.tsv", "http://x.invalid/ x.xsd\n", r"c\.tsv:1: write URL, tab, file"),
        ("c.toml", "x = 1", 'write "URL" = "file"'),
        ("c.toml", "x = ", r"c\.toml: "),
        ("c.tsv", None, "cannot be read"),
    ],
)
def test_bad_catalog(tmp_path: Path, name: str, content: str | None, says: str) -> None:
    """A catalog that cannot be read is an error with the line and what to write."""
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError, match=says):
        read_catalog(path)


def test_catalog_names_a_file_that_is_not_there(write: Write, tmp_path: Path) -> None:
    """A catalogued file that is missing is named, with the URL that it stands for."""
    (tmp_path / "c.tsv").write_text("http://x.invalid/r.xsd\tabsent.xsd\n")
    with pytest.raises(ConfigError, match=r"absent\.xsd: the file that the catalog names for http://x\.invalid/r\.xsd"):
        load_contract(write(("register.xsd", "http://x.invalid/r.xsd")), tmp_path / "c.tsv")


def test_namespace_scattered_over_schemas(write: Write) -> None:
    """Schemas of one namespace in several places, that refer to others without an import, become one."""
    inline = (
        f'</xs:schema><xs:schema {XS} targetNamespace="urn:i"><xs:element name="A" type="xs:int"/></xs:schema>'
        f'<xs:schema {XS} targetNamespace="urn:i" xmlns:i="urn:i" xmlns:j="urn:j"><xs:element name="B">'
        '<xs:complexType><xs:sequence><xs:element ref="i:A"/><xs:element ref="j:C"/></xs:sequence></xs:complexType>'
        f'</xs:element></xs:schema><xs:schema {XS} targetNamespace="urn:j"><xs:element name="C" type="xs:int"/>'
    )
    contract = load_contract(write((IMPORT, IMPORT + inline), ('element="r:Notice"', 'xmlns:i="urn:i" element="i:B"')))
    assert contract.builder is not None
    assert is_valid(contract, contract.builder.build("{urn:i}B", {"A": 1, "C": 2}))
    assert not is_valid(contract, etree.fromstring('<B xmlns="urn:i"><A>1</A></B>'))


def test_same_schema_under_two_addresses(write: Write, tmp_path: Path) -> None:
    """A schema that is imported twice, under two names, is taken once."""
    (tmp_path / "copy.xsd").write_bytes(SCHEMA.read_bytes())
    contract = load_contract(write((IMPORT, IMPORT + IMPORT.replace("register.xsd", "copy.xsd"))))
    assert contract.checker is not None


def test_cyclic_imports(write: Write, tmp_path: Path) -> None:
    """WSDLs and schemas that import each other are read once."""
    xsd = tmp_path / "register.xsd"
    more = '<xs:include schemaLocation="cycle.xsd"/><xs:element name="FindPerson">'
    xsd.write_text(xsd.read_text().replace('<xs:element name="FindPerson">', more))
    (tmp_path / "cycle.xsd").write_text(
        f'<xs:schema {XS} targetNamespace="{NS}"><xs:include schemaLocation="register.xsd"/></xs:schema>'
    )
    wsdl = write(("<w:types>", '<w:import namespace="urn:example:register:wsdl" location="changed.wsdl"/><w:types>'))
    assert len(load_contract(wsdl).port.operations) == 4


def test_split_wsdl(write: Write, tmp_path: Path) -> None:
    """A service in one document and its messages in another are one contract."""
    outer = REGISTER.read_text(encoding="utf-8")
    head, rest = outer[: outer.index("<w:types>")], outer[outer.index("<w:service") :]
    write()
    entry = tmp_path / "entry.wsdl"
    entry.write_text(f'{head}<w:import namespace="urn:example:register:wsdl" location="changed.wsdl"/>{rest}')
    assert len(load_contract(entry).port.operations) == 4


def test_choice_of_service(write: Write) -> None:
    """A contract of several services asks which; one without any offers its bindings."""
    two = ('<w:port name="Soap12"', '</w:service><w:service name="Other"><w:port name="Soap12"')
    with pytest.raises(ConfigError, match=r"several services; write `service`.*RegisterService/Soap11, Other/Soap12"):
        load_contract(write(two))
    assert load_contract(write(two), service="Other").port.name == "Soap12"
    broken = write(('element="r:CountResponse"', 'element="r:Gone"'))
    with pytest.raises(ConfigError, match=r"it has: RegisterService/Soap11\n  operation Count: the reply .*Gone"):
        load_contract(broken, port="Soap12")
    service = REGISTER.read_text(encoding="utf-8")
    service = service[service.index("<w:service") : service.index("</w:service>") + len("</w:service>")]
    port = load_contract(write((service, ""))).port
    assert (port.name, port.address) == ("Register11", "")


def overloaded(first: str, second: str) -> tuple[tuple[str, str], ...]:
    """Return changes that give the contract a second operation Count, which asks by a notice."""
    output = '<w:output message="t:CountOut"/></w:operation>'
    again = f'<w:operation name="Count"><w:input {second} message="t:NoticeIn"/>{output}'
    bound = (
        f'<w:operation name="Count"><s11:operation soapAction="urn:example:second"/><w:input {second}>'
        '<s11:body use="literal"/></w:input><w:output><s11:body use="literal"/></w:output></w:operation>'
    )
    return (
        ('<w:input message="t:CountIn"/><w:output message="t:CountOut"/></w:operation>',
         f'<w:input {first} message="t:CountIn"/><w:output message="t:CountOut"/></w:operation>{again}'),
        ('<s11:operation soapAction="urn:example:count"/>\n      <w:input>',
         f'<s11:operation soapAction="urn:example:count"/>\n      <w:input {first}>'),
        ('    <w:operation name="Ping">\n      <s11', f'{bound}    <w:operation name="Ping">\n      <s11'),
    )  # fmt: skip


def test_overloaded_operations(write: Write) -> None:
    """Of several operations of one name each is there, told apart by the name of its input as WSDL has it."""
    contract = load_contract(write(*overloaded('name="All"', 'name="ByText"')))
    operations = contract.port.operations
    assert contract.notes == (
        "operation Count: there are several of this name; call each by Count:All or Count:ByText",
    )
    assert {name: (each.input, each.action) for name, each in operations.items() if "Count" in name} == {
        "Count:All": (f"{{{NS}}}Count", "urn:example:count"),
        "Count:ByText": (f"{{{NS}}}Notice", "urn:example:second"),
    }


@pytest.mark.parametrize("names", [("", ""), ('name="Same"', 'name="Same"')])
def test_overloaded_operations_that_nothing_tells_apart(write: Write, names: tuple[str, str]) -> None:
    """They are left out, in words, rather than one of them taken for the other."""
    contract = load_contract(write(*overloaded(*names)))
    assert not [name for name in contract.port.operations if "Count" in name]
    assert any("there are several of this name" in note for note in contract.notes)
