"""What a sender wrote that the contract has no place for: kept as written, each with a warning in our words."""

from collections.abc import Iterable, Sequence
from heapq import nsmallest
from typing import Any, TypeVar

import orjson

from appealbus.schemas.appeal import Appeal, Receipt, Written
from appealbus.schemas.appeal import Warning as AppealWarning
from appealbus.schemas.change import Change
from appealbus.schemas.suggestion import nearest, tellable

D = TypeVar("D", Appeal, Change)

UNKNOWN = frozenset({"field.unknown", "list.entries"})
"""Codes of warnings behind which something may stand under another name than the form has."""
UNBOUND = 100
"""How much is worked of a list that its model leaves open: a citizen may have written before, though not that often."""
ONE_BY_ONE = 20
"""What has more notes than this is kept whole, with one warning: else a short message could make a long appeal."""
_MOST_NAMES = 5
"""That a warning names."""
_MOST_SUGGESTED = 10
"""Names for which one that is near is looked for, in a message and in each list of it: each takes 0.1 ms."""
_MOST_TOLD = 50
"""Warnings in a receipt."""


class Unreadable(ValueError):
    """There is neither an appeal nor a change in it. `code` is a stable word; the text never quotes the message."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Notes:
    """Gathers warnings and what they are about while an appeal or a change is read.

    Args:
        root: the field of what belongs to no field.
    """

    def __init__(self, root: str = "appeal") -> None:
        self.root = root
        self.warnings: list[AppealWarning] = []
        self.written: list[Written] = []
        self._suggested = 0

    def warn(self, field: str, code: str, message: str) -> None:
        """Say what is wrong with a field."""
        self.warnings.append(AppealWarning(field=field or self.root, code=code, message=message))

    def keep(self, field: str, value: Any) -> None:
        """Keep what stands there as it was written."""
        self.written.append(
            Written(field=field or self.root, text=value if isinstance(value, str) else _as_json(value))
        )

    def add(self, field: str, code: str, message: str, value: Any) -> None:
        """Say what is wrong with a field, and keep what stands there."""
        self.warn(field, code, message)
        self.keep(field, value)

    def add_unknown(self, field: str, names: Iterable[str], known: tuple[str, ...], value: Any) -> None:
        """Say that the contract does not know these names of the sender's in a field, and keep what stands there."""
        first = nsmallest(ONE_BY_ONE, set(names).difference(known))
        shown = [name for name in first if tellable(name) == name][:_MOST_NAMES]
        message = "there is something here that the contract does not know"
        if shown:
            some = ", ".join(shown if len(shown) == len(first) else [*shown, "…"])
            message = f"the contract does not know {some} here"
            self._suggested += len(shown)
            if self._suggested <= _MOST_SUGGESTED:
                near = dict.fromkeys(meant for name in shown if (meant := nearest(name, known)))
                message += f"; did you mean {', '.join(near)}?" if near else ""
        self.add(field, "field.unknown", message, value)

    def add_list(self, field: str, inner: "Notes", size: int, most: int, whole: Any) -> None:
        """Add what was noted inside a list of so many entries, of which the first `most` are worked.

        `whole` returns or is the list as written, for one that is too long or has too much wrong with it.
        """
        too_long = size > most
        if not too_long and len(inner.warnings) <= ONE_BY_ONE:
            self.warnings += inner.warnings
            self.written += inner.written
            return
        self.keep(field, whole() if callable(whole) else whole)
        if too_long:
            self.warn(field, "list.too_long", f"the list has {size} entries; the first {most} are worked")
        if inner.warnings:
            self.warn(field, "list.entries", f"{len(inner.warnings)} values in this list cannot be used as they are")
            # Each name once: an entry is mostly misnamed as the others are.
            unknown = [warning for warning in reversed(inner.warnings) if warning.code == "field.unknown"]
            named = {warning.message.partition(";")[0]: warning for warning in unknown}
            self.warnings += list(named.values())[: -_MOST_NAMES - 1 : -1]

    def on(self, document: D) -> D:
        """Return the appeal or the change with what was noted."""
        if not self.warnings:
            return document
        return document.model_copy(update={"warnings": self.warnings, "as_written": self.written})


def warned(receipt: Receipt, warnings: Sequence[AppealWarning]) -> Receipt:
    """Return the receipt with the warnings of its message; of many the first, and how many more there are."""
    if not warnings:
        return receipt
    shown, more = list(warnings[:_MOST_TOLD]), len(warnings) - _MOST_TOLD
    if more > 0:
        message = f"the message has {more} more warnings"
        shown.append(AppealWarning(field="warnings", code="warnings.more", message=message))
    return receipt.model_copy(update={"warnings": shown})


_OTHER = {
    "number.taken": "the registration number belongs to another message",
    "number.own_series": "the registration number is of the bus's own series, from which the bus alone gives",
}


def numbered(appeal: Appeal, number: str, *, own: bool = False) -> Appeal:
    """Return the appeal with the number that it is registered under.

    If it came with another one, that belongs to another message, or with `own` to the bus: it is kept as written.
    """
    changes: dict[str, Any] = {"number": number}
    if appeal.number not in (None, number):
        notes = Notes()
        code = "number.own_series" if own else "number.taken"
        notes.add("number", code, _OTHER[code], appeal.number)
        changes["warnings"] = [*appeal.warnings, *notes.warnings]
        changes["as_written"] = [*appeal.as_written, *notes.written]
    return appeal.model_copy(update=changes)


def _as_json(value: Any) -> str:
    try:
        # In one order: the same letter again must not be another for the order of what nobody knows.
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    except orjson.JSONEncodeError:
        # What it has read it cannot write where it is nested deeper than 254 levels.
        raise Unreadable("message.too_complex", "the message nests values too deeply") from None
