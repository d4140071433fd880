"""What tests of pages need again and again."""

import re

import httpx


def csrf_of(page: httpx.Response) -> str:
    """Return the token of the forms of a page."""
    found = re.search(r'name="csrf" value="([0-9a-f]{64})"', page.text)
    assert found is not None, page.status_code
    return found[1]
