"""Dossiers as they are seen through a mask: what is hidden is absent, and whatever would tell of it goes with it.

A masked dossier depends on nothing that is hidden: two dossiers that differ in hidden fields alone are the same bytes.
So it does not tell either whether a hidden field has a value, or that it has changed.
"""

from hashlib import sha256

import orjson

from appealbus.core.rights.identifiers import Effort
from appealbus.core.rights.mask import Mask
from appealbus.core.rights.masked_notes import changes, not_carried, signals, warnings
from appealbus.core.rights.questions import Json, Questions

_OF_A_VERSION = ("version", "epoch", "created_at")
"""What differs between two versions that say the same."""


def masked(mask: Mask, document: Json, effort: Effort | None = None) -> Json:
    """Return a dossier, as JSON has it, as it is seen through a mask, its texts within what is left of effort."""
    if mask.plain:
        return document
    mask = mask.for_a_version(effort)
    questions = Questions(mask, document)
    shown: Json = {"schema_version": document["schema_version"]}
    for name in ("number", "version", "epoch", "completeness", "created_at"):
        if name in document and (name in _OF_A_VERSION or not mask.hidden((name, ()))):
            value = document[name]
            shown[name] = mask.text(value) if name == "number" else value
    for name in ("receipt", "appeal"):
        part = mask.kept({**document[name]}, (name, ()))  # an error where a damaged version has no object
        if part is not None:
            shown[name] = part
    if "appeal" in shown:
        warnings(mask, shown["appeal"], document["appeal"])
    lists = {
        "facts": questions.facts,
        "outcomes": [] if mask.hidden(("outcomes", ())) else questions.outcomes,
        "gaps": [] if mask.hidden(("gaps", ())) else questions.gaps,
        "signals": signals(mask, document, questions),
        "unassessed": document.get("unassessed") if mask.process and not mask.hidden(("unassessed", ())) else [],
        "plan": _plan(mask, document),
        "not_carried": not_carried(mask, document),
        "changes": changes(mask, document),
    }
    shown |= {name: rows for name, rows in lists.items() if rows}
    shown["hidden"] = mask.hidden_rules
    return shown


def _plan(mask: Mask, document: Json) -> list[Json]:
    if mask.hidden(("plan", ())) or not mask.shows_plan:
        return []
    return [each for each in document.get("plan") or [] if mask.shows_lookup(each["lookup"])]


def digest_of(document: Json) -> bytes:
    """Return the SHA-256 of what a dossier says, whichever version says it.

    The epoch counts: after a restore the first version is news, whatever the one before says. Of it the undone ones
    may have said something else.
    """
    said = {name: value for name, value in document.items() if name not in ("version", "created_at")}
    return sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).digest()
