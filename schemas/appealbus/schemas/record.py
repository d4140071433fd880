"""A record: a source's typed answer. The base of those that ship and of those that third parties bring."""

from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from functools import partial
from typing import Any, ClassVar

import orjson
from pydantic import ConfigDict, JsonValue, ValidationError, model_validator
from pydantic_core import from_json, to_json

from appealbus.schemas.base import Model, Text, is_stored, printable, reading_stored
from appealbus.schemas.tolerant import knows_more, tolerant, whole
from appealbus.schemas.upcasting import upcast


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
            formerly: Any = cls.__dict__.get("formerly", ())
            if not isinstance(formerly, tuple) or not all(isinstance(name, str) for name in formerly):
                raise TypeError('formerly is a tuple of names: write formerly = ("vendor.Name",)')
            Record.known[default] = cls
            Record.renamed.update({name: default for name in formerly if not Record.ships(name)})

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
        if not self.type or (Record.ships(self.type) and not is_stored()):
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
    model = Record.known.get(str(orjson.loads(raw).get("type")), OtherRecord)
    try:
        return model.model_validate_json(raw, by_alias=True, by_name=True)
    except ValidationError:
        return OtherRecord.model_validate_json(raw, by_alias=True, by_name=True)


def stored_record(raw: bytes) -> Record:
    """Return the record that the journal holds: typed as far as it can be, with all that its model does not know.

    Raises:
        ValueError: it is damaged.
    """
    document = orjson.loads(raw)
    if not isinstance(document, dict) or not isinstance(document.get("type"), str):
        raise ValueError("this is no record")
    try:
        return Record.known[document["type"]].model_validate_json(raw, by_alias=True, by_name=True)
    except (KeyError, ValidationError):
        return record_of_another_release(from_json(raw))


def record_of_another_release(document: dict[str, Any]) -> Record:
    """Return a stored record typed as far as it can be; one that its model cannot be is whole as OtherRecord."""
    record_type = str(document.get("type"))
    present = Record.renamed.get(record_type)
    if present is not None and record_type not in Record.known:
        with suppress(ValidationError):
            renamed = upcast(present, {**document, "type": present})
            return tolerant(_reading(Record.known[present]), renamed, set_aside=False)
    document = upcast(record_type, document)
    model = Record.known.get(record_type)
    if model is not None:
        try:
            # What a third party's model cannot take is no place to cut: the whole record is another one then.
            return tolerant(_reading(model), document, set_aside=Record.ships(record_type))
        except ValidationError as error:
            filled = deepcopy(document)
            if _null_where_absent(filled, error):
                with suppress(ValidationError):
                    return tolerant(_reading(model), filled, set_aside=False)
    with reading_stored():
        return OtherRecord.model_validate(document)


def _reading(model: type[Record]) -> Callable[[Any], Record]:
    return partial(model.model_validate, by_alias=True, by_name=True)


def _null_where_absent(document: dict[str, Any], error: ValidationError) -> bool:
    """Put null where a field is required and may be null: nulls are left out where records are kept."""
    for problem in error.errors(include_url=False, include_context=False, include_input=False):
        holder: Any = document
        try:
            for step in problem["loc"][:-1]:
                holder = holder[step]
            if problem["type"] != "missing":
                return False
            holder[problem["loc"][-1]] = None
        except (KeyError, IndexError, TypeError):  # on the way there is the choice of a union
            return False
    return True


def record_to_json(record: Record, *, exclude_none: bool = False, strict: bool = False) -> bytes:
    """Return a record as JSON, with what its model does not know.

    Raises:
        PydanticSerializationError: it cannot be written; or, if strict, a value in it is none that its field takes.
    """
    if isinstance(record, OtherRecord) or not knows_more(record):
        return record.model_dump_json(
            exclude_none=exclude_none, by_alias=False, warnings="error" if strict else True
        ).encode()
    dumped = record.model_dump(
        mode="json", exclude_none=exclude_none, by_alias=False, warnings="error" if strict else False
    )
    return to_json(whole(record, dumped))
