"""Alarms as text for a terminal."""

from collections.abc import Iterator

from appealbus.core.escaping import one_line
from appealbus.plugins.surges.alarm import Alarm, KeptAlarm

_NUMBERS = 8
"""Maximum number of numbers of appeals on a line; the JSON has all."""
_CERTAIN = 1e-12
"""Smallest probability printed in digits."""
_METHODS = {
    "scan": "seven weeks before the last three (scan of neighbouring districts)",
    "ears_c2": "seven weeks of the last nine (EARS C2)",
    "farrington": "the same weeks of earlier years, with trend and season (Farrington flexible)",
}


def alarm_lines(alarm: Alarm) -> Iterator[str]:
    yield (
        f"{_what(alarm)}: {alarm.observed} appeals{f' in {alarm.lasts} weeks' if alarm.lasts > 1 else ''}; "
        f"{alarm.expected:.1f} expected, more than {alarm.bound:.1f} stand out, p {_probability(alarm.probability)}"
    )
    counts = ", ".join(str(count) for _, count in alarm.compared[-_NUMBERS:])
    yield f"  compared with {_METHODS.get(alarm.method, alarm.method)}: … {counts}; the series has {alarm.weeks} weeks"
    limit = _probability(alarm.limit)
    yield f"  of {alarm.tested} that were tested an alarm is what has p up to {limit}; {alarm.rate:.0%} may be chance"
    for part in alarm.also:
        yield f"  also {_series(part.category, part.place)}: {part.observed}, {part.expected:.1f} expected"
    for mention in alarm.shared:
        yield f"  {mention.appeals} name the {mention.kind} {one_line(mention.value)}"
    if alarm.numbers:
        more = alarm.observed - len(alarm.numbers[:_NUMBERS])
        numbers = " ".join(map(one_line, alarm.numbers[:_NUMBERS]))
        yield f"  {numbers}{f' and {more} more' if more > 0 else ''}"


def kept_line(kept: KeptAlarm) -> str:
    alarm = kept.alarm
    line = f"{kept.id}  {alarm.monday}  {_what(alarm)}: {alarm.observed}, {alarm.expected:.1f} expected"
    if kept.closed_at is not None:
        return f"{line}; {kept.verdict}, closed by {one_line(kept.closed_by or '')}: {one_line(kept.done or '')}"
    if kept.taken_by is not None:
        return f"{line}; {one_line(kept.taken_by)} has it until {kept.taken_until}"
    return f"{line}; nobody has it"


def _what(alarm: Alarm) -> str:
    name = f" ({one_line(alarm.name)})" if alarm.name else ""
    return _series(alarm.category, alarm.place, name)


def _series(category: str, place: str, name: str = "") -> str:
    what = f"category {one_line(category)}{name}" if category else "all categories"
    return f"{what}, {f'КАТО {one_line(place)}' if place else 'everywhere'}"


def _probability(value: float) -> str:
    return f"{value:.2g}" if value >= _CERTAIN else f"below {_CERTAIN:g}"
