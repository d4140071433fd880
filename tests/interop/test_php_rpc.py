"""Operations of the style rpc against PHP's SoapServer, which we did not write."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from appealbus.connectors.http import HttpClient
from appealbus.connectors.soap import SoapSettings, SoapWire
from appealbus.core.interfaces.wire import Call, CallFailed, Request
from appealbus.core.replies.xmlread import children, element_of, int_of, text
from tests.interop.php import php_server

HERE = Path(__file__).parent
RPC = HERE.parent / "connectors" / "soap" / "rpc.wsdl"
CALL = Call(question_id="7f0c2f0e-6b5a-4a3c-9d1b-6f3f0f1a2b3c", number="2026-000042", timeout=60.0)

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Yield the URL of the PHP register."""
    with php_server(HERE / "php_rpc.php", {"RPC_WSDL": str(RPC)}) as url:
        yield url


@pytest.fixture
async def wire(url: str) -> AsyncIterator[SoapWire]:
    """Yield a SOAP wire to the PHP register."""
    wire = SoapWire("register", SoapSettings.model_validate({"wsdl": RPC, "url": url}), HttpClient())
    await wire.start()
    yield wire
    await wire.close()


def find(iin: str) -> Request:
    """Return the question for a person."""
    return Request({"iin": iin, "options": {"withAddresses": True, "year": 2026}}, "Find")


async def test_parts_go_out_and_come_back(wire: SoapWire) -> None:
    """A text and a structure are understood, and two parts of an answer are read by their names."""
    reply = element_of(await wire.call(find("850312180019"), CALL))
    assert text(reply, "person/name") == "Қуаныш 850312180019 2026"
    assert [each.text for each in children(reply, "person/address")] == ["Орал", "Уральск"]
    assert int_of(reply, "count") == 2


async def test_the_contract_is_that_of_the_messages(wire: SoapWire) -> None:
    """An operation without parts in its answer is one; what the server does not serve is its fault."""
    with pytest.raises(CallFailed) as caught:
        await wire.call(Request({"Reason": {"law": "94-V"}, "number": 3}, "Explain"), CALL)
    assert caught.value.code.startswith("soap.fault.")
