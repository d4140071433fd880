"""A record: a source's typed answer. The base of those that ship and of those that third parties bring."""

from typing import Any, ClassVar

import orjson
from pydantic import ConfigDict, JsonValue, ValidationError, model_validator

from appealbus.schemas.base import Model, Text, printable


class Coded(Model):
    """A dictionary value of a register: its own code and its names in both languages."""

    code: Text
    name_ru: Text | None = None
    name_kk: Text | None = None


class Record(Model):
    """What a source answered. A subclass pins `type` with a Literal; a third party's reads `vendor.Name`."""

    model_config = ConfigDict(allow_inf_nan=False, ser_json_inf_nan="constants")

    known: ClassVar[dict[str, type["Record"]]] = {}
    renamed: ClassVar[dict[str, str]] = {}
    """By the former name of a record type its present one."""

    formerly: ClassVar[tuple[str, ...]] = ()
    """Names that the type had before: what was recorded under one of them is read as this type."""

    type: str

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Remember the subclass under its type, so that stored dossiers come back typed."""
        super().__pydantic_init_subclass__(**kwargs)
        default = cls.model_fields["type"].default
        if isinstance(default, str):
            if Record.ships(default):
                raise TypeError(f"a record type of its own needs a name of its own; {default} ships with the bus")
            Record.known[default] = cls
            if "formerly" in cls.__dict__:
                Record.renamed.update({name: default for name in cls.formerly if not Record.ships(name)})

    @classmethod
    def of(cls, document: dict[str, Any]) -> "Record":
        """Return the record typed; one whose type is unknown here, or has changed since, whole as OtherRecord.

        Raises:
            ValidationError: if it is none, or one that ships and breaks its model.

        """
        record_type = str(document.get("type"))
        model = Record.known.get(record_type)
        if model is None and record_type in Record.renamed:
            present = Record.renamed[record_type]
            try:
                return Record.known[present].model_validate({**document, "type": present})
            except ValidationError:
                model = None  # as it was recorded then, under the name of then
        try:
            return (model or OtherRecord).model_validate(document)
        except ValidationError:
            if Record.ships(record_type):
                raise
            return OtherRecord.model_validate(document)

    @staticmethod
    def ships(record_type: str) -> bool:
        """Say whether the record type is one that ships with the bus."""
        known = Record.known.get(record_type)
        return known is not None and known.__module__.startswith("appealbus.schemas.")


class OtherRecord(Record):
    """A record whose type this process does not know: kept whole, field by field."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, JsonValue]

    @model_validator(mode="before")
    @classmethod
    def _printable(cls, value: Any) -> Any:
        return _printable(value)

    @model_validator(mode="after")
    def _has_type(self) -> "OtherRecord":
        if not self.type or Record.ships(self.type):
            raise ValueError("a record needs a type, and one that ships has a model of its own")
        return self


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, list):
        return [_printable(item) for item in value]
    if isinstance(value, dict):
        return {_printable(name): _printable(item) for name, item in value.items()}
    return value


def record_from_json(raw: bytes) -> Record:
    """Return the record typed; one whose type is unknown here, or has changed since, whole as OtherRecord."""
    document = orjson.loads(raw)
    record_type = str(document.get("type"))
    if record_type in Record.renamed:
        return Record.of(document)
    try:
        return Record.known.get(record_type, OtherRecord).model_validate_json(raw)
    except ValidationError:
        return OtherRecord.model_validate_json(raw)
