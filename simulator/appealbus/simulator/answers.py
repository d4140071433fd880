"""Answers and faults of the gateway as bytes, good and spoilt."""

import time
import uuid
from collections import OrderedDict
from dataclasses import dataclass
from functools import partial

from appealbus.simulator import spoil
from appealbus.simulator.agency import AgencyQuestion
from appealbus.simulator.messages import SUCCESS_MESSAGE, GatewayRequest, build_fault, build_response
from appealbus.simulator.refusal import BUSINESS_ERROR, SUCCESS, UNHANDLED_EXCEPTION
from appealbus.simulator.service import Fate, SimulatedService
from appealbus.simulator.settings import Correlation, Kind, ServiceSettings
from appealbus.simulator.signing.security import MessageSecurity

_KEPT = 1_000
"""Answers kept for replay: at most some tens of megabytes."""
_LARGEST_KEPT = 64 * 1024


@dataclass(frozen=True, slots=True)
class ReceivedQuestion:
    service: SimulatedService
    settings: ServiceSettings
    request: GatewayRequest
    question: AgencyQuestion
    fate: Fate


class AnswerWriter:
    def __init__(self, security: MessageSecurity) -> None:
        self._security = security
        self._kept: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._last_id = 0

    async def fault(self, code: str, reason: str) -> bytes:
        return await self._security.written(lambda: build_fault(code, reason))

    async def message(self, asked: ReceivedQuestion) -> bytes:
        kind, rules = asked.fate.kind, asked.service.rules
        key = asked.service.name, asked.question.key
        earlier = self._kept.get(key)
        if kind is Kind.REPLAYED and earlier is not None:
            return earlier
        # Whatever writes it may do so in a thread: what is counted is counted here.
        write = partial(self._written, asked, self._next_id())
        message = await self._security.written(write, sign=kind is not Kind.UNSIGNED)
        if kind is Kind.WRONG_SIGNATURE:
            return spoil.altered(message)
        if kind is Kind.TRUNCATED:
            return spoil.truncated(message)
        if kind in (None, Kind.REPLAYED) and rules.replayed and len(message) <= _LARGEST_KEPT:
            self._kept[key] = message
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return message

    def _written(self, asked: ReceivedQuestion, message_id: str) -> bytes:
        """Return an answer before the gateway's signature."""
        kind, agency = asked.fate.kind, asked.service.agency
        code, text = SUCCESS, SUCCESS_MESSAGE
        if kind is Kind.STATUS:
            code, text = UNHANDLED_EXCEPTION, "Unhandled exception"
        elif kind is Kind.BUSINESS_ERROR or asked.question.refused:
            code, text = BUSINESS_ERROR, "Business error"
        message = build_response(
            None if kind is Kind.STATUS else asked.service.answer(asked.question, asked.fate),
            shape=asked.settings.shape,
            type_name=agency.answer_type,
            sign=self._security.sign_content if agency.signs and kind is not Kind.UNSIGNED else None,
            code=code,
            message=text,
            correlation_id=self._correlation_id(asked),
            message_id=message_id,
            # One participant in five gives none.
            session_id="" if int(asked.fate.token) % 5 == 0 else None,
        )
        if kind is Kind.WRONG_NAMESPACE:
            return spoil.moved(message)
        return spoil.doubled(message) if kind is Kind.DOUBLED else message

    def _correlation_id(self, asked: ReceivedQuestion) -> str | None:
        rule = asked.settings.correlation
        if rule is Correlation.ABSENT:
            return None
        if asked.fate.kind is Kind.REPEATED:
            return str(uuid.UUID(int=int(asked.fate.token)))
        inside = asked.question.id if rule is Correlation.CONTENT else None
        return inside or asked.request.correlation_id

    def _next_id(self) -> str:
        # The gateway's own ids are decimal numbers, and come once, whatever was restarted in between.
        self._last_id = max(self._last_id + 1, time.time_ns())
        return str(self._last_id)
