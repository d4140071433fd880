"""Who signs documents in these tests, and the third program that has to agree."""

import pytest

from appealbus.connectors.wssec.trust import load_trusted
from tests.connectors.wssec.conftest import make_identity, peer, stranger  # noqa: F401 - fixtures


@pytest.fixture(scope="session")
def trust(peer):  # noqa: F811
    """Return trust in the peer alone."""
    return load_trusted([peer.certificate])
