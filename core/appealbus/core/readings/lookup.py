"""Lookups that consist of two declarations and a name."""

import re
from collections.abc import Sequence
from datetime import UTC
from typing import Any, ClassVar

from appealbus.core import clocks
from appealbus.core.domain.pauses import PARTLY_READ
from appealbus.core.interfaces.lookup import Lookup, Q, R_co, models_of
from appealbus.core.interfaces.source import Source, business_error
from appealbus.core.interfaces.wire import CallFailed, Reply, Request
from appealbus.core.readings.paths import DeclarationError
from appealbus.core.readings.send import Asking, Send
from appealbus.core.readings.take import Answer, Take
from appealbus.core.replies.codes import BusinessCodes
from appealbus.core.replies.subject import the_one
from appealbus.core.replies.xmlread import element_of
from appealbus.core.replies.xmlschema import MessageSchema
from appealbus.schemas.outcome import Outcome, OutcomeKind
from appealbus.schemas.record import Record

_FIELD = re.compile(r"[.\[]")


class Declared(Lookup[Q, R_co]):
    """A lookup whose request and whose record are declared.

    ```python
    class ParcelByNumber(Declared[ParcelQuery, Parcel]):
        name = "egkn.parcel"
        purpose = "establish who holds rights to the parcel that the appeal is about"
        send = Send("{urn:egkn}Request", {"CadastrNum": "cadastral_number"})
        take = Take(PARCEL, "Objects/ObjectInfo", code="Result/ResultCode", same=("cadastral_number",))
    ```

    Where declarations do not reach, such as for a login before the question or several pages, override `ask` and use
    `request` and `read` inside it.
    """

    send: ClassVar[Send]
    """How the question is written."""
    take: ClassVar[Take[Any]]
    """Where the record stands in the answer."""
    schema: ClassVar[MessageSchema | None] = None
    """What an answer is checked against before it is read, where the wire has no contract to do so."""
    lenient = True

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Check that what is declared fits the query and the record.

        Raises:
            DeclarationError: a name leads nowhere.
        """
        super().__init_subclass__(**kwargs)
        if "lenient" not in cls.__dict__:
            # What a reading by code of its own finds out of a reply that breaks its schema, nobody knows.
            cls.lenient = cls.read is Declared.read and cls.ask is Declared.ask
        models = models_of(cls)
        if models is None:  # a class between may leave them to others, and the declarations too
            return
        query, record = models
        taken = cls.take if hasattr(cls, "take") else None
        names = cls.send.fields() if hasattr(cls, "send") else set()
        if taken is not None and not callable(taken.same):
            names |= set(taken.same)
        if unknown := sorted(names - set(query.model_fields)):
            raise DeclarationError(f"{cls.__name__}: {query.__name__} has no field {unknown[0]!r}")
        if taken is not None and not issubclass(taken.reading.model, record):
            raise DeclarationError(f"{cls.__name__}: {taken.reading.model.__name__} is read, not {record.__name__}")

    def __init__(self, settings: Any = None) -> None:
        """Remember the plugin's settings.

        Raises:
            DeclarationError: answers have a code, and the settings do not say what codes mean.
        """
        if self.take.code is not None and not isinstance(settings, BusinessCodes):
            raise DeclarationError(
                f"{type(self).__name__}: answers have a code, and nothing says what it means; "
                "derive the plugin's settings from BusinessCodes and hand them to the lookup"
            )
        self.settings = settings

    async def ask(self, query: Q, source: Source) -> Outcome[R_co] | Outcome[Record]:
        """Put the question and read the answer."""
        reply = await source.call(self.request(query, source), business_errors=True)
        return self.read(reply, query, source)

    def request(self, query: Q, source: Source) -> Request:
        """Return the question as it is declared."""
        call = source.call_context
        asking = Asking(query, self.settings, call.question_id, clocks.wall().astimezone(UTC), call.message_id)
        return Request(self.send.body(asking), self.send.operation, self.send.form, self.send.headers)

    def read(self, reply: Reply, query: Q, source: Source) -> Outcome[R_co] | Outcome[Record]:
        """Return the outcome that an answer means: the record that was asked for, the source's own word, or none.

        Raises:
            CallFailed: `invalid`: the answer lacks or breaks what the record needs.
        """
        if reply.status is not None:
            return self._business_error(reply, reply.status, source)
        if self.schema is not None:
            self.schema.check(element_of(reply), source.notes)
        answer = self.taken(reply).answer(reply.body, source.notes)
        self._tie(answer, reply, source)
        failed = self._failure(answer.code)
        if failed is not None:
            return failed
        records = answer.records()
        sent_back = self.schema is not None and element_of(reply).tag != self.schema.root
        if not records and answer.code is None and sent_back:
            # Such as the question, sent back: it is valid, too.
            raise CallFailed(OutcomeKind.INVALID, "reply.schema", "the reply is no answer, and no record is in it")
        ended = self.choose(records, query)
        if ended.kind is OutcomeKind.NOT_FOUND and (source.notes.unknown or answer.hides()):
            # Such as of an empty list whose elements have another name.
            raise CallFailed(OutcomeKind.INVALID, PARTLY_READ, "the reply may tell of a record that could not be read")
        if self.schema is not None and ended.record is not None:
            fields = answer.unchecked(self.schema)
            source.notes.unchecked |= {field for field in fields if getattr(ended.record, _FIELD.split(field)[0], None)}
        return ended

    def _business_error(self, reply: Reply, status: str, source: Source) -> Outcome[Record]:
        """Return what the code means that came with an error of the gateway: nothing else in such an answer counts."""
        try:
            answer = self.take.answer(reply.body)
        except CallFailed:
            raise business_error(status) from None
        self._tie(answer, reply, source)
        failed = self._failure(answer.code)
        # No schema says of such an answer what may stand in it once.
        if failed is None or self.take.says_several(reply.body):
            raise business_error(status)
        return failed

    def _failure(self, code: str | None) -> Outcome[Record] | None:
        failed: Outcome[Record] | None = None if code is None else self.settings.failure(self.source, code)
        return failed

    @staticmethod
    def _tie(answer: Answer[Any], reply: Reply, source: Source) -> None:
        """Raise CallFailed (`reply.other_question`) if the id repeated by the source is not ours."""
        if answer.echo is None:
            return
        if not source.call_context.is_ours(answer.echo):
            source.doubt()
            raise CallFailed(OutcomeKind.INVALID, "reply.other_question", "the reply belongs to another question")
        source.tie(reply)

    def taken(self, reply: Reply) -> Take[Any]:
        """Return where the record stands in this answer. Override it where a source answers in several ways."""
        return self.take

    def choose(self, records: Sequence[Any], query: Q) -> Outcome[R_co] | Outcome[Record]:
        """Return the outcome of a question to which the source answered with these records.

        Override it where which record counts is a rule of the source. None at all is `not_found`; records of which
        none is about whom was asked are `invalid`, and so are several that are.
        """
        ended: Outcome[R_co] | Outcome[Record] = the_one(
            records, lambda record: self.take.is_asked(query, record), source=self.source, what=self.take.what
        )
        return ended
