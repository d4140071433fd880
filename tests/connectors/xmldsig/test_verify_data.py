"""What a signed document has to be, and every way in which it is not."""

import copy
import time
from datetime import UTC, datetime, timedelta

import pytest
from lxml import etree

from appealbus.connectors.xmldsig.verify import verify
from appealbus.core import CallFailed, OutcomeKind
from appealbus.schemas.safexml import parse
from tests.connectors.xmldsig.documents import DOCUMENTS, DS, certificate_of, signed_by_xmlsec

GOST_2004 = "http://www.w3.org/2001/04/xmldsig-more#gost34310-gost34311"
XSLT = "http://www.w3.org/TR/1999/REC-xslt-19991116"
WITHOUT_COMMENTS = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"


def code_of(xml: str | bytes, trust, **more) -> str:
    """Return the code that a document is refused with."""
    with pytest.raises(CallFailed) as caught:
        verify(parse(xml if isinstance(xml, bytes) else xml.encode()), trust, **more)
    assert caught.value.kind is OutcomeKind.INVALID
    area, _, code = caught.value.code.partition(".")
    assert area == "data_signature"
    return code


def edited(xml: str, edit) -> bytes:
    """Return the document after something was done to its tree."""
    root = etree.fromstring(xml.encode())
    edit(root)
    return etree.tostring(root)


@pytest.fixture(scope="session")
def signed(peer) -> str:
    """Return a document that the peer signed."""
    return signed_by_xmlsec("<data><persons><iin>1</iin></persons></data>", peer)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_what_xmlsec_signed(name, peer, trust):
    """A document that another program signed is taken, and its signature taken out of it."""
    root = parse(signed_by_xmlsec(DOCUMENTS[name], peer).encode())
    verify(root, trust)

    ours = parse(DOCUMENTS[name].encode())
    assert etree.tostring(root, method="c14n") == etree.tostring(ours, method="c14n")


def test_text_around_the_signature(signed, trust):
    """Text behind the signature was signed too, and stays."""
    assert code_of(signed.replace("</ds:Signature>", "</ds:Signature>x"), trust) == "signature"


def test_text_behind_the_signature_stays(peer, trust):
    """What was signed with text behind the place of the signature is read with it."""
    whole = signed_by_xmlsec("<data><q/>before after</data>", peer)
    head, signature = whole[: whole.index("<ds:Sig")], whole[whole.index("<ds:Sig") : whole.index("</data>")]
    root = parse(f"{head.replace('after', '')}{signature}after</data>".encode())
    verify(root, trust)
    assert root[0].tail == "before after"


def test_certificate_by_its_number_or_not_at_all(peer, trust, signed):
    """The trusted certificate need not be in the signature."""
    verify(parse(edited(signed, lambda root: root[-1].remove(root[-1][2]))), trust)


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (lambda root: root.remove(root[-1]), "unsigned"),
        (lambda root: root.append(etree.Element("more")), "signature"),
        (lambda root: root.set("more", "1"), "signature"),
        (lambda root: root[0][0].__setattr__("text", "2"), "signature"),
        (lambda root: root[0].append(root[-1]), "structure"),
        (lambda root: root.append(copy.deepcopy(root[-1])), "structure"),
        (lambda root: root[0].append(copy.deepcopy(root[-1])), "structure"),
        (lambda root: root[-1].append(etree.Element(f"{DS}Object")), "structure"),
        (lambda root: root[-1][0].append(copy.deepcopy(root[-1][0][2])), "structure"),
        (lambda root: root[-1][0].remove(root[-1][0][2]), "structure"),
        (lambda root: root[-1][0][2].set("URI", "#x"), "reference"),
        (lambda root: root[-1][0][2].set("URI", "#xpointer(/)"), "reference"),
        (lambda root: root[-1][0][2].set("URI", "http://127.0.0.1:9/"), "reference"),
        (lambda root: root[-1][0][2].attrib.pop("URI"), "reference"),
        (lambda root: root[-1][0][2][0].remove(root[-1][0][2][0][0]), "algorithm"),
        (lambda root: root[-1][0][2][0].append(copy.deepcopy(root[-1][0][2][0][0])), "algorithm"),
        (lambda root: root[-1][0][2][0][1].set("Algorithm", XSLT), "algorithm"),
        (lambda root: root[-1][0][2][0][0].append(etree.Element(f"{DS}XPath")), "algorithm"),
        (lambda root: root[-1][0][0].set("Algorithm", "http://www.w3.org/2001/10/xml-exc-c14n#"), "algorithm"),
        (lambda root: root[-1][0][1].set("Algorithm", "http://www.w3.org/2000/09/xmldsig#rsa-sha1"), "algorithm"),
        (lambda root: root[-1][0][1].set("Algorithm", "http://www.w3.org/2000/09/xmldsig#hmac-sha1"), "algorithm"),
        (lambda root: root[-1][0][1].set("Algorithm", GOST_2004), "old_gost"),
        (lambda root: root[-1][0][2][1].set("Algorithm", "http://www.w3.org/2000/09/xmldsig#sha1"), "algorithm"),
        (lambda root: root[-1][0][2][0][1].set("Algorithm", WITHOUT_COMMENTS), "signature"),
        (lambda root: root[-1][0][2][2].__setattr__("text", "AAAA"), "signature"),
        (lambda root: root[-1][0][2][2].__setattr__("text", "no base64"), "signature"),
        (lambda root: root[-1][1].__setattr__("text", "AAAA"), "signature"),
        (lambda root: root[-1][1].__setattr__("text", None), "signature"),
        (lambda root: root[-1].find(f".//{DS}X509Certificate").__setattr__("text", "AAAA"), "untrusted"),
        (lambda root: root[-1].find(f".//{DS}X509Certificate").__setattr__("text", "="), "structure"),
    ],
)  # fmt: skip
def test_refused(edit, code, signed, trust):
    """What was changed, moved, doubled or made by other algorithms is refused, and told apart."""
    assert code_of(edited(signed, edit), trust) == code


def test_wrapped(signed, trust):
    """A signed document inside another one lends that its signature nowhere."""
    assert code_of(f"<data>{signed}<persons><iin>2</iin></persons></data>", trust) == "structure"


def test_stranger(stranger, trust):
    """Somebody else's signature is right, and worth nothing, whether it shows its certificate or not."""
    signed = signed_by_xmlsec("<data/>", stranger)
    assert code_of(signed, trust) == "untrusted"
    assert code_of(edited(signed, lambda root: root[-1].remove(root[-1][2])), trust) == "signature"


def test_chain(signed, stranger, peer, trust):
    """Other certificates may stand before the trusted one, which must have signed."""

    def put_first(root):
        shown = root[-1].find(f".//{DS}X509Certificate")
        other = copy.deepcopy(shown)
        other.text = certificate_of(stranger)
        shown.addprevious(other)

    verify(parse(edited(signed, put_first)), trust)
    theirs = signed_by_xmlsec("<data/>", stranger)
    assert code_of(theirs.replace(certificate_of(stranger), "AAAA"), trust) == "untrusted"
    both = f"<ds:X509Certificate>{certificate_of(peer)}</ds:X509Certificate></ds:X509Data>"
    assert code_of(theirs.replace("</ds:X509Data>", both), trust) == "signature"


@pytest.mark.parametrize("days", [-100, 100])
def test_certificate_of_another_time(signed, trust, days):
    """A certificate counts within its dates alone."""
    assert code_of(signed, trust, now=datetime.now(UTC) + timedelta(days=days)) == "expired"


def nested(depth: int, times: int) -> str:
    """Return a document whose elements have many namespaces in scope."""
    opened = "".join(f'<a{n}:x xmlns:a{n}="urn:u">' for n in range(depth))
    return f"<data>{(opened + ''.join(f'</a{n}:x>' for n in reversed(range(depth)))) * times}</data>"


@pytest.mark.parametrize(
    "content",
    [
        "<data" + "".join(f" xmlns:a{n}='urn:u'" for n in range(9000)) + "/>",
        "<data" + "".join(f" xmlns:a{n}='urn:u'" for n in range(100)) + f">{'<b/>' * 100_000}</data>",
        nested(200, 200),
        '<data xmlns:a="relative"><a:b/></data>',
    ],
    ids=["namespaces", "elements", "nested", "relative"],
)
def test_costly(content, signed, trust):
    """A document that would take seconds to canonicalise, or has no canonical form, is refused at once."""
    signature = signed[signed.index("<ds:Sig") : signed.index("</data>")]
    xml = content.replace("/>", "></data>") if "</data>" not in content else content
    document = xml.replace("</data>", f"{signature}</data>").encode()
    root = parse(document)
    began = time.process_time()
    with pytest.raises(CallFailed, match=r"data_signature\.structure"):
        verify(root, trust)
    assert time.process_time() - began < 0.5


def test_many_namespaces_side_by_side_are_harmless(peer, trust):
    """Elements that each declare the same again cost little, and real services write them so."""
    content = '<a xmlns="urn:a" xmlns:b="urn:b"><b:c xmlns=""/></a>' * 2000
    verify(parse(signed_by_xmlsec(f"<data>{content}</data>", peer).encode()), trust)
