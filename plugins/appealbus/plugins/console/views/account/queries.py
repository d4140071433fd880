"""Shared parts of the account pages: tabs, filters and paging."""

from datetime import date, datetime, time, timedelta
from typing import Any

from starlette.responses import Response

from appealbus.core.clocks import KAZAKHSTAN
from appealbus.core.management.viewing import Action
from appealbus.plugins.console.errors import Refused
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.view import View
from appealbus.plugins.console.words import said

view = View("account", "Account", place=80, path="/account")

RIGHTS: dict[Action, str] = {
    Action.SUBMIT: said("put appeals in"),
    Action.CHANGE: said("put changes of appeals in"),
    Action.FIND: said("find an appeal by its number"),
    Action.SEARCH: said("search for persons, organisations and parcels"),
    Action.STATE: said("see how appeals stand"),
    Action.DOSSIER: said("read dossiers"),
    Action.VERSIONS: said("see which versions there are"),
    Action.DIFFERENCE: said("compare versions"),
    Action.WHY: said("see what is missing, and why"),
    Action.EXPLAIN: said("see where a field comes from"),
    Action.TERM: said("see due dates with their proof"),
    Action.SURGES: said("see surges"),
    Action.ALARM: said("take alarms on and close them"),
    Action.REPEATS: said("see repeats"),
    Action.HISTORY: said("see what happened to an appeal"),
    Action.FEED: said("follow new versions"),
    Action.READERS: said("see who reads the feed"),
    Action.REPORT: said("read figures"),
    Action.LOG: said("read the log"),
    Action.EXPORT: said("take dossiers out in bulk"),
    Action.OPERATE: said("ask again, hold, release, deliver again, switch sources off"),
}
"""Names of rights; policy and API use the codes."""
PAGE = 50
_LONGEST = 200
KINDS = ("person", "api", "client")
"""Actors that a person answers for; the others are workers and the bus."""


def frame(page: Page, template: str, **given: Any) -> Response:
    say = page.words.say
    tabs = [
        ("/account", say("Who looked"), sees_looks(page)),
        ("/account/done", say("What was done"), sees_deeds(page)),
        ("/account/policy", say("Who sees what"), sees_deeds(page)),
        ("/account/mine", say("Mine"), True),
    ]
    here = page.request.url.path.removeprefix("/console")
    return page.show(
        template, rights=RIGHTS, tabs=[(path, name) for path, name, shown in tabs if shown], here=here, **given
    )


def sees_looks(page: Page) -> bool:
    """Whether the person sees accesses of others; needs the right to read the log."""
    return page.viewer.may(Action.LOG)


def sees_deeds(page: Page) -> bool:
    """Whether the person sees actions and rights of others; needs the right to read the log or to operate."""
    return page.viewer.may(Action.LOG) or page.viewer.may(Action.OPERATE)


def check(page: Page, allowed: bool) -> None:
    if not allowed:
        raise page.forbidden


def actor_of(page: Page) -> str | None:
    """Return the actor filter from the URL, as the log has it; without a kind it is a person."""
    name = page.query.get("actor", "").strip()
    if len(name) > _LONGEST or not name.isprintable():
        raise Refused(400, page.words.say("There is nobody with such a name."))
    return None if not name else name if name.partition(":")[0] in KINDS and ":" in name else f"person:{name}"


def span_of(page: Page) -> tuple[datetime | None, datetime | None]:
    day = page.day("day")
    if day is None:
        return None, None
    return moment(day), moment(day + timedelta(days=1))


def moment(day: date) -> datetime:
    return datetime.combine(day, time(), KAZAKHSTAN)
