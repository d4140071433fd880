"""What is not as it should be, in words."""

from dataclasses import dataclass

APPLY = "run `appealbus topology apply`"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what is wrong, and what to do."""

    text: str
    todo: str
    is_problem: bool = True
    """False where it is only said that something cannot be seen."""

    def __str__(self) -> str:
        return f"{self.text}; {self.todo}"
