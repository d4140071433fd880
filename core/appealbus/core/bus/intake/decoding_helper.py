"""The process that decodes large messages, with bounded memory and time; it ends on anything unexpected.

Its input is `[channel, media type, message id, expected kind, renames]` and the message's bytes. Its output is
`[code, reason, is change]` and the bytes of the decoded appeal or change.
"""

from typing import Any

from appealbus.core.bus.intake.decoding import Unacceptable, decode
from appealbus.core.interfaces.intake import Inbound
from appealbus.core.process.helpers import serve
from appealbus.schemas.change import Change
from appealbus.schemas.renames import Rename


def decoded(about: list[Any], raw: bytes) -> tuple[list[Any], bytes]:
    channel, media_type, message_id, expects, renames = about
    try:
        message = Inbound(channel, "", raw, media_type, message_id=message_id, expects=expects)
        read = decode(message, [Rename(*rename) for rename in renames])
    except Unacceptable as error:
        return [error.code, str(error), False], b""
    return ["", "", isinstance(read, Change)], read.model_dump_json().encode()


if __name__ == "__main__":
    serve(decoded)
