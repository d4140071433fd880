"""What the pages of the account share: whose they are, their tabs, filters and pages."""

from datetime import date, datetime, time, timedelta
from typing import Any

from starlette.responses import Response

from appealbus.core.clocks import KAZAKHSTAN
from appealbus.core.rights.actions import Action
from appealbus.plugins.console.errors import Refused
from appealbus.plugins.console.forms import day_of as written_day
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.view import View

view = View("account", "Account", place=80, path="/account")

PAGE = 50
_LONGEST = 200
KINDS = ("person", "api", "client")
"""Of actors that somebody answers for: the others are workers and the bus."""


def frame(page: Page, template: str, **given: Any) -> Response:
    """Show a page of the account, with those beside it."""
    say = page.words.say
    tabs = [
        ("/account", say("Who looked"), sees_looks(page)),
        ("/account/done", say("What was done"), sees_deeds(page)),
        ("/account/policy", say("Who sees what"), sees_deeds(page)),
        ("/account/mine", say("Mine"), True),
    ]
    here = page.request.url.path.removeprefix("/console")
    return page.show(template, tabs=[(path, name) for path, name, shown in tabs if shown], here=here, **given)


def sees_looks(page: Page) -> bool:
    """Whether the person sees looks of others: who reads the log does."""
    return page.viewer.may(Action.LOG)


def sees_deeds(page: Page) -> bool:
    """Whether the person sees what others have done and may: who reads the log, or operates, does."""
    return page.viewer.may(Action.LOG) or page.viewer.may(Action.OPERATE)


def check(page: Page, allowed: bool) -> None:
    """Raise Refused where a page is not for the person."""
    if not allowed:
        raise page.forbidden


def actor_of(page: Page) -> str | None:
    """Return whose entries the URL chooses, as the log writes it: without a kind it is a person."""
    said = page.query.get("actor", "").strip()
    if len(said) > _LONGEST or not said.isprintable():
        raise Refused(400, page.words.say("There is nobody with such a name."))
    return None if not said else said if said.partition(":")[0] in KINDS and ":" in said else f"person:{said}"


def day_of(page: Page) -> tuple[datetime | None, datetime | None]:
    """Return when the day begins and ends that the URL chooses."""
    said = page.query.get("day", "")
    if not said:
        return None, None
    day = written_day(said, page.words)
    return moment(day), moment(day + timedelta(days=1))


def moment(day: date) -> datetime:
    """Return when a day begins."""
    return datetime.combine(day, time(), KAZAKHSTAN)
