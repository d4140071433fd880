"""The address register by the bus's own model: an address by its code or by a cadastral number."""

from functools import partial

from lxml import etree

from appealbus.schemas.address import Address, AddressPart
from appealbus.simulator.addresses import Addresses
from appealbus.simulator.agency import DOCUMENTS, Agency, AgencyQuestion, contract, value
from appealbus.simulator.population import Population
from appealbus.simulator.xmlwrite import coded, day, leaf, leaves, node, only

_NS = "urn:appealbus:address:object"
_OK = ("000", "Успешно выполнено", "Сәтті орындалды")
_ERROR = ("404", "По запросу ничего не найдено", "Сұраным бойынша ештеңе табылмады")
_coded = partial(coded, "Type", names=("Code", "ValueRu", "ValueKz"))


def agency(service_id: str) -> Agency:
    """Return the service; its id is the name of the queue."""
    return Agency(
        name="address",
        service_id=service_id,
        forms=DOCUMENTS,
        roots=frozenset({f"{{{_NS}}}Request"}),
        answer_type=f"{{{_NS}}}Response",
        schema=contract("address", "address.xsd"),
        typed=frozenset({"Actual", "Modified"}),
        read=_read,
    )


def _read(request: etree._Element, population: Population) -> AgencyQuestion:
    rka, number = value(request, "RCA"), value(request, "CadastreNumber")
    addresses = Addresses(population)

    def answer(shift: int) -> etree._Element:
        address = addresses.by_rka(rka, shift) if rka else addresses.by_cadastral_number(number or "", shift)
        return _response(_OK, address)

    return AgencyQuestion(key=rka or f"number {number}", answer=answer, error=lambda: _response(_ERROR, None))


def _response(result: tuple[str, str, str], address: Address | None) -> etree._Element:
    code, ru, kk = result
    return node(
        f"{{{_NS}}}Response",
        node("Result", leaf("Code", code), leaf("MessageRu", ru), leaf("MessageKz", kk)),
        None if address is None else _object(address),
    )


def _object(address: Address) -> etree._Element:
    number = address.cadastral_number
    return node(
        "Object",
        leaf("RCA", address.rka),
        _coded(address.kind),
        *leaves(CadastreNumber=number and number.replace("-", ":"), Number=address.number),
        only(node("Path", *map(_step, address.parts))),
        *leaves(FullPathRus=address.full_ru, FullPathKaz=address.full_kk, Actual=address.actual),
        day("Modified", address.changed_on),
    )


def _step(part: AddressPart) -> etree._Element:
    return node(
        "Step",
        _coded(part.level),
        *leaves(RCO=part.rko, CATO=part.kato, NameRus=part.name_ru, NameKaz=part.name_kk),
    )
