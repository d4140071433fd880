"""Search for a person, organisation or parcel with a purpose; the URL has an encrypted token."""

from appealbus.core.management.appeals import holder, parcel
from appealbus.plugins.console.page import Page

_LONGEST = 300
"""Characters of a search."""

Named = tuple[str, str]
"""Kind of subject, and its normal form."""


def written_in(page: Page) -> tuple[str, Named | None]:
    """Return the search text, and the subject in it; None if it is an appeal number."""
    written = page.form["q"][:_LONGEST]
    found = holder(written, "") or parcel(written, "")
    return written, None if found is None else found[:2]


def sealed(page: Page, what: str, named: Named) -> str:
    """Return a token with the search and the form's purpose; `what` is the kind of search, as rights differ."""
    return page.seal(what, {named[0]: named[1], "purpose": page.form.reason(page.words, "purpose")})


def searched(page: Page, what: str, token: str) -> tuple[tuple[Named, ...], str]:
    said = page.unseal(what, token)
    purpose = said.pop("purpose")
    return tuple(said.items()), purpose
