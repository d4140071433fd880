"""Whom or what somebody searches for, and what for: in a URL a token, never in clear."""

from appealbus.core.journal.naming import holder, parcel
from appealbus.plugins.console.page import Page

_LONGEST = 300
"""Characters of what is searched for."""

Named = tuple[str, str]
"""What sort of thing an appeal names, and its normal form."""


def written_in(page: Page) -> tuple[str, Named | None]:
    """Return what the form searches for, and the person, organisation or parcel in it; None: it is a number."""
    written = page.form["q"][:_LONGEST]
    found = holder(written, "") or parcel(written, "")
    return written, None if found is None else found[:2]


def sealed(page: Page, what: str, named: Named) -> str:
    """Return the token that carries it, with what the form says that it is for.

    Args:
        page: the request.
        what: is looked for: who may ask for one thing may not for another.
        named: whom or what it names.

    """
    return page.seal(what, {named[0]: named[1], "purpose": page.form.reason(page.words, "purpose")})


def searched(page: Page, what: str, token: str) -> tuple[tuple[Named, ...], str]:
    """Return what a token carries: what is searched for, and what for."""
    said = page.unseal(what, token)
    purpose = said.pop("purpose")
    return tuple(said.items()), purpose
