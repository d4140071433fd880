"""Algorithms of enveloped signatures, as used by the registers behind the gateway."""

from typing import Final

from appealbus.schemas.namespaces import DS

C14N: Final = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
C14N_WITH_COMMENTS: Final = f"{C14N}#WithComments"
ENVELOPED: Final = f"{DS}enveloped-signature"
