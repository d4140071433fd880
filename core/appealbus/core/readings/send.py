"""Declares requests: an element or a table whose places are filled from the query."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any, TypeAlias

from lxml import etree

from appealbus.core.interfaces.wire import Form, Payload
from appealbus.core.readings.declare import caller
from appealbus.core.readings.paths import DeclarationError

_NAME = r"(?:\{[^{}]+\})?[^\W\d][\w.\-]*"
_PATH = re.compile(rf"{_NAME}(?:/{_NAME})*(?:/@{_NAME})?|@{_NAME}")
_ROOT = re.compile(_NAME)
_STEP = re.compile(rf"@?{_NAME}")


@dataclass(frozen=True, slots=True)
class Asking:
    """A question that is about to leave.

    Attributes:
        query: its inputs.
        settings: the plugin's own.
        question_id: ours, which the access log has a row under.
        now: the time.
        message_id: of this message: the question's own at first, and a new one each time that it is asked again.
    """

    query: Any
    settings: Any
    question_id: str
    now: datetime
    message_id: str = ""


Value: TypeAlias = str | tuple[str, Callable[[Any], object]] | Callable[[Asking], object]
"""Fills a place: a field of the query; a field with a conversion; or a function of the question."""


class Send:
    """How a question is written.

    ```python
    Send("{urn:egkn}Request", {"BusinessData/CadastrNum": ("cadastral_number", with_colons)})
    ```
    """

    def __init__(
        self,
        root: str,
        places: Mapping[str, Value],
        *,
        qualified: bool = False,
        operation: str | None = None,
        form: Form | None = None,
        headers: Mapping[str, object] | None = None,
    ) -> None:
        """Declare.

        Args:
            root: `{namespace}name` of the request's element; empty for a wire that builds the message itself, by its
                contract, from a table.
            places: by paths, in the order in which they are written. `@name` ends a path at an attribute. What is None
                is left out; an empty text is written.
            qualified: whether elements are in the namespace of the root, too.
            operation: of the contract, where the root does not tell it.
            form: how the service wants the content to lie in a gateway's message.
            headers: elements of the message's header, written as the setting `soap_headers` of a source is, and over
                it: such as which service behind a gateway is meant.

        Raises:
            DeclarationError: a path that cannot be.
        """
        if root and not _ROOT.fullmatch(root):
            raise DeclarationError(f"the root {root!r} is not a name such as '{{urn:example}}Request'")
        for path in places:
            if not _PATH.fullmatch(path):
                raise DeclarationError(f"the path {path!r} is not one of names of elements with / between them")
        for path in places:
            if not root and any(other.startswith(f"{path}/") and "@" not in other for other in places):
                raise DeclarationError(f"the path {path!r}: a table has a text or other places there, not both")
        if form is not None and (not isinstance(form, Form) or not _ROOT.fullmatch(form.type_name or "any")):
            raise DeclarationError(f"the form {form!r} is not one such as Form(Shape.TYPED, '{{urn:example}}Request')")
        self.root = root
        self.places = dict(places)
        self.operation = operation
        self.form = form
        self.headers = dict(headers or {})
        self.origin = caller()
        self._namespace = root[: root.find("}") + 1] if qualified else ""

    def fields(self) -> set[str]:
        """Return the fields of the query that are sent, as far as they are named."""
        values = (value[0] if isinstance(value, tuple) else value for value in self.places.values())
        return {value for value in values if isinstance(value, str)}

    def body(self, asking: Asking) -> Payload:
        """Return the content of the request."""
        texts = [
            (path, text) for path, value in self.places.items() if (text := _text(_value(value, asking))) is not None
        ]
        return self._element(texts) if self.root else _table(texts)

    def _element(self, texts: list[tuple[str, str]]) -> etree._Element:
        namespace = self.root[1 : self.root.find("}")] if self.root.startswith("{") else None
        root = etree.Element(self.root, nsmap={"q": namespace} if namespace else None)
        for path, text in texts:
            element = root
            *outer, last = _STEP.findall(path)
            for step in outer:
                name = self._named(step)
                inside = element[-1] if len(element) else None
                element = inside if inside is not None and inside.tag == name else etree.SubElement(element, name)
            if last.startswith("@"):
                element.set(last[1:], text)
            else:
                name = self._named(last)
                inside = element[-1] if len(element) else None
                if inside is None or inside.tag != name or inside.text is not None or len(inside):
                    inside = etree.SubElement(element, name)  # else its attribute came first
                inside.text = text
        return root

    def names(self, path: str) -> list[str]:
        """Return the elements that a path leads through, and `@name` where it ends at an attribute."""
        return [step if step.startswith("@") else self._named(step) for step in _STEP.findall(path)]

    def _named(self, step: str) -> str:
        return step if step.startswith("{") else self._namespace + step


def _value(value: Value, asking: Asking) -> object:
    if isinstance(value, str):
        return getattr(asking.query, value, None)  # names were checked; a query of another type may have fewer
    if isinstance(value, tuple):
        field = getattr(asking.query, value[0], None)
        return None if field is None else value[1](field)
    return value(asking)


def _text(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Enum):
        return _text(value.value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    return str(value.isoformat()) if hasattr(value, "isoformat") else str(value)


def _table(texts: list[tuple[str, str]]) -> dict[str, object]:
    table: dict[str, object] = {}
    for path, text in texts:
        *outer, last = _STEP.findall(path)
        inside: Any = table
        for step in outer:
            inside = inside.setdefault(step, {})
        inside[last] = text
    return table
