"""For authors of plugins: ask a lookup without a network, make a dossier for an assessor, check what you wrote.

    async def test_a_person_is_found() -> None:
        outcome = await ask(PersonByIin(), appeal(applicant={"iin": "..."}), replies=["<answer>...</answer>"])
        assert outcome.record == Person(...)

Everything but the wire is the bus's own: the plan fills in the question, the guard puts it.
"""

from appealbus.core.testing.asking import Asked, ask, ask_all
from appealbus.core.testing.conformance import check_assessor, check_lookup
from appealbus.core.testing.making import Records, appeal, dossier
from appealbus.core.testing.scripted import Answer, ScriptedWire, scripted_connector

__all__ = [
    "Answer",
    "Asked",
    "Records",
    "ScriptedWire",
    "appeal",
    "ask",
    "ask_all",
    "check_assessor",
    "check_lookup",
    "dossier",
    "scripted_connector",
]
