"""Dossiers for people, on a terminal."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from pydantic import BaseModel
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from appealbus.core.domain.case import PENDING
from appealbus.core.enrichment.fields import titled
from appealbus.core.escaping import one_line
from appealbus.core.planning.contract import NOT_LOADED
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.dossier import Dossier, Fact, Gap
from appealbus.schemas.outcome import OutcomeKind
from appealbus.schemas.record import Coded, Record

_SEVERITY = {"info": "cyan", "warning": "yellow", "critical": "bold red"}
_COMPLETENESS = {"partial": "yellow", "complete": "green"}
_STEP = re.compile(r"[.\[]")
_NOT_SHOWN = ("text", "schema_version", "message_id", "number", "warnings", "mentions")


def dossier_view(dossier: Dossier) -> RenderableType:
    """Return the whole dossier, in the language of the appeal where the registers answer in both."""
    parts: list[RenderableType] = [_head(dossier), _appeal(dossier)]
    if dossier.changes:
        parts.append(_changes(dossier))
    if dossier.signals:
        parts.append(_signals(dossier))
    parts += [_fact(fact, dossier) for fact in dossier.facts]
    if dossier.gaps:
        parts.append(_gaps(dossier))
    if dossier.not_carried:
        parts.append(_not_carried(dossier))
    if more := list(_more(dossier)):
        parts.append(_of_another_release(more))
    return Group(*parts)


def local(moment: datetime) -> datetime:
    """Return the moment on this machine's clock: people read no UTC."""
    return moment.astimezone()


def gaps_view(dossier: Dossier) -> RenderableType:
    """Return what the dossier lacks, and why."""
    if not dossier.gaps:
        return Group(_head(dossier), Text("Nothing is missing."))
    return Group(_head(dossier), _gaps(dossier))


def _head(dossier: Dossier) -> Text:
    state = dossier.completeness.value
    return Text.assemble(
        (one_line(dossier.number), "bold"),
        f"  version {dossier.version}  ",
        (one_line(state), _COMPLETENESS.get(state, "bold")),
        f"  accepted {local(dossier.receipt.accepted_at):%Y-%m-%d %H:%M} by {one_line(dossier.receipt.accepted_by)}",
    )


def _section(title: str) -> Table:
    head = Text(title)
    table = Table(title=head, title_justify="left", title_style="bold", show_header=False, box=None, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold", ratio=1)
    return table


def _appeal(dossier: Dossier) -> RenderableType:
    table = _section("\nThe appeal")
    for name, value in _rows(dossier.appeal, _language(dossier)):
        if _STEP.split(name, 1)[0] not in _NOT_SHOWN:
            table.add_row(Text(one_line(name)), Text(value))
    for kind in type(dossier.appeal.mentions).model_fields:
        for mention in getattr(dossier.appeal.mentions, kind):
            place = f"  (found in the text at {mention.span.start}–{mention.span.end})"
            table.add_row(f"mentions.{kind}", Text.assemble(mention.value, (place, "dim")))
    table.add_row("text", Text(dossier.appeal.text))
    for warning in dossier.appeal.warnings:
        table.add_row("warning", Text(f"{warning.field}: {warning.message}", style="yellow"))
    return table


def _changes(dossier: Dossier) -> RenderableType:
    table = _section("\nWhat has happened since")
    for change in dossier.changes:
        parts = [
            one_line(change.kind.value),
            ", ".join(change.fields),
            one_line(str(change.result or "")),
            change.reason,
        ]
        told = "  ".join(one_line(part) for part in parts if part)
        table.add_row(f"{local(change.dated_at):%Y-%m-%d}", Text(told))
    return table


def _signals(dossier: Dossier) -> RenderableType:
    table = _section("\nWhat follows")
    for signal in dossier.signals:
        style = _SEVERITY.get(signal.severity.value, "bold")
        earlier = " (not asked for now)" if signal.not_asked_now else ""
        rests = Text(f"rests on {', '.join(signal.fields)}{earlier}", style="dim")
        message = signal.message_kk if _language(dossier) == "kk" else signal.message_ru
        table.add_row(Text(one_line(signal.severity.value), style=style), Group(Text(message), rests))
    return table


def _fact(fact: Fact, dossier: Dossier) -> RenderableType:
    origin = fact.provenance
    table = _section(f"\n{one_line(titled(fact, dossier))}: {one_line(fact.record.type)}")
    for name, value in _rows(fact.record, _language(dossier)):
        if name != "type":
            table.add_row(Text(one_line(name)), Text(value))
    note = f"{origin.source} over {origin.connector}, observed {local(origin.observed_at):%Y-%m-%d %H:%M:%S}"
    message = f", message {origin.message_id}" if origin.message_id else ""
    told = [Text(one_line(f"source: {note}{message}"), style="dim")]
    if fact.not_asked_now:
        told.append(Text("told by an earlier version, not asked for now", style="yellow"))
    return Group(table, *(Padding(line, (0, 0, 0, 2)) for line in told))


def _language(dossier: Dossier) -> str:
    return "kk" if dossier.appeal.language.value == "kk" else "ru"


def _rows(model: BaseModel, language: str, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield a row for each field: a dictionary value in one row, a field in both languages once."""
    fields = {**{name: getattr(model, name) for name in type(model).model_fields}, **(model.__pydantic_extra__ or {})}
    for name, value in fields.items():
        stem, _, tail = name.rpartition("_")
        twin = fields.get(f"{stem}_{'kk' if tail == 'ru' else 'ru'}") if tail in ("ru", "kk") else None
        if not (twin and tail != language):
            yield from _row(value, f"{prefix}{name}", language)


def _row(value: Any, path: str, language: str) -> Iterator[tuple[str, str]]:
    match value:
        case None | "":
            return
        case bool():
            yield path, "true" if value else "false"
        case Coded():
            name = (value.name_kk if language == "kk" else None) or value.name_ru or value.name_kk
            yield path, f"{name} [{value.code}]" if name else value.code
        case BaseModel():
            yield from _rows(value, language, f"{path}.")
        case list():
            for i, item in enumerate(value):
                yield from _row(item, f"{path}[{i}]", language)
        case dict():
            for key, item in value.items():
                yield from _row(item, f"{path}.{key}", language)
        case _:
            yield path, str(value)


def _of_another_release(more: list[tuple[str, str]]) -> RenderableType:
    table = _section("\nWhat another release of appealbus knows more")
    for path, value in more:
        table.add_row(Text(one_line(path)), Text(value))
    return table


def _more(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield what no model of ours has a field for, but for what appeal and records show themselves."""
    if isinstance(value, list):
        for i, item in enumerate(value):
            yield from _more(item, f"{path}[{i}]")
    elif isinstance(value, BaseModel) and not isinstance(value, Appeal | Record):
        for name, more in (value.__pydantic_extra__ or {}).items():
            yield from _row(more, f"{path}.{name}".removeprefix("."), "")
        for name in type(value).model_fields:
            yield from _more(getattr(value, name), f"{path}.{name}".removeprefix("."))


def _gaps(dossier: Dossier) -> RenderableType:
    table = _section("\nWhat is missing")
    asked = {(o.lookup, o.key): " ".join(given.value for given in o.inputs) for o in dossier.outcomes}
    for gap in dossier.gaps:
        needed = "" if gap.required else ", optional"
        code = f" [{gap.code}]" if gap.code else ""
        line = Text.assemble((gap.outcome.value, _style(gap)), f"{needed}: {gap.reason}{code}{_again(gap)}")
        about = asked.get((gap.lookup, gap.key))
        table.add_row(Text(one_line(gap.lookup)), Text.assemble(f"{about}: ", line) if about else line)
    return table


def _not_carried(dossier: Dossier) -> RenderableType:
    table = _section("\nTold by earlier versions, and no longer")
    for left in dossier.not_carried:
        table.add_row(Text(one_line(left.lookup)), Text(one_line(left.reason)))
    return table


def _style(gap: Gap) -> str:
    return "dim" if gap.outcome.final or gap.outcome is OutcomeKind.SKIPPED else "yellow"


def _again(gap: Gap) -> str:
    if gap.next_attempt_at:
        return f"; asked again at {local(gap.next_attempt_at):%Y-%m-%d %H:%M:%S}"
    if gap.outcome is OutcomeKind.SKIPPED:
        return "; asked as soon as its input is there" if gap.code == PENDING else ""
    if gap.code == NOT_LOADED:
        return "; asked as soon as it is back"
    return "" if gap.outcome.final else "; nobody asks again by themselves"
