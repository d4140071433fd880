"""An in-memory exchange: routing keys to queues."""

from collections.abc import Mapping, Sequence

from appealbus.connectors.broker.broker import Argument


class MemoryExchange:
    def __init__(self, name: str, kind: str, arguments: Mapping[str, Argument]) -> None:
        self.name = name
        self.kind = kind
        self.arguments = dict(arguments)
        self._bindings: dict[tuple[str, str], None] = {}

    @property
    def alternate(self) -> str | None:
        """Name of the exchange for unroutable messages."""
        name = self.arguments.get("alternate-exchange")
        return None if name is None else str(name)

    def bind(self, queue: str, key: str) -> None:
        """Add a binding. Idempotent."""
        self._bindings[queue, key] = None

    def route(self, key: str) -> Sequence[str]:
        """Return the queues for a routing key, each once."""
        return list(dict.fromkeys(queue for queue, bound in self._bindings if self._wants(bound, key)))

    def _wants(self, bound: str, key: str) -> bool:
        if self.kind == "topic":
            return matches(_words(bound), _words(key))
        return self.kind == "fanout" or bound == key


def _words(key: str) -> Sequence[str]:
    return key.split(".") if key else []


def matches(pattern: Sequence[str], words: Sequence[str]) -> bool:
    """Whether a routing key's words match a topic: `*` is one word, `#` any number of them."""
    # Which lengths of the beginning of `words` fit the part of the pattern that was read.
    fits = {0}
    for part in pattern:
        if part == "#":
            fits = set(range(min(fits), len(words) + 1))
        else:
            fits = {at + 1 for at in fits if at < len(words) and part in ("*", words[at])}
        if not fits:
            return False
    return len(words) in fits
