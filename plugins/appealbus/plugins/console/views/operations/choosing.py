"""Action and selection of an operation, from a URL or a form. A lost filter never selects all rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from appealbus.core.management.appeals import DeliverySelection, Selection
from appealbus.core.management.operations import Operation, Order
from appealbus.plugins.console.errors import Refused
from appealbus.plugins.console.forms import moment_of
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.views.appeals.filters import FILTERS, only, selection_of
from appealbus.plugins.console.views.appeals.searching import searched
from appealbus.plugins.console.views.operations.queries import OF_APPEALS

_OF_DELIVERIES = frozenset({"receiver", "since", "until"})
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Chosen:
    order: Order
    selection: Selection | DeliverySelection
    query: str
    """The selection as a query string."""
    purpose: str = ""
    """Purpose of a search for a subject; empty without one."""


def chosen_by(page: Page, said: Sequence[tuple[str, str]]) -> Chosen:
    """Parse names and values; raise Refused if one is unknown, repeated, invalid or forbidden, or none is a filter."""
    words = page.words
    kept = [(name, value.strip()) for name, value in said if value.strip() and name != "lang"]
    query = dict(kept)
    does = query.pop("do", "")
    if does not in (*OF_APPEALS, Operation.RESEND) or len(query) + 1 != len(kept):
        raise Refused(400, words.say("Say what is to be done, and each filter once."))
    order = Order(Operation(does))
    known = _OF_DELIVERIES if order.operation is Operation.RESEND else FILTERS | {"find"}
    only(page, query, known)
    if order.operation is Operation.RESEND:
        return Chosen(order, _deliveries(page, query), urlencode(kept))
    named: tuple[tuple[str, str], ...] = ()
    purpose = ""
    if token := query.pop("find", ""):
        named, purpose = searched(page, "appeals", token)
    selection = selection_of(page, named, query)
    if not selection:
        raise Refused(422, words.say("Choose which appeals are meant: nothing is ever done to all there are."))
    return Chosen(order, selection, urlencode(kept), purpose)


def _deliveries(page: Page, query: dict[str, str]) -> DeliverySelection:
    words = page.words
    if page.viewer.scoped:
        raise Refused(403, words.say("Whoever sees only some appeals delivers them again one by one."))
    if not query.get("receiver") or not query.get("since"):
        raise Refused(422, words.say("Say which receiver, and from when on it has confirmed what is delivered again."))
    if len(query["receiver"]) > _LONGEST:
        raise page.no_choice("receiver")
    moments = {name: moment_of(query[name], words) for name in ("since", "until") if name in query}
    return DeliverySelection(query["receiver"], **moments)
