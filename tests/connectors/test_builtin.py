"""The plugin that brings the wires."""

from appealbus.connectors import builtin


def test_brings_both_wires() -> None:
    """The wires that it makes share one HTTP session."""
    soap, shep = builtin.register_connectors()
    assert (soap.name, shep.name) == ("soap", "shep")
    made = [factory.make("register", factory.settings.model_construct()) for factory in (soap, shep)]
    assert made[0]._http is made[1]._http
