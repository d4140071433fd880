"""Namespaces of XML's own standards, and names in them as lxml has them."""

from typing import Final

XML: Final = "http://www.w3.org/XML/1998/namespace"
XSD: Final = "http://www.w3.org/2001/XMLSchema"
XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
DS: Final = "http://www.w3.org/2000/09/xmldsig#"
"""Of XML signatures."""
SOAP11: Final = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP12: Final = "http://www.w3.org/2003/05/soap-envelope"

XSI_TYPE: Final = f"{{{XSI}}}type"
XSI_NIL: Final = f"{{{XSI}}}nil"
SIGNATURE: Final = f"{{{DS}}}Signature"
