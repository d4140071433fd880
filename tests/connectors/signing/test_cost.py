"""What would take seconds to be put into canonical form is refused at once: anybody could send it, unsigned."""

import time

import pytest

from appealbus.connectors.signing.signature import is_costly
from appealbus.connectors.wssec.verify import verify
from appealbus.core import CallFailed
from appealbus.schemas.safexml import parse


def nested(depth: int, times: int) -> bytes:
    """Return elements that have many namespaces in scope."""
    opened = b"".join(b'<n%d:x xmlns:n%d="urn:u">' % (n, n) for n in range(depth))
    return (opened + b"".join(b"</n%d:x>" % n for n in reversed(range(depth)))) * times


@pytest.mark.parametrize(
    "content",
    [
        b"<a" + b"".join(b' xmlns:n%d="urn:u"' % n for n in range(9000)) + b"/>",
        b"<a" + b"".join(b' xmlns:n%d="urn:u"' % n for n in range(100)) + b">" + b"<b/>" * 100_000 + b"</a>",
        nested(200, 200),
        (b"<b" + b"".join(b' a%03d=""' % n for n in range(900)) + b"/>") * 220,
    ],
    ids=["namespaces", "elements", "nested", "attributes"],
)
async def test_costly_messages(peer, message, trusted, content):
    """It has no right signature, and nobody finds that out by work."""
    signed = await peer.signer().sign(message)
    root = parse(signed.replace(b"<amount>100</amount>", content))
    began = time.process_time()
    with pytest.raises(CallFailed, match=r"wssec\.structure"):
        verify(root, trusted)
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize(
    "content",
    [
        b'<b xmlns="urn:b" xmlns:c="urn:c"><c:d xmlns=""/></b>' * 3000,
        b"<b/>" * 100_000,
        (b"<b" + b"".join(b' a%d=""' % n for n in range(30)) + b"/>") * 6000,
    ],
    ids=["siblings", "elements", "attributes"],
)
def test_ordinary_messages(content):
    """Large ones, and those that declare the same namespaces again and again, are none of these."""
    assert not is_costly(parse(b'<a xmlns:x="urn:x" xmlns:y="urn:y">' + content + b"</a>"))
