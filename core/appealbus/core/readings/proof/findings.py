"""Findings of the check of declarations against a contract."""

from dataclasses import dataclass

from appealbus.core.readings.declare import Origin


@dataclass(frozen=True, slots=True)
class Finding:
    """A conflict with the contract; `certain` is False if something was merely unchecked."""

    origin: Origin
    lookups: tuple[str, ...]
    text: str
    certain: bool = True

    def __str__(self) -> str:
        return f"{self.origin}: {', '.join(self.lookups)}: {self.text}"


class Findings:
    """Collects distinct findings."""

    def __init__(self) -> None:
        self.made: dict[tuple[Origin, str, bool], list[str]] = {}

    def add(self, origin: Origin, lookup: str, text: str, *, certain: bool = True) -> None:
        whose = self.made.setdefault((origin, text, certain), [])
        if lookup not in whose:
            whose.append(lookup)

    def all(self) -> list[Finding]:
        items = [Finding(origin, tuple(whose), text, certain) for (origin, text, certain), whose in self.made.items()]
        return sorted(items, key=lambda one: (one.origin.file, one.origin.line))
