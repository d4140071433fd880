"""Masking a dossier's notes on its fields: warnings, signals, changes, omitted facts."""

from appealbus.core.rights.fields import is_known, is_of_the_dossier, leads_in, values_at
from appealbus.core.rights.mask import Mask
from appealbus.core.rights.paths import PARTS, Path, path_of
from appealbus.core.rights.questions import Json, Questions

_DUE: Path = ("appeal", ("due_on",))
_BODY: Path = ("appeal", ("addressee",))
_WORDS = ("reason", "by", "note", "ground", "reference")
"""Free text on a change, which may repeat the corrected value."""
_OF_QUESTIONS = frozenset({"outcomes", "gaps", "signals", "unassessed", "not_carried", "plan"})
_OF_OTHER_FIELDS = (("warnings",), ("as_written",))
"""Fields about other fields, as changes are: the basis of a signal that names one is unknown."""


def warnings(mask: Mask, shown: Json, appeal: Json) -> None:
    """Put into a masked appeal the warnings on fully visible fields, and nothing of `as_written`.

    Unusable input has no field of its own: it may have been meant for a hidden one.
    """
    if not mask.hides_of_appeal:
        return
    shown.pop("as_written", None)
    shown.pop("warnings", None)
    if mask.hidden(("appeal", ("warnings",))):
        return
    kept = []
    for warning in appeal.get("warnings") or []:
        path = path_of(f"appeal.{warning['field']}")
        if not is_of_the_dossier(path) and warning["field"] != "appeal":
            continue
        whole = mask.whole(path) and warning["field"] != "appeal"
        if whole and warning["code"] != "field.unknown":  # that one names what may be meant for a hidden field
            kept.append({**warning, "message": mask.text(warning["message"])})
        elif whole or mask.process:
            kept.append({"field": warning["field"], "code": warning["code"]})
    if kept:
        shown["warnings"] = kept


def signals(mask: Mask, document: Json, questions: Questions) -> list[Json]:
    """Return the signals that rest on nothing hidden."""
    if mask.hidden(("signals", ())):
        return []
    return [
        _signal(mask, signal, questions)
        for signal in document.get("signals") or []
        if signal.get("fields")
        and signal.get("assessor") not in mask.comparing
        and all(_is_shown(mask, document, path_of(field)) for field in signal["fields"])
    ]


def _is_shown(mask: Mask, document: Json, path: Path) -> bool:
    """Whether a field exists and is fully visible: a misspelt path may be meant for a hidden field.

    An unknown part of a record may contain numbers, so it does not count as visible.
    """
    head, steps = path
    if not mask.whole(path) or not leads_in(document, path):
        return False
    if head in _OF_QUESTIONS or (mask.hides_of_appeal and (head == "changes" or steps[:1] in _OF_OTHER_FIELDS)):
        return False
    if head == "changes" and not mask.whole(("changes", ())):
        return False
    if not mask.identifiers or head in PARTS or is_known(steps):
        return True
    records = [fact["record"] for fact in document.get("facts") or [] if fact["lookup"] == head]
    values = [value for record in records for value in values_at(record, steps)]
    return bool(values) and not any(isinstance(value, dict) for value in values)


def _signal(mask: Mask, signal: Json, questions: Questions) -> Json:
    kept = {name: mask.text(value) if name.startswith("message_") else value for name, value in signal.items()}
    kept["fields"] = [mask.text(_renamed(field, questions)) for field in signal["fields"]]
    if not all(questions.is_dated(path_of(field)[0]) for field in signal["fields"]):
        kept.pop("not_asked_now", None)
    return kept


def _renamed(field: str, questions: Questions) -> str:
    head, slash, rest = field.partition("/")
    lookup, bracket, key = head.removesuffix("]").partition("[")
    return f"{lookup}[{questions.keys.get((lookup, key), '')}]{slash}{rest}" if slash and bracket else field


def changes(mask: Mask, document: Json) -> list[Json]:
    """Return the changes of the appeal, without those of hidden fields only."""
    if mask.hidden(("changes", ())):
        return []
    changes = document.get("changes") or []
    if not mask.hides_of_appeal and mask.whole(("changes", ())):
        return changes
    return [shown for change in changes if (shown := _change(mask, change))]


def _change(mask: Mask, change: Json) -> Json | None:
    kind = change["kind"]
    named = [(name, path_of(f"appeal.{name}")) for name in change.get("fields") or []]
    fields = [name for name, path in named if mask.whole(path) and is_of_the_dossier(path)]
    if kind == "corrected" and not fields:
        return None
    if (kind in ("due", "extended") and mask.hidden(_DUE)) or (kind == "redirected" and not mask.whole(_BODY)):
        return None
    own = ("channel", "kind", "dated_at", "due_on", "part", "result", "answered_on")
    shown = {name: change[name] for name in own if name in change}
    if mask.whole(("appeal", ("message_id",))):
        shown["message_id"] = mask.text(change["message_id"])
    if mask.hidden(_DUE):
        shown.pop("due_on", None)
    if mask.hidden(("appeal", ("channel",))):
        shown.pop("channel", None)
    if mask.whole(_BODY) and (to := mask.kept(change.get("to"), ("changes", ("to",)))):
        shown["to"] = to
    if fields:
        shown["fields"] = fields
    if kind != "corrected":
        words = {name: mask.kept(change.get(name), ("changes", (name,))) for name in _WORDS}
        shown |= {name: value for name, value in words.items() if value is not None}
    return {name: value for name, value in shown.items() if not mask.hidden(("changes", (name,)))}


def not_carried(mask: Mask, document: Json) -> list[Json]:
    """Return the visible omitted facts; they derive from the appeal and other records."""
    if mask.hidden(("not_carried", ())):
        return []
    rows = document.get("not_carried") or []
    if not mask.hides_values:
        return [row for row in rows if mask.shows_lookup(row["lookup"])]
    if not mask.process:
        return []
    return [{"lookup": row["lookup"]} for row in rows if mask.shows_lookup(row["lookup"])]
