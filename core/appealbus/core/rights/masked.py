"""Masked dossiers: hidden fields are absent, with everything that would disclose them.

A masked dossier depends on nothing hidden: two dossiers that differ only in hidden fields give the same bytes. So
neither the existence nor a change of a hidden value is disclosed.
"""

from hashlib import sha256

import orjson

from appealbus.core.rights.identifiers import Effort
from appealbus.core.rights.mask import Mask
from appealbus.core.rights.masked_notes import changes, not_carried, signals, warnings
from appealbus.core.rights.questions import Json, Questions

_OF_A_VERSION = ("version", "epoch", "created_at")
"""Fields that differ between versions of the same content."""


def masked(mask: Mask, document: Json, effort: Effort | None = None) -> Json:
    """Return the masked dossier in JSON, within the remaining effort."""
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
    return [row for row in document.get("plan") or [] if mask.shows_lookup(row["lookup"])]


def digest_of(document: Json) -> bytes:
    """Return the SHA-256 of a dossier's content, independent of the version.

    The epoch is included: after a restore the first version is always news, as undone versions may have differed.
    """
    said = {name: value for name, value in document.items() if name not in ("version", "created_at")}
    return sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).digest()
