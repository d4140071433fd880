"""What `appealbus check` tells of a wire to the gateway."""

from appealbus.connectors.http import HttpClient
from appealbus.connectors.shep import ShepWire
from appealbus.connectors.shep.settings import ShepSettings


def test_it_names_the_service_and_who_asks() -> None:
    """And says what only a question would show."""
    settings = ShepSettings(url="http://127.0.0.1:1/", service_id="Service", sender_id="us")
    told = ShepWire("x", settings, HttpClient()).describe()
    assert told == (
        "Service as us; the gateway is not asked whether it knows them; "
        "nothing is signed, and no signature is looked at"
    )
