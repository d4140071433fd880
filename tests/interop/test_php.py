"""The SOAP connector against PHP's SoapServer, which we did not write."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from lxml import etree

from appealbus.connectors.http import HttpClient
from appealbus.connectors.soap import SoapSettings, SoapWire
from appealbus.core.interfaces.wire import Call, CallFailed, Request
from appealbus.core.replies.xmlread import bool_of, children, date_of, element_of, int_of, local_name, require, text
from appealbus.schemas.outcome import OutcomeKind
from tests.interop.php import php_server

HERE = Path(__file__).parent
REGISTER = HERE.parent / "connectors" / "soap" / "register.wsdl"
NAME = "Әбілқайырұлы Қуаныш Щербаков — «ІҢҒҮҰҚӨҺ»"
CALL = Call(question_id="7f0c2f0e-6b5a-4a3c-9d1b-6f3f0f1a2b3c", number="2026-000042", timeout=60.0)

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Yield the URL of the PHP register, and the file that it writes notices to."""
    notices = tmp_path_factory.mktemp("php") / "notices"
    with php_server(HERE / "php_register.php", {"REGISTER_WSDL": str(REGISTER), "NOTICES": str(notices)}) as url:
        yield url, notices


@pytest.fixture
async def wire(server: tuple[str, Path]) -> AsyncIterator[SoapWire]:
    """Yield a SOAP wire to the PHP register."""
    settings = SoapSettings.model_validate(
        {
            "wsdl": REGISTER,
            "url": server[0],
            "soap_headers": {"Client": {"system": "bus", "request": "{question_id}"}},
            "faults": {"RegisterFault": "not_found"},
        }
    )
    wire = SoapWire("register", settings, HttpClient())
    await wire.start()
    yield wire
    await wire.close()


def find(iin: str, *, addresses: bool = False) -> Request:
    """Return the question for a person."""
    return Request({"criteria": {"iin": iin, "withAddresses": addresses}}, "FindPerson")


async def test_nested_question_and_list_in_the_answer(wire: SoapWire) -> None:
    """A nested mapping goes out; two persons, one with a list of addresses, come back, in Kazakh and Russian."""
    reply = element_of(await wire.call(find("850312180019", addresses=True), CALL))
    persons = children(reply, "person")
    assert [text(person, "name") for person in persons] == [NAME, NAME]
    assert [each.text for each in children(persons[0], "address")] == ['Орал қаласы, <1>-үй & "А"', "г. Уральск", None]
    assert children(persons[1], "address") == []
    assert str(date_of(persons[0], "birthDate")) == "1885-03-12"
    assert bool_of(persons[0], "alive") is False
    assert int_of(persons[0], "children") == 2


async def test_element_as_it_is(wire: SoapWire) -> None:
    """An element of our own making is understood as well as a built one."""
    ns = "urn:example:register"
    body = etree.fromstring(
        f'<p:FindPerson xmlns:p="{ns}"><p:criteria><p:iin>850312180019</p:iin></p:criteria></p:FindPerson>'
    )
    reply = element_of(await wire.call(Request(body), CALL))
    assert text(require(reply, "person"), "iin") == "850312180019"


async def test_nobody(wire: SoapWire) -> None:
    """An empty list is an answer."""
    assert children(element_of(await wire.call(find("111111111111"), CALL)), "person") == []


async def test_largest_number(wire: SoapWire) -> None:
    """The largest int arrives."""
    assert int_of(element_of(await wire.call(Request({}, "Count"), CALL)), "count") == 2**31 - 1


async def test_soap_1_2(server: tuple[str, Path]) -> None:
    """The same server speaks SOAP 1.2 where the port does."""
    settings = SoapSettings.model_validate({"wsdl": REGISTER, "url": server[0], "port": "Soap12"})
    wire = SoapWire("register", settings, HttpClient())
    await wire.start()
    assert int_of(element_of(await wire.call(Request({}, "Count"), CALL)), "count") == 2**31 - 1
    await wire.close()


async def test_fault_of_the_server(wire: SoapWire) -> None:
    """A fault of the server's is `unavailable`, and its text stays behind."""
    with pytest.raises(CallFailed) as caught:
        await wire.call(find("000000000000"), CALL)
    assert (caught.value.kind, caught.value.code) == (OutcomeKind.UNAVAILABLE, "soap.fault.server")
    assert "Деректер" not in str(caught.value)


async def test_fault_with_detail(wire: SoapWire) -> None:
    """A fault's detail decides where the settings say so."""
    with pytest.raises(CallFailed) as caught:
        await wire.call(find("999999999999"), CALL)
    assert (caught.value.kind, caught.value.code) == (OutcomeKind.NOT_FOUND, "soap.fault.RegisterFault")


async def test_one_way(wire: SoapWire, server: tuple[str, Path]) -> None:
    """A notice arrives, and needs no answer."""
    assert (await wire.call(Request({"text": "Хабарлама"}, "Notify"), CALL)).body == {}
    assert server[1].read_text(encoding="utf-8") == "Хабарлама"


async def test_many_at_once(wire: SoapWire) -> None:
    """Fifty calls at once all get their own answers."""
    iins = [f"85031218{number:04}" for number in range(50)]
    replies = await asyncio.gather(*(wire.call(find(iin), CALL) for iin in iins))
    assert [text(element_of(reply), "person/iin") for reply in replies] == iins


async def test_words_of_a_fault(server: tuple[str, Path]) -> None:
    """Where no name tells, words of the fault's text do."""
    settings = {"wsdl": REGISTER, "url": server[0], "soap_headers": {"Client": {"system": "bus", "request": "{now}"}}}
    for words, code in (("НЕТ * такого", "soap.fault.text"), ("такого нет", "soap.fault.client")):
        told = SoapSettings.model_validate({**settings, "fault_texts": {words: "not_found"}})
        wire = SoapWire("register", told, HttpClient())
        await wire.start()
        with pytest.raises(CallFailed) as caught:
            await wire.call(find("999999999999"), CALL)
        assert caught.value.code == code
        assert [local_name(each) for each in caught.value.details] == ["RegisterFault"]
        await wire.close()
