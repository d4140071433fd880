"""The agency's contract: one operation that answers a record of 45 fields."""

from pathlib import Path

IN, OUT = "bench.in", "bench.out"
"""The queues that every contender works between."""
NS = "urn:appealbus:benchmark"
FIELDS = [f"text{i}" for i in range(30)] + [f"day{i}" for i in range(8)] + [f"amount{i}" for i in range(7)]
_TYPES = {"text": "xs:string", "day": "xs:date", "amount": "xs:decimal"}
_VALUES = {"text": "Қазақстан, Батыс Қазақстан облысы", "day": "2026-02-16", "amount": "1024.50"}


def _of(table: dict[str, str], field: str) -> str:
    return table[field.rstrip("0123456789")]


def wsdl(url: str) -> str:
    """Return the WSDL."""
    fields = "".join(f'<xs:element name="{name}" type="{_of(_TYPES, name)}"/>' for name in FIELDS)
    return f"""<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"
  xmlns:t="{NS}" xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="{NS}" name="Agency">
<types><xs:schema targetNamespace="{NS}" elementFormDefault="qualified">
<xs:element name="GetRecord"><xs:complexType><xs:sequence>
  <xs:element name="id" type="xs:string"/></xs:sequence></xs:complexType></xs:element>
<xs:element name="GetRecordResponse"><xs:complexType><xs:sequence>{fields}</xs:sequence></xs:complexType></xs:element>
</xs:schema></types>
<message name="In"><part name="parameters" element="t:GetRecord"/></message>
<message name="Out"><part name="parameters" element="t:GetRecordResponse"/></message>
<portType name="Agency"><operation name="GetRecord">
  <input message="t:In"/><output message="t:Out"/></operation></portType>
<binding name="AgencySoap" type="t:Agency"><soap:binding transport="http://schemas.xmlsoap.org/soap/http"/>
<operation name="GetRecord"><soap:operation soapAction=""/><input><soap:body use="literal"/></input>
<output><soap:body use="literal"/></output></operation></binding>
<service name="Agency"><port name="Agency" binding="t:AgencySoap"><soap:address location="{url}"/></port></service>
</definitions>"""


def reply() -> bytes:
    """Return the agency's reply."""
    fields = "".join(f"<t:{name}>{_of(_VALUES, name)}</t:{name}>" for name in FIELDS)
    return (
        '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>'
        f'<t:GetRecordResponse xmlns:t="{NS}">{fields}</t:GetRecordResponse></soap:Body></soap:Envelope>'
    ).encode()


def request(record_id: str) -> bytes:
    """Return a request as one would write it by hand."""
    return (
        '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>'
        f'<t:GetRecord xmlns:t="{NS}"><t:id>{record_id}</t:id></t:GetRecord></soap:Body></soap:Envelope>'
    ).encode()


def write_wsdl(folder: Path, url: str) -> Path:
    """Write the WSDL into the folder and return its path."""
    path = folder / "agency.wsdl"
    path.write_text(wsdl(url))
    return path
