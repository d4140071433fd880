"""Enrichment: puts the questions of a plan for cases, through the guards of their sources."""

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
    """A plan, with all that its runs over cases have in common."""

    plan: Plan
    """Which lookups are asked."""
    guards: Mapping[str, Guard]
    """By source."""
    retry: RetrySettings
    """When a lookup is asked again."""
    _: KW_ONLY
    actor: str
    """Who asks, for the access log."""
    fan_out: int
    """The most questions of one lookup for one case."""
    now: Callable[[], datetime]
    """The clock by which a question is due: the journal's."""
    keep: Callable[[Case, LookupState, str | None, KeptReplies | None], Awaitable[None]]
    """Writes down how a question ended, with what came for it where that is kept. The text is the id of the late answer
    that was read for it, which is not needed any more; None: there was none."""
    pause_from: Callable[[], datetime] | None = None
    """The clock by which pauses are counted; None: they are counted from the moment at which a question ended."""
    gives_up: Callable[[], bool] = _always
    """Whether a question of an appeal that is too old is given up now."""
    key_of: Callable[[str], str] = str
    """Makes the key of a question from the hash of its query, which whoever has it could undo."""
    mark: Callable[[Case, LookupState], Awaitable[bool]] | None = None
    """Writes down how a question stands, on disk when it returns; False: the appeal is another worker's."""

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
        """Put one question through the guard of its source, or have the late answer read that has come to it.

        Args:
            case: the appeal that causes the question.
            node: the lookup, with its place in the plan.
            draft: the question's query.
            deadline: on the clock for waiting.
            answer: the late answer; nothing is sent then.
            tell: is told once how it has ended, maybe before this returns.
            anew: whether it has been answered before, so that no answer from memory will do.
            leaving: notes that the question leaves; returns False where it must not.
            lost: whether it has left too often without an end on record: then its call ends before it leaves.

        Returns:
            What calls the question off; without effect once it has ended.

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
        """Log and count what a lookup raised before its question could be put, and return the outcome."""
        return self.guards[node.lookup.source].defect(node.lookup, error)
