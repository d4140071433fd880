"""What guards are made from: a source with its wire, and what all of a process share."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import KW_ONLY, dataclass, field
from datetime import datetime

from appealbus.core import clocks
from appealbus.core.config.models import MeaninglessSettings
from appealbus.core.domain.access import AccessRow, AwaitedRow
from appealbus.core.guards.gate import QuotaBook
from appealbus.core.guards.limits import Limits
from appealbus.core.guards.settings import GuardSettings
from appealbus.core.interfaces.source import UseOnce
from appealbus.core.interfaces.wire import Wire


@dataclass(frozen=True, slots=True)
class Bound:
    """A source with its wire."""

    name: str
    connector: str
    wire: Wire
    guard: GuardSettings
    plugin: str = ""
    """Name of the plugin that provides the wire."""
    keep_replies: float = 0.0
    """Seconds for which raw replies are kept; 0: not at all."""
    meaningless: Sequence[MeaninglessSettings] = ()
    """Elements of replies that are not needed."""


async def _nobody_waits(row: AwaitedRow) -> None:
    raise RuntimeError("this guard was made without a place for answers that come by themselves")


@dataclass(frozen=True, slots=True)
class GuardServices:
    """What the guards of all sources share."""

    access: Callable[[Sequence[AccessRow]], Awaitable[None]]
    """Writes access rows; they are durable when it returns."""
    on_change: Callable[[str, str], None]
    """Called with a source and its breaker's new state."""
    _: KW_ONLY
    await_answer: Callable[[AwaitedRow], Awaitable[None]] = _nobody_waits
    """Writes an access row for an asynchronous answer; for wires with `answers_async`."""
    use_once: UseOnce | None = None
    """Ensures that a signed answer counts once, over all workers; for wires that verify signatures."""
    limits: Limits | None = None
    """Limits shared with other workers; None: they belong to this process."""
    quota: QuotaBook | None = None
    """Counts the quota calls; None: they are not counted."""
    first_share: float = 0.25
    """Share of the quotas reserved for first versions."""
    defects: Counter[str] = field(default_factory=Counter)
    now: Callable[[], datetime] = clocks.wall
    due: Callable[[], datetime] | None = None
    """The journal's clock, for pauses and quotas; None: the wall clock."""
    monotonic: Callable[[], float] = clocks.monotonic
    """The clock of `Question.deadline`."""
