"""Who signs documents in these tests, and whom the reader trusts."""

import pytest

from appealbus.connectors.signing.trust import load_trusted
from tests.connectors.signing import conftest as identities

identity = identities.identity
kind = identities.kind
make_identity = identities.make_identity
make_gost_identity = identities.make_gost_identity
peer = identities.peer
stranger = identities.stranger


@pytest.fixture(scope="session")
def trust(peer):
    """Return trust in the peer alone."""
    return load_trusted([peer.certificate])
