"""Enrichment: asks the questions of a plan, through the guards of their sources."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import KW_ONLY, dataclass
from datetime import datetime

from appealbus.core.config.models import RetrySettings
from appealbus.core.domain.case import Case, KeptAnswer, LookupState
from appealbus.core.domain.replies import KeptReplies
from appealbus.core.guards.guard import Guard
from appealbus.core.guards.question import Question
from appealbus.core.guards.single_flight import Tell
from appealbus.core.planning.inputs import Draft
from appealbus.core.planning.plan import Node, Plan
from appealbus.schemas.outcome import Outcome
from appealbus.schemas.record import Record


def _always() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Enrichment:
    plan: Plan
    guards: Mapping[str, Guard]
    """By source."""
    retry: RetrySettings
    _: KW_ONLY
    actor: str
    """Name in the access log."""
    fan_out: int
    now: Callable[[], datetime]
    """The journal's clock, by which questions are due."""
    keep: Callable[[Case, LookupState, str | None, KeptReplies | None], Awaitable[None]]
    """Saves the end of a question, with the id of its late answer, if any, and the replies, if they are kept."""
    pause_from: Callable[[], datetime] | None = None
    """Clock for the start of pauses; None: a pause starts at the end of the question."""
    gives_up: Callable[[], bool] = _always
    """Whether questions of too old appeals are given up now."""
    key_of: Callable[[str], str] = str
    """Makes a question's key from its query's hash, which could otherwise be reversed."""
    mark: Callable[[Case, LookupState], Awaitable[bool]] | None = None
    """Saves a state and returns once it is on disk; False if another worker has the appeal."""

    def put(
        self,
        case: Case,
        node: Node,
        draft: Draft,
        deadline: float,
        answer: KeptAnswer | None = None,
        *,
        tell: Tell,
        anew: bool = False,
        leaving: Callable[[], Awaitable[bool]] | None = None,
        lost: bool = False,
    ) -> Callable[[], None]:
        """Ask one question through its source's guard, or read its late answer; return a function that cancels it.

        Args:
            deadline: on the clock for waiting.
            answer: the late answer; nothing is sent then.
            tell: called once with the end, maybe before this returns.
            anew: do not answer from memory.
            leaving: records that the question is sent; returns False to prevent it.
            lost: end the call before it is sent, after too many attempts without a recorded end.
        """
        if draft.query is None:
            raise ValueError("this draft has ended already")
        question = Question(
            lookup=node.lookup,
            query=draft.query,
            key=draft.key,
            inputs=draft.inputs,
            number=case.receipt.number,
            actor=self.actor,
            deadline=deadline,
            plugin=node.plugin,
            plugin_version=node.plugin_version,
            legal_basis=node.legal_basis,
            appeal_id=case.appeal_id,
            answer=answer,
            anew=anew,
            leaving=leaving,
            lost=lost,
            due_on=case.due_on,
            first=case.is_first,
        )
        return self.guards[node.lookup.source].put(question, tell)

    def defect(self, node: Node, error: BaseException) -> Outcome[Record]:
        """Log and count an exception of a lookup before its question was asked; return the outcome."""
        return self.guards[node.lookup.source].defect(node.lookup, error)
