"""A participant that signs, written for tests from what clients of the gateway are known to send."""

import base64
import uuid

from lxml import etree

from appealbus.simulator.signing.algorithms import Certificate, PrivateKey

DS = "http://www.w3.org/2000/09/xmldsig#"
EXC = "http://www.w3.org/2001/10/xml-exc-c14n#"
C14N = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
OASIS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"
WSSE, WSU = f"{OASIS}wssecurity-secext-1.0.xsd", f"{OASIS}wssecurity-utility-1.0.xsd"
STR = "wsse:SecurityTokenReference"


def b64(data: bytes) -> str:
    """Return base64."""
    return base64.b64encode(data).decode()


def key_identifier(certificate: Certificate) -> str:
    """Return a KeyInfo with the whole certificate."""
    return (
        f'<{STR}><wsse:KeyIdentifier EncodingType="{OASIS}soap-message-security-1.0#Base64Binary" '
        f'ValueType="{OASIS}x509-token-profile-1.0#X509v3">{b64(certificate.der)}</wsse:KeyIdentifier></{STR}>'
    )


def issuer_serial(certificate: Certificate) -> str:
    """Return a KeyInfo that names the certificate alone."""
    return (
        f"<{STR}><ds:X509Data><ds:X509IssuerSerial><ds:X509IssuerName>{certificate.issuer}</ds:X509IssuerName>"
        f"<ds:X509SerialNumber>{certificate.serial}</ds:X509SerialNumber></ds:X509IssuerSerial></ds:X509Data></{STR}>"
    )


def signed_message(message: bytes, key: PrivateKey, key_info: str, *, id_attribute: str = "wsu:Id") -> bytes:
    """Return a message with its body signed."""
    name = f"id-{uuid.uuid4()}"
    body = f'<soapenv:Body xmlns:wsu="{WSU}" xmlns:wsse="{WSSE}" {id_attribute}="{name}">'
    named = message.replace(b"<soapenv:Body>", body.encode())
    digest = key.method.hash(etree.tostring(etree.fromstring(named)[-1], method="c14n", exclusive=True))
    signature = (
        f'<wsse:Security xmlns:wsse="{WSSE}" soapenv:mustUnderstand="1"><ds:Signature xmlns:ds="{DS}"><ds:SignedInfo>'
        f'<ds:CanonicalizationMethod Algorithm="{EXC}"><c:InclusiveNamespaces xmlns:c="{EXC}" PrefixList=""/>'
        f'</ds:CanonicalizationMethod><ds:SignatureMethod Algorithm="{key.method.signature}"/>'
        f'<ds:Reference URI="#{name}"><ds:Transforms><ds:Transform Algorithm="{EXC}"/></ds:Transforms>'
        f'<ds:DigestMethod Algorithm="{key.method.digest}"/><ds:DigestValue>{b64(digest)}</ds:DigestValue>'
        f"</ds:Reference></ds:SignedInfo><ds:SignatureValue/><ds:KeyInfo>{key_info}</ds:KeyInfo></ds:Signature>"
        "</wsse:Security>"
    )
    whole = named.replace(b"<soapenv:Header/>", f"<soapenv:Header>{signature}</soapenv:Header>".encode())
    return _with_value(whole, key, exclusive=True)


def signed_document(document: str, key: PrivateKey, certificate: Certificate) -> str:
    """Return a document with an enveloped signature."""
    digest = key.method.hash(etree.tostring(etree.fromstring(document), method="c14n"))
    signature = (
        f'<ds:Signature xmlns:ds="{DS}"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="{C14N}"/>'
        f'<ds:SignatureMethod Algorithm="{key.method.signature}"/><ds:Reference URI=""><ds:Transforms>'
        f'<ds:Transform Algorithm="{DS}enveloped-signature"/><ds:Transform Algorithm="{C14N}#WithComments"/>'
        f'</ds:Transforms><ds:DigestMethod Algorithm="{key.method.digest}"/><ds:DigestValue>{b64(digest)}'
        "</ds:DigestValue></ds:Reference></ds:SignedInfo><ds:SignatureValue/><ds:KeyInfo><ds:X509Data>"
        f"<ds:X509Certificate>{b64(certificate.der)}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></ds:Signature>"
    )
    end = document.rindex("</")
    return _with_value((document[:end] + signature + document[end:]).encode(), key, exclusive=False).decode()


def _with_value(document: bytes, key: PrivateKey, *, exclusive: bool) -> bytes:
    info = next(etree.fromstring(document).iter(f"{{{DS}}}SignedInfo"))
    value = b64(key.sign(etree.tostring(info, method="c14n", exclusive=exclusive)))
    return document.replace(b"<ds:SignatureValue/>", f"<ds:SignatureValue>{value}</ds:SignatureValue>".encode())
