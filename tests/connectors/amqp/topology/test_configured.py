"""What a configuration wants of a broker for alarms of surges."""

from typing import Any

import pytest

from appealbus.connectors.amqp.brokers import Brokers
from appealbus.connectors.amqp.command import foreign_of, wanted_of
from appealbus.connectors.amqp.settings import AmqpSettings

BROKERS = Brokers(AmqpSettings(prefix="west"))


@pytest.mark.parametrize(
    ("table", "made", "foreign"),
    [
        ({"broker": "other"}, True, []),
        ({"broker": "other", "exchange": "situation"}, False, ["plugins.surges.exchange"]),
        ({"broker": "main"}, False, []),
        ({"file": "surges.db"}, False, []),
        ("none", False, []),
    ],
)
def test_the_exchange_of_alarms_is_ours_unless_it_has_another_name(table: Any, made: bool, foreign: list[str]) -> None:
    """On the broker that is named, and on no other; a name of its own is its owner's to make, and is looked for."""
    document = {"plugins": {"surges": table}}
    wanted = wanted_of(document, BROKERS, "other")
    assert ("west.alarms" in [each.name for each in wanted.exchanges]) is made
    assert [each.setting for each in foreign_of(document, BROKERS.names, "other").foreign] == foreign
