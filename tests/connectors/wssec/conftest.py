"""Who signs messages in these tests, and what they sign."""

import pytest
from lxml import etree

from appealbus.connectors.wssec.verify import verify
from appealbus.core import CallFailed, OutcomeKind
from appealbus.schemas.safexml import parse
from tests.connectors.signing import conftest as identities

identity = identities.identity
kind = identities.kind
make_identity = identities.make_identity
make_gost_identity = identities.make_gost_identity
message = identities.message
outdated = identities.outdated
peer = identities.peer
stranger = identities.stranger
trusted = identities.trusted


@pytest.fixture
async def signed(peer, message) -> etree._Element:
    """Return the message, signed by the peer."""
    return parse(await peer.signer().sign(message))


@pytest.fixture
def reject(trusted):
    """Return a check that a message is refused by the one who receives it."""

    def reject(root: etree._Element, code: str, certificates=trusted) -> None:
        with pytest.raises(CallFailed) as caught:
            verify(parse(etree.tostring(root)), certificates)
        assert (caught.value.kind, caught.value.code) == (OutcomeKind.INVALID, code)

    return reject
