"""Figures of a running bus for monitoring."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    """`bus`, `journal`, or the connection's: `main.consume`."""
    ok: bool
    needed: bool
    """Whether the bus is not ready without it. What leads to receivers alone is not: the outbox keeps it. Nor is what
    works and has something to be mended."""
    detail: str
    todo: str = ""
    """What to do about it, where it is not well."""


@dataclass(frozen=True, slots=True)
class SourceCalls:
    """The calls to one source since the start."""

    within: tuple[tuple[float, int], ...]
    """How many took so many seconds at most, by rising bounds; the last bound is infinite."""
    seconds: float
    """That all of them took together."""
    left_behind: int
    """How many went on although their time was up."""


@dataclass(frozen=True, slots=True)
class Delays:
    """Durations since the start."""

    within: tuple[tuple[float, int], ...]
    """Cumulative counts by upper bound in seconds, ascending; the last bound is infinite."""
    seconds: float


@dataclass(frozen=True, slots=True)
class Figures:
    """What this process has done since its start, and what it does now. What has not happened yet is there as 0."""

    in_flight: int
    """Appeals that it works on now."""
    messages: Mapping[tuple[str, str], int]
    """Messages in, by intake and result: `new`, `repeated`, `quarantined`, or `failed` where nothing was kept."""
    dossiers: Mapping[str, int]
    """Dossier versions made, by completeness."""
    delays: Mapping[str, Delays]
    """From acceptance to the `first` version, and to the first that is `complete`."""
    deliveries: Mapping[tuple[str, str], int]
    """Attempts to hand a version over, by receiver and result: `delivered`, `failed` or `alone`."""
    answers: Mapping[tuple[str, str], int]
    """Answers that came by themselves, by source and what became of them: `stored`, `again` or `unknown`."""
    calls: Mapping[str, SourceCalls]
    """By source."""
    defects: Mapping[str, int]
    """What plugins raised where they should not, by part: `lookup.gbdfl.person`."""
    stood_still: Mapping[str, float]
    """Seconds for which the event loop stood still, by the plugin that held it; the empty name is the bus itself."""
    waiting_writes: int
    """Writes that wait for the journal."""
    failed_writes: int
    clock_in_doubt: bool
    """Whether nothing is deleted or given up, since the clock cannot be trusted."""
    checkpoint_failed: bool
    """Whether the checkpoint cannot be written."""
