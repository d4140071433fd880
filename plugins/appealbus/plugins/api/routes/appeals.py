"""In: appeals and changes of them. What a client gets as its receipt is on disk."""

import re
from typing import Annotated

import structlog
from fastapi import Header
from starlette.requests import Request
from starlette.responses import Response

from appealbus.core import Inbound, Quarantined
from appealbus.core.management import appeals
from appealbus.core.management.viewing import Action
from appealbus.core.serving import CORRECT, EVERY, MAX_BYTES, Received, Unacceptable, trim_quarantine
from appealbus.plugins.api import documented
from appealbus.plugins.api.answers import JSON, XML, negotiated, of_bytes
from appealbus.plugins.api.api import Api
from appealbus.plugins.api.bodies import media_type_of
from appealbus.plugins.api.callers import Caller, may
from appealbus.plugins.api.problems import (
    DIFFERS,
    FOREIGN_CHANNEL,
    IDS_DIFFER,
    OTHER_KIND,
    QUARANTINED,
    WRONG_MEDIA_TYPE,
    Problem,
    invalid,
)
from appealbus.schemas.xml import to_xml

log = structlog.get_logger(__name__)
router = documented.router(tags=["in"])

_WRITTEN = r'"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\]){1,200})"'
"""A string of structured fields (RFC 9651), as long as a message id may be."""
_KEY = re.compile(_WRITTEN)
_SENT_BACK = {
    "message.foreign_channel": FOREIGN_CHANNEL,
    "message.id_differs": IDS_DIFFER,
    "message.other_kind": OTHER_KIND,
}

Key = Annotated[
    str | None,
    Header(
        description="The id of the message, in quotes: the same id again is the same message, and gets the same "
        "receipt. Without it the `message_id` of the body counts; without either one is made of the body.",
        examples=['"eotinish-000123"'],
        json_schema_extra={"pattern": f"^{_WRITTEN}$"},
    ),
]
Again = Annotated[
    str | None,
    Header(
        pattern=r"^\?[01]$",
        description="`?1`: it was sent before and no answer came. Such messages are taken one at a time, so that one "
        "over which a server dies cannot take others with it.",
    ),
]


@router.post("/v1/appeals", summary="Put an appeal in", **documented.intake("appeal"))
async def put_appeal_in(
    request: Request,
    caller: Annotated[Caller, may(Action.SUBMIT)],
    idempotency_key: Key = None,
    appealbus_again: Again = None,
) -> Response:
    """Take an appeal: on disk when the receipt comes, and enriched from then on."""
    return await _take(request, caller, "appeal", idempotency_key, again=appealbus_again == "?1")


@router.post("/v1/changes", summary="Say what happened to an appeal", **documented.intake("change"))
async def put_change_in(
    request: Request,
    caller: Annotated[Caller, may(Action.CHANGE)],
    idempotency_key: Key = None,
    appealbus_again: Again = None,
) -> Response:
    """Take a change of an appeal, such as a correction or an answer. One whose appeal is not here yet waits for it."""
    return await _take(request, caller, "change", idempotency_key, again=appealbus_again == "?1")


async def _take(request: Request, caller: Caller, kind: str, key: str | None, *, again: bool) -> Response:
    api = Api.of(request)
    answer_type = negotiated(request, (JSON, XML))
    media_type = media_type_of(request)
    if media_type not in (JSON, XML):
        raise Problem(WRONG_MEDIA_TYPE, f"a message is {JSON} or {XML}")
    message_id = None if key is None else _message_id(key)
    async with api.bodies.read(request, MAX_BYTES) as raw:
        channel = caller.client.channel or caller.client.name
        message = Inbound(
            channel, f"api:{caller.client.name}", raw, media_type, again=again, message_id=message_id, expects=kind
        )
        try:
            received = await api.reception.receive(message, sender=api.reception.senders.client(caller.client))
        except Unacceptable as error:
            raise Problem(_SENT_BACK[error.code], str(error)) from None
    kept = received if isinstance(received, Quarantined) else received.refused
    if kept is not None and not kept.quarantine_id % EVERY:
        await trim_quarantine(api.journal, api.bus)
    if isinstance(received, Quarantined):
        differs = received.code == "message.differs"
        problem = DIFFERS if differs else QUARANTINED
        # Whose appeal has the id, another client of the channel may not know.
        known = f"its id belongs to another message; {CORRECT}; another letter under a new one"
        text = known if differs else received.reason
        raise Problem(problem, text, quarantine_id=received.quarantine_id, code=received.code)
    taken = received.taken
    if taken.new and kind == "appeal":
        log.info("appeal.accepted", number=taken.receipt.number, channel=channel)
        api.host.appeal_accepted(taken.receipt)
    return await _receipt(caller, received, answer_type, named=kind == "change")


async def _receipt(caller: Caller, received: Received, media_type: str, *, named: bool) -> Response:
    taken, receipt, viewer = received.taken, received.taken.receipt, caller.viewer
    # Who does not see by what a change names its appeal is told nothing of that: else it would learn which there are.
    if named and not (viewer.knows_messages and viewer.mask.number(receipt.number) == receipt.number):
        receipt = receipt.model_copy(update={"number": ""})
    # Of a change that waits nothing is looked up: an appeal with the number that it names may be somebody else's.
    row = (
        await caller.journal.ask(appeals.appeal_row, receipt.number) if receipt.number and not received.waits else None
    )
    seen = row is not None and caller.viewer.sees(row)
    location = {"Location": f"/v1/appeals/{row.public_id}"} if row is not None and seen else {}
    body = receipt.model_dump_json().encode() if media_type == JSON else to_xml(receipt)
    return of_bytes(body, media_type, 201 if taken.new else 200, location)


def _message_id(key: str) -> str:
    found = _KEY.fullmatch(key.strip())
    if found is None or not found[1].strip():
        what = 'write 1 to 200 characters of ASCII in quotes, as in "eotinish-000123"'
        raise invalid("Idempotency-Key cannot be read", "header Idempotency-Key", what)
    return re.sub(r"\\(.)", r"\1", found[1])
