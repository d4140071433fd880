"""Signing documents with a local key."""

from lxml import etree

from appealbus.connectors.signing.local import LocalSigner, own_xml
from appealbus.connectors.signing.signature import C14N, C14N_WITH_COMMENTS, ENVELOPED
from appealbus.connectors.xmldsig.verify import verify
from appealbus.schemas.namespaces import DS, XML


class KeySigner(LocalSigner[str]):
    probe = "<data/>"
    verify = staticmethod(verify)

    def signed(self, xml: str) -> str:
        root = own_xml(xml.encode())
        covered = etree.tostring(root, method="c14n", with_comments=False)
        info = self._add_signature(root, covered, "", (C14N, ENVELOPED, C14N_WITH_COMMENTS), _canonical)
        data = etree.SubElement(info, f"{{{DS}}}X509Data")
        etree.SubElement(data, f"{{{DS}}}X509Certificate").text = self._certificate
        return etree.tostring(root, encoding="unicode")


def _canonical(info: etree._Element) -> bytes:
    # Canonical XML of a part shows the namespaces and xml:… attributes that it inherits (section 2.4); lxml writes
    # the former into a part that it serialises, and the latter are the root's.
    alone = etree.fromstring(etree.tostring(info, encoding="utf-8"))
    for name, value in info.getroottree().getroot().attrib.items():
        if str(name).startswith(f"{{{XML}}}"):
            alone.set(name, value)
    return etree.tostring(alone, method="c14n")
