"""The forms in which the journal stores what it knows, of this release and of those before and after it."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from appealbus.schemas.appeal import Appeal
from appealbus.schemas.change import Change
from appealbus.schemas.dossier import Dossier, Input
from appealbus.schemas.provenance import Provenance
from appealbus.schemas.tolerant import knows_more, tolerant, whole
from appealbus.schemas.upcasting import Document, upcast

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)


class Stored(Generic[T]):
    """One of the forms: how it is read, and how it is written again with all that was read."""

    def __init__(self, of: Any, upcast: Callable[[Document], Document]) -> None:
        """Make it.

        Args:
            of: the model; or tuples of it, of which each member is of the form.
            upcast: makes today's form of an earlier one.
        """
        self._adapter: TypeAdapter[T] = TypeAdapter(of)
        self._upcast = upcast

    def read(self, raw: bytes) -> T:
        """Return what is stored: read strictly, which takes all that this release has written, else tolerantly.

        Raises:
            ValueError: it is damaged.
        """
        try:
            return self._adapter.validate_json(raw)
        except ValidationError:
            document = from_json(raw)
        if isinstance(document, dict):
            document = self._upcast(document)
        elif isinstance(document, list):
            document = [self._upcast(item) if isinstance(item, dict) else item for item in document]
        return tolerant(self._adapter.validate_python, document)

    def write(self, value: T, *, exclude_none: bool = False) -> bytes:
        """Return a value as JSON, with what this program does not know of it."""
        if not knows_more(value):
            return self._adapter.dump_json(value, exclude_none=exclude_none)
        dumped = self._adapter.dump_python(value, mode="json", exclude_none=exclude_none, warnings=False)
        return to_json(whole(value, dumped))


class Projection(Generic[M]):
    """Some fields of one of the forms, read without the others."""

    def __init__(self, of: Stored[Any], model: type[M]) -> None:
        """Make it.

        Args:
            of: the form.
            model: has these fields, and `schema_version` as the form has it; it takes no notice of others.
        """
        self._of, self._model = of, model

    def read(self, raw: bytes) -> M:
        """Return the fields as they are in what `Stored.read` returns; what is damaged beside them is not noticed.

        Raises:
            ValueError: it is damaged.
        """
        try:
            return self._model.model_validate_json(raw)
        except ValidationError:  # another release wrote it
            return self._model.model_validate(self._of.read(raw), from_attributes=True)


def _appeal(document: Document) -> Document:
    return upcast("appeal", document)


def _change(document: Document) -> Document:
    return upcast("change", document)


def _provenance(document: Document) -> Document:
    return upcast("provenance", document)


def _input(document: Document) -> Document:
    return upcast("input", document)


def _dossier(document: Document) -> Document:
    """Upcast a dossier with what stands in it; records are where they are read."""
    document = upcast("dossier", document)
    try:
        document["appeal"] = _appeal(document["appeal"])
        for fact in document.get("facts", ()):
            fact["provenance"] = _provenance(fact["provenance"])
        for outcome in document.get("outcomes", ()):
            outcome["inputs"] = [_input(row) for row in outcome.get("inputs", ())]
    except (KeyError, TypeError, AttributeError):
        raise ValueError("this is no dossier") from None
    return document


APPEAL: Stored[Appeal] = Stored(Appeal, _appeal)
DOSSIER: Stored[Dossier] = Stored(Dossier, _dossier)
PROVENANCE: Stored[Provenance] = Stored(Provenance, _provenance)
CHANGE: Stored[Change] = Stored(Change, _change)
INPUTS: Stored[tuple[Input, ...]] = Stored(tuple[Input, ...], _input)
