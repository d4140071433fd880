"""What is not as it should be, in words."""

from dataclasses import dataclass

from appealbus.connectors.amqp.topology.wanted import Foreign

APPLY = "run `appealbus topology apply`"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what is wrong, and what to do."""

    text: str
    todo: str
    is_problem: bool = True
    """False for a finding that only says that something cannot be seen, or will be in order soon."""
    by_declaring: bool = False
    """Whether a bus that may declare (`declare = true`) makes it when it starts."""

    def __str__(self) -> str:
        return f"{self.text}; {self.todo}"


def not_there(each: Foreign) -> Finding:
    """Say that what somebody else makes is missing."""
    return Finding(f"{each.part.about}, which {each.setting} names, is missing", "have it made, or mend the name")
