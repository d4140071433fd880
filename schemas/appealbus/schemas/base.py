"""What every model of the bus shares."""

import re
from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def printable(text: str) -> str:
    """Return text with every character that XML 1.0 cannot carry replaced by U+FFFD."""
    # Most texts are printable through and through, which is seen in a fifth of the time.
    return text if text.isprintable() else _NOT_XML.sub("\ufffd", text)


def exact(text: str) -> str:
    """Refuse text with a character that XML 1.0 cannot carry: two that differ in it alone would become one."""
    if _NOT_XML.search(text):
        raise ValueError("it has a character that XML cannot carry")
    return text


def written_out(value: object) -> object:
    """Refuse a date or a time that is a bare number: pydantic would take it for seconds since 1970."""
    if isinstance(value, int | float | Decimal) or (isinstance(value, str) and "-" not in value.strip()[1:]):
        raise ValueError("a date or a time is written out as in ISO 8601")
    return value


Text = Annotated[str, AfterValidator(printable)]
Exact = Annotated[str, AfterValidator(exact)]
"""Text that tells things apart: nothing in it is replaced."""
Day = Annotated[date, BeforeValidator(written_out)]
Moment = Annotated[AwareDatetime, BeforeValidator(written_out)]


class Model(BaseModel):
    """A frozen value; an unknown field is an error that names the field but never its value."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
        validate_default=False,
    )
