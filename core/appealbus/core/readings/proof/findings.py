"""What a proof of declarations against a contract finds."""

from dataclasses import dataclass

from appealbus.core.readings.origins import Origin


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that the contract does not allow.

    Attributes:
        origin: where it is declared.
        lookups: whose it is.
        text: what is wrong, and what to do.
        certain: whether it is wrong for sure, rather than unchecked.

    """

    origin: Origin
    lookups: tuple[str, ...]
    text: str
    certain: bool = True

    def __str__(self) -> str:
        return f"{self.origin}: {', '.join(self.lookups)}: {self.text}"


class Findings:
    """Findings as they are made: each once."""

    def __init__(self) -> None:
        self.made: dict[tuple[Origin, str, bool], list[str]] = {}

    def add(self, origin: Origin, lookup: str, text: str, *, certain: bool = True) -> None:
        """Add one."""
        whose = self.made.setdefault((origin, text, certain), [])
        if lookup not in whose:
            whose.append(lookup)

    def all(self) -> list[Finding]:
        """Return all, by file and line."""
        found = [Finding(origin, tuple(whose), text, certain) for (origin, text, certain), whose in self.made.items()]
        return sorted(found, key=lambda one: (one.origin.file, one.origin.line))
