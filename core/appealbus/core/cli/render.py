"""Dossiers for people, on a terminal."""

import re
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from pydantic import BaseModel
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from appealbus.core.cli.heading import SEVERITY, heading, lacking, worst_first
from appealbus.core.clocks import day_of
from appealbus.core.domain.case import NOTHING_TO_ASK, PENDING
from appealbus.core.enrichment.fields import titled
from appealbus.core.escaping import one_line
from appealbus.core.language import Reader
from appealbus.core.language.fields import rows_of, value_rows
from appealbus.core.planning.contract import NOT_LOADED
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.dossier import Dossier, Fact, Gap
from appealbus.schemas.outcome import OutcomeKind
from appealbus.schemas.record import Record

_FOLDED = (OutcomeKind.NOT_APPLICABLE, OutcomeKind.SKIPPED)
"""Most gaps are of these kinds: the question needs an input that is missing."""
_STEP = re.compile(r"[.\[]")
_NOT_SHOWN = ("text", "schema_version", "message_id", "number", "warnings", "mentions")


def dossier_view(
    dossier: Dossier, to: Reader | None = None, *, everything: bool = False, counted: date | None = None
) -> RenderableType:
    """Return the whole dossier in the reader's language, as far as registers answer in it.

    Args:
        to: the reader; None: English.
        everything: show each unasked lookup with its reason, instead of a line of names.
        counted: computed due date, if the register has none.
    """
    to = to or Reader()
    parts: list[RenderableType] = [*heading(dossier, to, counted), _appeal(dossier, to)]
    if dossier.changes:
        parts.append(_changes(dossier, to))
    if dossier.signals or dossier.unassessed:
        parts.append(_signals(dossier, to))
    parts += [_fact(fact, dossier, to) for fact in dossier.facts]
    if dossier.gaps:
        parts.append(_gaps(dossier, to, everything=everything))
    if dossier.not_carried:
        parts.append(_not_carried(dossier, to))
    if more := list(_more(dossier)):
        parts.append(_of_another_release(more, to))
    return Group(*parts)


def appeals(count: int) -> str:
    return f"{count} {'appeal' if count == 1 else 'appeals'}"


def local(moment: datetime) -> datetime:
    """Convert to the local time zone for people."""
    return moment.astimezone()


def gaps_view(
    dossier: Dossier, to: Reader | None = None, *, everything: bool = False, counted: date | None = None
) -> RenderableType:
    """Return the gaps and their causes; arguments as for `dossier_view`."""
    to = to or Reader()
    if not dossier.gaps:
        return Group(*heading(dossier, to, counted), Text(to.say("Nothing is missing.")))
    return Group(*heading(dossier, to, counted), _gaps(dossier, to, everything=everything))


def _section(title: str) -> Table:
    head = Text(title)
    table = Table(title=head, title_justify="left", title_style="bold", show_header=False, box=None, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold", ratio=1)
    return table


def _appeal(dossier: Dossier, to: Reader) -> RenderableType:
    table = _section("\n" + to.say("The appeal"))
    for name, value in rows_of(dossier.appeal, to):
        if _STEP.split(name, 1)[0] not in _NOT_SHOWN and name != "applicant.type":
            table.add_row(Text(one_line(to.path(name))), Text(value))
    for kind in type(dossier.appeal.mentions).model_fields:
        for mention in getattr(dossier.appeal.mentions, kind):
            place = "  " + to.say(
                "(found in the text at {start}–{end})", start=mention.span.start, end=mention.span.end
            )
            table.add_row(Text(to.path(f"mentions.{kind}")), Text.assemble(mention.value, (place, "dim")))
    table.add_row(Text(to.field("text")), Text(dossier.appeal.text))
    for warning in dossier.appeal.warnings:
        text = to.reason(warning.code, warning.message)
        table.add_row(Text(to.say("warning")), Text(f"{to.path(warning.field)}: {text}", style="yellow"))
    return table


def _changes(dossier: Dossier, to: Reader) -> RenderableType:
    table = _section("\n" + to.say("What has happened since"))
    for change in dossier.changes:
        result = "" if change.result is None else to.word(change.result)
        parts = [to.word(change.kind), ", ".join(map(to.path, change.fields)), result, change.reason]
        parts += [to.reason(warning.code, warning.message) for warning in change.warnings]
        text = "  ".join(one_line(part) for part in parts if part)
        table.add_row(Text(to.day(day_of(change.dated_at))), Text(text))
    return table


def _signals(dossier: Dossier, to: Reader) -> RenderableType:
    table = _section("\n" + to.say("What follows"))
    if dossier.unassessed:
        text = to.say("{names} could not assess it: there may be more", names=", ".join(dossier.unassessed))
        table.add_row(Text(to.say("unassessed"), style="yellow"), Text(one_line(text)))
    for signal in worst_first(dossier.signals):
        style = SEVERITY.get(signal.severity.value, "bold")
        rests = to.say("rests on {fields}", fields=", ".join(signal.fields))
        earlier = " " + to.say("(not asked for now)") if signal.not_asked_now else ""
        severity = Text(one_line(to.word(signal.severity)), style=style)
        table.add_row(severity, Group(Text(to.signal(signal)), Text(rests + earlier, style="dim")))
    return table


def _fact(fact: Fact, dossier: Dossier, to: Reader) -> RenderableType:
    origin, name = fact.provenance, to.lookup(fact.lookup)
    title = titled(fact, dossier)
    table = _section("\n" + one_line(f"{title}: {fact.record.type if name == fact.lookup else name}"))
    for path, value in rows_of(fact.record, to):
        if path != "type":
            table.add_row(Text(one_line(to.path(path, fact.record.type.rpartition(".")[2]))), Text(value))
    text = to.say(
        "source: {source} over {connector}, observed {moment}",
        source=origin.source,
        connector=origin.connector,
        moment=to.moment(origin.observed_at),
    )
    if origin.message_id:
        text += to.say(", message {id}", id=origin.message_id)
    lines = [Text(one_line(text), style="dim")]
    if origin.unknown:
        lines.append(Text(one_line(to.unknown(origin.unknown, fact.record.type)), style="yellow"))
    if origin.unchecked:
        lines.append(Text(one_line(to.unchecked(origin.unchecked, fact.record.type)), style="dim"))
    if fact.not_asked_now:
        lines.append(Text(to.say("told by an earlier version, not asked for now"), style="yellow"))
    for gap in dossier.gaps:
        if (gap.lookup, gap.key) == (fact.lookup, fact.key):
            reason = to.reason(gap.code, gap.reason) + _again(gap, to)
            lines.append(Text(one_line(to.say("provisional: {reason}", reason=reason)), style="yellow"))
    return Group(table, *(Padding(line, (0, 0, 0, 2)) for line in lines))


def _of_another_release(more: list[tuple[str, str]], to: Reader) -> RenderableType:
    table = _section("\n" + to.say("What another release of appealbus knows more"))
    for path, value in more:
        table.add_row(Text(one_line(path)), Text(value))
    return table


def _more(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield data without a model field, except those that appeal and records show themselves."""
    if isinstance(value, list):
        for i, item in enumerate(value):
            yield from _more(item, f"{path}[{i}]")
    elif isinstance(value, BaseModel) and not isinstance(value, Appeal | Record):
        for name, more in (value.__pydantic_extra__ or {}).items():
            yield from value_rows(more, f"{path}.{name}".removeprefix("."), None)
        for name in type(value).model_fields:
            yield from _more(getattr(value, name), f"{path}.{name}".removeprefix("."))


def _gaps(dossier: Dossier, to: Reader, *, everything: bool) -> RenderableType:
    table = _section("\n" + to.say("What is missing"))
    asked = {(o.lookup, o.key): " ".join(given.value for given in o.inputs) for o in dossier.outcomes}
    folded: dict[OutcomeKind, dict[str, None]] = {}
    lacks = lacking(dossier)
    for gap in dossier.gaps:
        if not everything and gap.outcome in _FOLDED and (gap.code == PENDING or gap not in lacks):
            folded.setdefault(gap.outcome, {})[gap.lookup] = None
            continue
        needed = "" if gap.required or gap.code in NOTHING_TO_ASK else to.say(", optional")
        code = f" [{gap.code}]" if gap.code else ""
        reason = f"{needed}: {to.reason(gap.code, gap.reason)}{code}{_again(gap, to)}"
        line = Text.assemble((to.word(gap.outcome), _style(gap)), reason)
        about = asked.get((gap.lookup, gap.key))
        table.add_row(Text(one_line(gap.lookup)), Text.assemble(f"{about}: ", line) if about else line)
    if not folded:
        return table
    names = "; ".join(f"{to.word(kind)}: {', '.join(lookups)}" for kind, lookups in folded.items())
    note = to.say("and what nobody could ask: {names}; --all shows each with its reason", names=one_line(names))
    shown = table if table.row_count else Text(f"\n{to.say('What is missing')}", style="bold")
    return Group(shown, Text(note, style="dim"))


def _not_carried(dossier: Dossier, to: Reader) -> RenderableType:
    table = _section("\n" + to.say("Told by earlier versions, and no longer"))
    for left in dossier.not_carried:
        table.add_row(Text(one_line(left.lookup)), Text(one_line(to.reason("", left.reason))))
    return table


def _style(gap: Gap) -> str:
    return "dim" if gap.outcome.final or gap.outcome is OutcomeKind.SKIPPED else "yellow"


def _again(gap: Gap, to: Reader) -> str:
    if gap.next_attempt_at:
        return to.say("; asked again at {moment}", moment=to.moment(gap.next_attempt_at))
    if gap.outcome is OutcomeKind.SKIPPED:
        return to.say("; asked as soon as its input is there") if gap.code == PENDING else ""
    if gap.code == NOT_LOADED:
        return to.say("; asked as soon as it is back")
    return "" if gap.outcome.final else to.say("; nobody asks again by themselves")
