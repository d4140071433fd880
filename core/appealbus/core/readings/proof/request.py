"""Checks a request against the contract."""

from dataclasses import dataclass, field

from appealbus.core.readings.proof.findings import Findings
from appealbus.core.readings.send import Send
from appealbus.core.replies.xsd import Place, SchemaModel
from appealbus.schemas.suggestion import did_you_mean


@dataclass(slots=True)
class _Filled:
    place: Place
    path: str = ""
    children: "dict[str, _Filled]" = field(default_factory=dict)
    attributes: set[str] = field(default_factory=set)

    def under(self, name: str) -> str:
        return f"{self.path}/{name}" if self.path else name


class RequestProof:
    def __init__(self, lookup: str, findings: Findings) -> None:
        self._lookup = lookup
        self._findings = findings
        self._misplaced = False
        """Whether a wrong namespace was reported: once is enough, as one option fixes all."""

    def prove(self, send: Send, model: SchemaModel, root: Place) -> None:
        """Check all places of the request, and search for unfilled required ones."""
        filled = _Filled(root)
        for path in send.places:
            self._fill(send, model, filled, path)
        self._needs(send, model, filled)

    def _fill(self, send: Send, model: SchemaModel, at: _Filled, path: str) -> None:
        for step in send.names(path):
            shape = model.shape(at.place)
            name = step.rpartition("}")[2]
            if step.startswith("@"):
                known = {f"@{attribute}" for attribute in shape.attributes}
                if step not in known and not shape.open_attributes:
                    self._cannot(send, path, at.under(step), known)
                at.attributes.add(step[1:])
                return
            child = shape.children.get(name)
            if child is None:
                if not shape.open:
                    self._cannot(send, path, at.under(name), set(shape.children))
                return
            wanted = model.namespaces(child.place)
            written = step[1 : step.find("}")] if step.startswith("{") else None
            misplaced = send.root and wanted is not None and written not in wanted  # else the wire writes them
            if misplaced and wanted is not None and not self._misplaced:
                self._misplaced = True
                self._namespace(send, path, at.under(name), written, wanted)
            at = at.children.setdefault(name, _Filled(child.place, at.under(name)))

    def _namespace(self, send: Send, path: str, where: str, written: str | None, wanted: frozenset[str | None]) -> None:
        names = " or ".join(sorted(space or "none" for space in wanted))
        text = f"{where} stands in the namespace {names} in the contract, and is sent in {written or 'none'}"
        self._findings.add(send.origin.of(path), self._lookup, f"{text}; see `qualified` of Send")

    def _cannot(self, send: Send, path: str, where: str, known: set[str]) -> None:
        near = f"; {did_you_mean(where.rpartition('/')[2], known)}" if known else "; nothing stands there"
        text = f"{where} cannot occur in the request by the contract{near}"
        self._findings.add(send.origin.of(path), self._lookup, text)

    def _needs(self, send: Send, model: SchemaModel, at: _Filled) -> None:
        shape = model.shape(at.place)
        lacking = [
            at.under(name)
            for name, child in shape.children.items()
            if child.least and name not in at.children and not (not send.root and _fills_itself(child.place))
        ]
        lacking += [
            at.under(f"@{name}")
            for name, attribute in shape.attributes.items()
            if attribute.needed and name not in at.attributes
        ]
        for path in lacking:
            text = f"the contract wants {path} in the request, and nothing fills it"
            self._findings.add(send.origin, self._lookup, text)
        for inside in at.children.values():
            self._needs(send, model, inside)


def _fills_itself(place: Place) -> bool:
    """Whether a wire that builds messages by the contract fills this element itself."""
    return any(
        node.get("default") is not None or node.get("fixed") is not None or node.get("nillable") in ("true", "1")
        for node in place
    )
