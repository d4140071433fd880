"""Notes about a loaded contract: omitted and renamed parts."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class ContractNotes:
    """Lines in words, without duplicates."""

    lines: list[str] = field(default_factory=list)

    def add(self, what: str, why: str) -> None:
        line = f"{what}: {why}"
        if line not in self.lines:
            self.lines.append(line)
