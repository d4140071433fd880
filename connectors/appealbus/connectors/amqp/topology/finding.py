"""Findings of a comparison, in words."""

from dataclasses import dataclass

from appealbus.connectors.amqp.topology.wanted import Foreign

APPLY = "run `appealbus topology apply`"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: the problem and its remedy."""

    text: str
    todo: str
    is_problem: bool = True
    """False if something merely cannot be seen, or will be in order soon."""
    by_declaring: bool = False
    """Whether a bus with `declare = true` creates it at start."""

    def __str__(self) -> str:
        return f"{self.text}; {self.todo}"


def not_there(foreign: Foreign) -> Finding:
    """Report that something of another owner is missing."""
    return Finding(f"{foreign.part.about}, which {foreign.setting} names, is missing", "have it made, or mend the name")
