"""Checks declared lookups against their source's contract, without asking it.

Finds impossible paths, unsuitable types, repeatable single values and unfilled required elements, which would
otherwise show at run time only.
"""

from collections.abc import Iterable
from typing import Any

from lxml import etree

from appealbus.core.interfaces.lookup import Lookup
from appealbus.core.interfaces.wire import CallFailed, MessageContract, Wire
from appealbus.core.readings.declare import class_line
from appealbus.core.readings.lookup import Declared
from appealbus.core.readings.proof.findings import Finding, Findings
from appealbus.core.readings.proof.reply import ReplyProof
from appealbus.core.readings.proof.request import RequestProof
from appealbus.core.readings.send import Send
from appealbus.core.replies.xmlschema import MessageSchema
from appealbus.core.replies.xsd import SchemaModel


def prove(lookups: Iterable[Lookup[Any, Any]], wire: Wire | None = None) -> list[Finding]:
    """Return conflicts between declared lookups of one source and its contract.

    Contracts are the lookup's own `schema` and that of the started wire, if any. Overridden parts are skipped: the
    request with `request`, the answer with `read`, and the wire's contract with `ask`.
    """
    proof = _Proof(wire)
    for lookup in lookups:
        if isinstance(lookup, Declared):
            proof.prove(lookup)
    return proof.findings.all()


class _Proof:
    def __init__(self, wire: Wire | None) -> None:
        self.findings = Findings()
        self._wire = wire
        self._models: dict[int, tuple[object, SchemaModel]] = {}

    def prove(self, lookup: Declared[Any, Any]) -> None:
        kind = type(lookup)
        sends = kind.request is Declared.request and hasattr(kind, "send")
        takes = kind.read is Declared.read and hasattr(kind, "take")
        own = self._own_schema(lookup)
        contract = self._contract(lookup) if sends and kind.ask is Declared.ask else None
        theirs = self._model(contract) if contract is not None else None
        if takes:
            if own is not None and lookup.schema is not None:
                self._reply(lookup, own, lookup.schema.root, alone=True)
            if theirs is not None and contract is not None and contract.reply is not None:
                self._reply(lookup, theirs, contract.reply, alone=own is None)
        if sends:
            if theirs is not None and contract is not None and contract.request is not None:
                self._request(lookup, theirs, contract.request)
            elif own is not None and lookup.send.root:
                self._request(lookup, own, lookup.send.root)

    def _reply(self, lookup: Declared[Any, Any], model: SchemaModel, root: str, *, alone: bool) -> None:
        place = model.element(root)
        if place is not None:
            ReplyProof(lookup.name, self.findings, alone=alone).prove(lookup.take, model, place)

    def _request(self, lookup: Declared[Any, Any], model: SchemaModel, root: str) -> None:
        place = model.element(root)
        if place is not None:
            RequestProof(lookup.name, self.findings).prove(lookup.send, model, place)

    def _own_schema(self, lookup: Declared[Any, Any]) -> SchemaModel | None:
        schema = lookup.schema
        if not isinstance(schema, MessageSchema):
            return None
        if not schema.path.is_file():
            self.findings.add(class_line(type(lookup)), lookup.name, f"its schema {schema.path} is not there")
            return None
        try:
            model = schema.model
        except (OSError, etree.XMLSyntaxError) as error:
            text = f"its schema {schema.path} cannot be read: {type(error).__name__}"
            self.findings.add(class_line(type(lookup)), lookup.name, text)
            return None
        if model.element(schema.root) is None:
            self.findings.add(class_line(type(lookup)), lookup.name, f"{schema.path} has no element {schema.root}")
        return model

    def _contract(self, lookup: Declared[Any, Any]) -> MessageContract | None:
        send: Send = lookup.send
        if self._wire is None:
            return None
        try:
            if send.form is not None:
                self._wire.check_form(send.form)
            return self._wire.contract(send.root or None, send.operation)
        except CallFailed as failed:
            root = send.root or "a table"
            self.findings.add(send.origin, lookup.name, f"the request {root} cannot leave: {failed.reason}")
            return None

    def _model(self, contract: MessageContract) -> SchemaModel:
        kept = self._models.get(id(contract.schemas))
        if kept is None:
            kept = self._models[id(contract.schemas)] = (contract.schemas, SchemaModel(contract.schemas))
        return kept[1]
