"""A reading: from an element or a JSON object to a record."""

from collections.abc import Mapping
from copy import copy
from datetime import tzinfo
from typing import Any, Generic, TypeVar

from lxml import etree
from pydantic import BaseModel, ValidationError

from appealbus.core.clocks import KAZAKHSTAN
from appealbus.core.interfaces.notes import Notes
from appealbus.core.interfaces.wire import CallFailed, Payload
from appealbus.core.readings.declare import Declared, InnerSchema, ReadingSpec, annotated, caller
from appealbus.core.readings.nodes import JsonNode, Node
from appealbus.core.readings.paths import DeclarationError
from appealbus.core.readings.program import Program
from appealbus.core.readings.trie import Run, Unreadable, without_bad
from appealbus.core.readings.unknown import unknown_fields
from appealbus.schemas.outcome import OutcomeKind

M = TypeVar("M", bound=BaseModel)


class Reading(ReadingSpec, Generic[M]):
    """How a record, or a part of one, is read.

    ```python
    PARCEL = Reading(Parcel, codes=("ID", "NameRus", "NameKaz"), area="Area", rights=At("Razdel2", of=RIGHT))
    ```
    """

    def __init__(
        self,
        model: type[M],
        fields: Mapping[str, Declared] | None = None,
        *,
        codes: tuple[str, str, str] = ("code", "nameRu", "nameKz"),
        zone: tzinfo = KAZAKHSTAN,
        comma: bool = False,
        xml: InnerSchema | None = None,
        **more: Declared,
    ) -> None:
        """Declare.

        Args:
            model: what is made: a record, or a model in one.
            fields: declarations by the names of fields, where a name is taken by an argument.
            codes: what the code and the two names of a coded value are called here.
            zone: of moments that are written without one.
            comma: whether a decimal comma is taken, too.
            xml: what XML inside text (`xml()` in a path) is checked against.
            more: declarations by the names of fields. A text is `At(text)`; a Reading reads a nested model from the
                same element; of a tuple the first counts that has a value. Fields of the model that are annotated
                with a declaration need none here.

        Raises:
            DeclarationError: it can never work.
        """
        if not isinstance(zone, tzinfo):
            raise DeclarationError(f"zone is no tzinfo; write zone=ZoneInfo({zone!r})")
        self.model = model
        self._make: type[M] = model
        self.codes = codes
        self.zone = zone
        self.comma = comma
        self.xml = xml
        self.origin = caller()
        self.fields: dict[str, Declared] = {**annotated(model), **(fields or {}), **more}
        unknown = sorted(set(self.fields) - set(model.model_fields))
        if unknown:
            raise DeclarationError(f"{model.__name__} has no field {unknown[0]!r}")

        self.program = Program(self)

    def copy(self) -> "Reading[M]":
        """Return the same reading with a program of its own."""
        same = copy(self)
        same.program = Program(same)
        return same

    def read(self, payload: Payload, notes: Notes | None = None) -> M:
        """Return the record that stands in an element or a JSON object.

        Args:
            payload: the record's own element, or its own object.
            notes: where to note what nobody takes, and optional values that could not be read.

        Raises:
            CallFailed: `invalid`: what the record needs is missing (`reply.missing`) or cannot be read
                (`reply.bad_<word>`). The reason names the path, never the value.
        """
        root = payload if isinstance(payload, etree._Element) else JsonNode("", payload)
        return self.record(root, Run(root, notes if notes is not None else Notes()))

    def record(self, node: Node, run: Run) -> M:
        """Return the record that stands at a place of a reply.

        Raises:
            CallFailed: as `read` does.
        """
        try:
            table = self.program.part(node, run, each=True) or {}
        except Unreadable as bad:
            raise failure(bad) from None
        if run.spoilt:
            table = without_bad(table)
        while True:
            try:
                record = self._make.model_validate(table)
            except ValidationError as error:
                places = [
                    one["loc"] for one in error.errors(include_url=False, include_context=False, include_input=False)
                ]
            else:
                if run.lost or run.notes.gaps or run.new or run.crowded:
                    run.notes.unknown |= unknown_fields(self.program.places, node, run)
                return record
            gone: set[tuple[int, str]] = set()
            where = run.path(node)
            for place in places:
                path = self._let_go(table, place, gone, where)
                if path is not None:
                    run.drop(f"{where}/{path}".removeprefix("./"))

    def _let_go(self, table: Any, place: tuple[int | str, ...], gone: set[tuple[int, str]], where: str) -> str | None:
        """Take the optional value out of the table in which the place lies, and return its path; None if it is gone.

        Raises:
            CallFailed: there is no record without it.
        """
        program: Program | None = self.program
        path: list[str] = []
        out: tuple[Any, str, str] | None = None
        for step in place:
            if isinstance(step, int):  # one of a list, which must not lack it silently: what it stands in may go
                table = table[step] if isinstance(table, list) and step < len(table) else None
                continue
            if (id(table), step) in gone:
                return None
            if program is None or not isinstance(table, dict) or step not in table:
                break
            path.append(program.paths.get(step, step))
            if step in program.optional:
                out = table, step, "/".join(path)
            table, program = table[step], program.inner.get(step)
        if out is None:
            raise failure(Unreadable("/".join([where, *path]).removeprefix("./"), "value"))
        gone.add((id(out[0]), out[1]))
        del out[0][out[1]]
        return out[2]


def failure(bad: Unreadable) -> CallFailed:
    """Turn an unreadable reply into a failed call."""
    if not bad.word:
        return CallFailed(OutcomeKind.INVALID, "reply.missing", f"the reply lacks {bad.path}")
    return CallFailed(OutcomeKind.INVALID, f"reply.bad_{bad.word}", f"{bad.path} is not a {bad.word}")
