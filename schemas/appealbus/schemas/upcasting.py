"""What makes today's form of a stored one that an earlier release wrote.

A form has a version, which stands in its field `schema_version`; where that is absent, it is 1. A release that changes
a form so that today's model could not read what was written, or would read it wrongly, raises the version: the model
pins the new one (`schema_version: Literal["2"]`, without a default where earlier ones did not say theirs), and
`UPCASTERS` gets a function. A new field that has a default and a new word of a list need none of it: earlier releases
keep what they do not know.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Upcaster:
    """Makes a form of one version later than it was.

    Attributes:
        form: its name: `appeal`, `dossier`, `provenance`, `input`, `source`, `worker`, or the type of a record.
        version: of what it takes; what it returns has the next one.
        make: returns the next form. It may change what it is given, and nothing else.
    """

    form: str
    version: int
    make: Callable[[Document], Document]


UPCASTERS: list[Upcaster] = []
"""All that there are. Since 0.1.0 no form has changed so that it would need one."""


def upcast(form: str, document: Document) -> Document:
    """Return a stored form as it is today; one of a later release comes back as it is."""
    for upcaster in sorted((step for step in UPCASTERS if step.form == form), key=lambda step: step.version):
        if version_of(document) == upcaster.version:
            document = {**upcaster.make(document), "schema_version": str(upcaster.version + 1)}
    return document


def version_of(document: Document) -> int:
    """Return the version of a form; 0 where it says one that no release gives."""
    version = str(document.get("schema_version", 1))
    return int(version) if version.isascii() and version.isdecimal() else 0
