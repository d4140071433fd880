"""The contract's schemas, read by zeep."""

import logging
from datetime import date
from typing import Any

from lxml import etree

from appealbus.connectors.soap.schemas import DRIVER, Schemas

_FORMS = {
    "gYear": "{0.year:04}",
    "gYearMonth": "{0.year:04}-{0.month:02}",
    "gMonthDay": "--{0.month:02}-{0.day:02}",
    "gMonth": "--{0.month:02}",
    "gDay": "---{0.day:02}",
}
"""Formats of partial dates, by their XSD types."""


def read_by_zeep(schemas: Schemas) -> Any:
    """Return zeep's Schema. Raises any Exception: zeep does not check its input."""
    # zeep and what it imports take a quarter of a second, and only this needs them.
    import zeep
    from zeep.xsd import Schema

    # zeep logs whole messages and the values that it could not read.
    quiet = logging.getLogger("zeep")
    quiet.setLevel(logging.CRITICAL + 1)
    quiet.propagate = False
    # forbid_external stays off: it would also forbid what `_Files` has under a URL, and nothing else loads.
    settings = zeep.Settings(strict=True, forbid_dtd=True, forbid_entities=True)
    make: Any = Schema
    schema = make(None, _Files(schemas), DRIVER, settings)
    for document in schema.documents:
        for part in _date_parts():
            document.register_type(part._default_qname, part)
    schema.add_documents([etree.fromstring(schemas.files[DRIVER])], DRIVER)
    return schema


def _date_parts() -> list[Any]:
    """Return types for partial dates that accept them as written; zeep wants tuples with zones."""
    from zeep.xsd.types import builtins

    def made(name: str, form: str) -> Any:
        known: Any = getattr(builtins, name)

        def xmlvalue(_self: object, value: object) -> str:
            if isinstance(value, date):
                return form.format(value)
            if name == "gYear" and isinstance(value, int) and not isinstance(value, bool):
                return f"{value:04}"
            if isinstance(value, str):  # the contract's schema checks it
                return value
            raise TypeError

        return type(name, (known,), {"xmlvalue": xmlvalue})(is_global=True)

    return [made(name, form) for name, form in _FORMS.items()]


class _Files:
    """A transport for zeep that reads only the arranged documents."""

    def __init__(self, schemas: Schemas) -> None:
        self._schemas = schemas

    def load(self, url: str) -> bytes:
        # Some namespaces zeep loads by their own name.
        return self._schemas.files[self._schemas.homes.get(url, url)]
