"""Documents to be signed, each with something that canonical forms get wrong, and xmlsec, which is not ours."""

import base64

import xmlsec
from lxml import etree

from tests.services.ncanode import sign_enveloped

DS = "{http://www.w3.org/2000/09/xmldsig#}"

DOCUMENTS = {
    "plain": "<data><persons><iin>1</iin></persons></data>",
    "default": '<Request xmlns="urn:a"><q xmlns="">1</q></Request>',
    "prefixes": '<a:Request xmlns:a="urn:a" xmlns:b="urn:b" b:x="1" a:y="2"><b:q xmlns:b="urn:c" t="b:T"/></a:Request>',
    "language": '<data xml:lang="kk" xml:space="preserve"> <q>Қазақ &amp; &lt;</q> </data>',
    "texts": "<data><q>a&#13;\n\t&gt;]]&gt;</q><c><![CDATA[<x a='1'>]]></c><d b='&#9;&#10;\"'/></data>",
    "comments": "<data><!-- one --><q>1<!-- two -->2</q></data>",
    "empty": "<data/>",
}


def signed_by_xmlsec(xml: str, identity) -> str:
    """Return the document, signed by xmlsec."""
    key = xmlsec.Key.from_file(str(identity.key), xmlsec.constants.KeyDataFormatPem)
    return sign_enveloped(xml, key, certificate_of(identity)).partition("?>")[2]


def certificate_of(identity) -> str:
    """Return the certificate as it stands in signatures."""
    return "".join(identity.certificate.read_text().splitlines()[1:-1])


def xmlsec_verifies(xml: str, identity) -> bool:
    """Say whether xmlsec finds the signature right."""
    signature = etree.fromstring(xml.encode()).find(f"{DS}Signature")
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_file(str(identity.certificate), xmlsec.constants.KeyDataFormatCertPem)
    try:
        context.verify(signature)
    except xmlsec.Error:
        return False
    return True


def octets(signature: etree._Element, name: str) -> bytes:
    """Return the value of an element of the signature."""
    return base64.b64decode(signature.findtext(f".//{DS}{name}", ""))
