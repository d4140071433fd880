"""What the console has by its own list, and what must hold of every page of it, whoever reads it in which language."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlencode, urljoin, urlsplit

import httpx
from babel.messages.pofile import read_po
from lxml import html
from starlette.routing import Route

from appealbus.core.domain.client import Role
from appealbus.core.rights.viewer import MAY, Action
from appealbus.plugins.console.login import routes
from appealbus.plugins.console.view import all_views
from appealbus.plugins.console.words import folders

ROLES = tuple(role for role in Role if role is not Role.CHANNEL)
LANGUAGES = ("en", "kk", "ru")
PARTS = {"/now/live", "/operations/{number:id}/progress", "/report/table.csv"}
"""What a page loads or lets one have, and is no page itself."""
_MOST = 100_000
_POLICY = "default-src 'none'; script-src 'self'; style-src 'self'"
_QUOTED = "//code | //pre | //kbd | //*[@lang][parent::*]"
_SAID_BY_OTHERS = "the broker is short of memory"
_COMMAND = re.compile(r"`[^`]+`|appealbus prune --receiver|certificates that end")
_ENGLISH = re.compile(r"\b[a-z]{2,} [a-z]{2,}\b")
_SPOKEN = ("aria-label", "placeholder", "title", "alt")


@dataclass(frozen=True)
class Way:
    """A route: how it is asked for, where, and what one may do who asks."""

    method: str
    path: str
    may: Action | None
    matches: re.Pattern[str]

    def open_to(self, role: Role) -> bool:
        return self.may is None or self.may in MAY[role]


@cache
def ways() -> tuple[Way, ...]:
    """Return all routes that the program has."""
    found: list[tuple[Route, Action | None]] = [(each, None) for each in routes]
    found += [(each, view.may[each.name]) for view in all_views() for each in view.routes]
    return tuple(
        Way(method, route.path, may, route.path_regex)
        for route, may in found
        for method in sorted((route.methods or set()) - {"HEAD"})
    )


def way_of(method: str, url: str) -> Way | None:
    """Return the route that answers at an address of the console; None: none does."""
    path = urlsplit(url).path.removeprefix("/console")
    return next((each for each in ways() if each.method == method and each.matches.match(path)), None)


@dataclass(frozen=True)
class Form:
    """A form as it stands on a page: where its button leads, and what is written in it by then."""

    method: str
    to: str
    fields: tuple[tuple[str, str], ...]
    lacks: tuple[str, ...]
    """Fields that have to be filled in first."""

    @property
    def query(self) -> str:
        return urlencode(self.fields)


def page_of(answer: httpx.Response) -> html.HtmlElement:
    """Return what a page is made of."""
    return html.fromstring(answer.content, parser=html.HTMLParser(encoding="utf-8"))


def forms_of(page: html.HtmlElement, url: str) -> Iterator[Form]:
    """Yield each form of a page once for each button that sends it."""
    for form in page.iter("form"):
        if form.get("method") == "dialog":
            continue
        inputs = [each for each in form.iter("input", "select", "textarea") if each.get("name")]
        written = [(str(each.get("name")), _written(each)) for each in inputs]
        lacks = tuple(
            str(each.get("name")) for each in inputs if each.get("required") is not None and not _written(each)
        )
        fields = tuple((name, text) for name, text in written if text is not None)
        for button in form.iter("button"):
            to = urljoin(url, button.get("formaction") or form.get("action") or "")
            named = ((str(button.get("name")), str(button.get("value", ""))),) if button.get("name") else ()
            yield Form(str(form.get("method", "get")).upper(), to, (*fields, *named), lacks)


def _written(field: html.HtmlElement) -> str | None:
    if field.tag == "select":
        options = field.findall(".//option")
        chosen = [each for each in options if each.get("selected") is not None] or options[:1]
        return str(chosen[0].get("value", chosen[0].text)) if chosen else None
    if field.get("type") in ("checkbox", "radio"):
        return str(field.get("value", "on")) if field.get("checked") is not None else None
    return str(field.get("value") or field.text or "")


def complaints(answer: httpx.Response, role: Role, language: str) -> Iterator[str]:
    """Yield what is wrong with a page for somebody of a role who reads a language."""
    headers, page = answer.headers, page_of(answer)
    if not (headers["content-security-policy"].startswith(_POLICY) and headers["cache-control"] == "no-store"):
        yield "its headers protect nothing"
    if len(answer.content) > _MOST:
        yield f"{len(answer.content)} bytes"
    if page.get("lang") != language:
        yield f"it says that it is in {page.get('lang')}"
    if len(page.findall(".//h1")) != 1:
        yield f"{len(page.findall('.//h1'))} headings of the first order"
    if not page.findtext(".//title", "").partition("·")[0].strip():
        yield "no title"
    if language != "en":
        yield from (f"in English: {text!r}" for text in english(page, language))
    ids = [each.get("id") for each in page.xpath("//*[@id]")]
    yield from (f"two of #{each}" for each in set(ids) if ids.count(each) > 1)
    for link in page.xpath("//a/@href"):
        if urlsplit(link).netloc or not link.startswith(("/console/", "?", "#", "report/")):
            yield f"a link that leads away: {link}"
        if link.startswith("#") and link[1:] not in ids:
            yield f"nothing is at {link}"
    for form in forms_of(page, str(answer.url)):
        way = way_of(form.method, form.to)
        if way is None or not way.open_to(role):
            yield f"a button that {role} may not press: {form.method} {form.to}"


def links_of(answer: httpx.Response) -> Iterator[str]:
    """Yield where a page leads: its links, and its forms that change nothing, as they are filled in."""
    page, url = page_of(answer), str(answer.url)
    yield from (urljoin(url, link) for link in page.xpath("//a/@href"))
    for form in forms_of(page, url):
        if form.method == "GET" and not form.lacks:
            yield f"{form.to}?{form.query}"


@cache
def _sayings(language: str) -> re.Pattern[str]:
    """Return what finds a whole text that the catalogues have in other words."""
    found = set()
    for folder in folders():
        path = folder / "locale" / language / "LC_MESSAGES" / "appealbus.po"
        if path.exists():
            with path.open("rb") as file:
                for each in read_po(file):
                    said = (each.string,) if isinstance(each.string, str) else each.string
                    found |= {one for one in ((each.id,) if isinstance(each.id, str) else each.id) if one not in said}
    worded = (each for each in found if re.search("[A-Za-z]{2}", re.sub(r"\{\w+\}", "", each)))
    return re.compile("|".join(map(_pattern, sorted(worded))))


def _pattern(saying: str) -> str:
    parts = re.split(r"\{(\w+)\}", saying)
    holes = {"n": r"[\d\s,.]+"}
    return "".join(holes.get(part, ".{1,80}?") if at % 2 else re.escape(part) for at, part in enumerate(parts))


def english(page: html.HtmlElement, language: str) -> Iterator[str]:
    """Yield what a page says in English in another language: what the catalogue has, and whatever is two words long.

    What is quoted as it was written, such as names in a configuration, stands in `code`, or says its language.
    """
    quoted = {each for root in page.xpath(_QUOTED) for each in root.iter()}
    for each in page.iter():
        if not isinstance(each.tag, str) or each.tag in ("script", "style"):
            continue
        texts = [each.get(name) for name in _SPOKEN] + ([] if each in quoted else [each.text])
        texts += [child.tail for child in each] if each not in quoted else []
        for text in texts:
            said = " ".join((text or "").split())
            if said and _is_english(said, language):
                yield said


@cache
def _is_english(text: str, language: str) -> bool:
    said = _COMMAND.sub("", text).replace(_SAID_BY_OTHERS, "")
    if _ENGLISH.search(said):
        return True
    return bool(re.search("[A-Za-z]{2}", said) and _sayings(language).fullmatch(said))
