"""From the bytes of a message to an appeal in the canonical form."""

from pydantic import ValidationError

from appealbus.core.interfaces.intake import Inbound
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.extraction import prepare
from appealbus.schemas.problems import problems
from appealbus.schemas.safexml import UnsafeXml
from appealbus.schemas.xml import XmlError, appeal_from_xml

MAX_BYTES = 4 * 1024 * 1024
_SHOWN = 5


class Unacceptable(Exception):
    """Why a message cannot be taken: names fields, never quotes their values.

    Attributes:
        code: a stable word for programs: `message.too_large`, `json.malformed`, `xml.doctype`, `appeal.invalid` …

    """

    def __init__(self, text: str, code: str) -> None:
        super().__init__(text)
        self.code = code


def decode(message: Inbound) -> Appeal:
    """Return the appeal that the message holds, with the bus's own mentions and warnings.

    The channel is the intake's word, whatever the message says.

    Raises:
        Unacceptable: if there is no appeal in it.

    """
    if message.problem is not None:
        raise Unacceptable(message.problem, "message.unreadable")
    if len(message.raw) > MAX_BYTES:
        size = len(message.raw)
        raise Unacceptable(f"the message has {size} bytes; the most is {MAX_BYTES}", "message.too_large")
    try:
        if message.media_type == "application/xml":
            appeal = appeal_from_xml(message.raw)
        else:
            appeal = Appeal.model_validate_json(message.raw)
    except UnsafeXml as error:
        raise Unacceptable(f"{error.code}: {error.reason}", error.code) from None
    except XmlError as error:
        raise Unacceptable(str(error), "appeal.invalid") from None
    except ValidationError as error:
        malformed = any(each["type"] == "json_invalid" for each in error.errors(include_input=False, include_url=False))
        raise Unacceptable(_explain(error), "json.malformed" if malformed else "appeal.invalid") from None
    return prepare(appeal.model_copy(update={"channel": message.channel}))


def _explain(error: ValidationError) -> str:
    found = [f"{'.'.join(map(str, path)) or 'message'}: {reason}" for path, reason in problems(error)]
    more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return "; ".join(found[:_SHOWN]) + more
