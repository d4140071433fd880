"""What is told of a contract that was read: what of it is left out, and what is called in another way."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class ContractNotes:
    """Lines in words, each once."""

    lines: list[str] = field(default_factory=list)

    def add(self, what: str, why: str) -> None:
        """Note something about a part of the contract."""
        line = f"{what}: {why}"
        if line not in self.lines:
            self.lines.append(line)
