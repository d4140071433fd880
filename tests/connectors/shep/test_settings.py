"""What the settings refuse."""

import pytest
from pydantic import ValidationError

from appealbus.connectors.shep import ShepSettings

GOOD = {"url": "https://127.0.0.1/bip-sync/", "service_id": "S", "sender_id": "T"}


@pytest.mark.parametrize(
    "change",
    [
        {"url": "ftp://x"},
        {"service_id": ""},
        {"sender_id": "a\x00b"},
        {"password": "in plain text"},
        {"properties": {"k" * 31: "v"}},
        {"properties": {"k": "v" * 501}},
        {"payload": "zip"},
        {"payload_type": "{urn:x}name"},
        {"payload": "typed", "payload_type": "two words"},
        {"payload": "typed", "payload_type": "{urn:<}name"},
        {"success_codes": []},
        {"success_codes": ["1"], "not_found_codes": ["1"]},
        {"limit": 10},
        {"session_id": "{…}"},
    ],
)
def test_refused(change):
    """A setting that could not become a valid message is an error before anything is sent."""
    with pytest.raises(ValidationError):
        ShepSettings.model_validate(GOOD | change)


def test_good():
    """The same without the mistake is fine."""
    assert ShepSettings.model_validate(GOOD).success_codes == ["SCSS001"]
    assert ShepSettings.model_validate(GOOD | {"payload": "typed", "payload_type": "{urn:x}имя"}).payload_type
