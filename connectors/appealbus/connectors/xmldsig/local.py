"""Signing documents with a local key."""

from lxml import etree

from appealbus.connectors.signing.local import LocalSigner, own_xml
from appealbus.connectors.xmldsig.structure import C14N, C14N_WITH_COMMENTS, ENVELOPED
from appealbus.connectors.xmldsig.verify import canonical_info, verify
from appealbus.schemas.namespaces import DS


class KeySigner(LocalSigner[str]):
    probe = "<data/>"
    verify = staticmethod(verify)

    def signed(self, xml: str) -> str:
        root = own_xml(xml.encode())
        covered = etree.tostring(root, method="c14n", with_comments=False)
        info = self._add_signature(root, covered, "", (C14N, ENVELOPED, C14N_WITH_COMMENTS), canonical_info)
        data = etree.SubElement(info, f"{{{DS}}}X509Data")
        etree.SubElement(data, f"{{{DS}}}X509Certificate").text = self._certificate
        return etree.tostring(root, encoding="unicode")
