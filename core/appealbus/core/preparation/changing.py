"""Applies changes to an appeal, in order."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from appealbus.core.domain.case import Case
from appealbus.core.domain.change import KeptChange
from appealbus.core.domain.document import FormDocument, appeal_document
from appealbus.core.preparation.extraction import TOO_MANY, check, prepare
from appealbus.core.preparation.renaming import without
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.base import Model
from appealbus.schemas.change import Change, ChangeKind, ChangeNote, Correction
from appealbus.schemas.notes import UNBOUND
from appealbus.schemas.renames import is_unknown
from appealbus.schemas.tolerant import corrected, knows_more

_TERMS = frozenset({ChangeKind.DUE, ChangeKind.EXTENDED})
_TELLS_FIELDS_ALONE = frozenset({ChangeKind.CORRECTED, ChangeKind.DUE})
"""Changes of these kinds that alter no field report only an implausible date."""
_COPIED = set(ChangeNote.model_fields) - {"dated_at", "fields"}


@dataclass(frozen=True, slots=True)
class Changed:
    appeal: Appeal
    notes: tuple[ChangeNote, ...]


def with_changes(case: Case) -> Case:
    done = changed(case.first or case.appeal, case.kept_changes)
    if any(knows_more(change.change) for change in case.kept_changes):
        # A later release knows what that one says, and may have made the form of it that the journal has.
        return replace(case, notes=done.notes)
    written = appeal_document(done.appeal)
    # Of another release's form the members may be in another order.
    same = written.digest == case.content or done.appeal == case.appeal
    form = None if same else FormDocument(done.appeal, written)
    size = max(case.size, len(written.body))
    content = case.content if same else written.digest
    return replace(case, appeal=done.appeal, notes=done.notes, content=content, size=size, form=form)


def changed(first: Appeal, changes: Iterable[KeptChange]) -> Changed:
    form = bare = _without_own_warnings(first)
    notes = []
    placed: set[str] = set()
    for kept in sorted(changes, key=lambda change: change.order):
        before, form = form, _after(form, kept.change)
        fields = list(other_fields(before, form))
        placed.update(filter(is_unknown, kept.change.removed))
        kind = kept.change.kind
        if kind is not None and (fields or kind not in _TELLS_FIELDS_ALONE or kept.misdated):
            copied = {name: getattr(kept.change, name) for name in _COPIED}
            notes.append(ChangeNote(**copied, dated_at=kept.dated_at, fields=fields))
    if placed:
        form = without(form, sorted(placed)[:UNBOUND])
    if form == bare:
        return Changed(first, tuple(notes))
    own = prepare(form)
    return Changed(own.model_copy(update={"warnings": [*form.warnings, *own.warnings]}), tuple(notes))


def _without_own_warnings(appeal: Appeal) -> Appeal:
    # Without a look at the text, which may be long: of that there is one kind of warning.
    own = check(appeal) + [warning for warning in appeal.warnings if warning.code == TOO_MANY]
    return appeal.model_copy(update={"warnings": [warning for warning in appeal.warnings if warning not in own]})


def _after(form: Appeal, change: Change) -> Appeal:
    values: dict[str, Any] = {}
    if change.kind is ChangeKind.CORRECTED:
        values = _corrected(form, change)
    elif change.kind in _TERMS and change.due_on is not None:
        values = {"due_on": change.due_on}
    elif change.kind is ChangeKind.REDIRECTED and change.to is not None and not change.part:
        values = {"addressee": change.to}
    if not values:
        return form
    after = corrected(form, values)
    fields = tuple(other_fields(form, after))
    # What could not be used of a field is out of date once the field is another.
    kept = {
        name: [entry for entry in getattr(form, name) if not _is_within(entry.field, fields)]
        for name in ("warnings", "as_written")
    }
    return after.model_copy(update=kept)


def _corrected(form: Appeal, change: Change) -> dict[str, Any]:
    values: dict[str, Any] = {}
    untyped = any(warning.field == "corrected.applicant.type" for warning in change.warnings)
    for name in Correction.model_fields:
        given = None if change.corrected is None else getattr(change.corrected, name)
        if given is not None:
            values[name] = _merged(getattr(form, name), given, untyped=untyped and name == "applicant")
    for path in change.removed:
        name, dot, field = path.partition(".")
        if name not in Correction.model_fields:
            continue
        whole = values.get(name, getattr(form, name))
        if not dot:
            values[name] = Appeal.model_fields[name].get_default(call_default_factory=True)
        elif isinstance(whole, Model) and field in type(whole).model_fields and field != "type":
            values[name] = corrected(whole, {field: None})
    return values


def _merged(before: Any, given: Any, *, untyped: bool) -> Any:
    """Merge given fields into a value; models of another type and other values are replaced."""
    if not isinstance(given, Model) or not isinstance(before, Model):
        return given
    said = {name: value for name, value in given if value is not None and name != "type"}
    if type(before) is not type(given) and not (untyped and said.keys() <= type(before).model_fields.keys()):
        return given
    return corrected(before, said)


def other_fields(before: Appeal, after: Appeal) -> Iterator[str]:
    for name in Correction.model_fields:
        one, other = getattr(before, name), getattr(after, name)
        if one == other:
            continue
        if isinstance(one, Model) and type(one) is type(other):
            yield from (
                f"{name}.{field}" for field in type(one).model_fields if getattr(one, field) != getattr(other, field)
            )
        else:
            yield name


def _is_within(path: str, fields: Collection[str]) -> bool:
    return any(path == field or path.startswith((f"{field}.", f"{field}[")) for field in fields)
