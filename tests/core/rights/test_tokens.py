"""Tokens of clients."""

import pytest

from appealbus.core.rights.credentials import digest_of, new_token, same, split


def test_a_token_is_known_by_its_digest():
    """Its id stands in it, and no other token has its digest."""
    token, mark, digest = new_token()
    assert split(token) == mark
    assert same(token, digest)
    assert (len(digest), len(token)) == (32, 3 + 16 + 1 + 43)
    other, its, _ = new_token()
    assert mark != its
    assert not same(other, digest)
    assert not same(token[:-1] + ("A" if token[-1] != "A" else "B"), digest)
    assert not same("", digest)
    assert digest_of(token) == digest


def test_tokens_are_chance():
    """A thousand of them have no id and no secret in common."""
    made = [new_token() for _ in range(1000)]
    assert len({mark for _, mark, _ in made}) == len({token[20:] for token, _, _ in made}) == 1000


@pytest.mark.parametrize(
    "change",
    [
        lambda token: "",
        lambda token: token + "\n",
        lambda token: " " + token,
        lambda token: token.upper(),
        lambda token: token[:-1],
        lambda token: token + "A",
        lambda token: token.replace("ab_", "xy_"),
        lambda token: token[:-1] + "=",
        lambda token: token[:-1] + "т",
        lambda token: token[:4] + "٣" + token[5:],
        lambda token: "ab_" + "0" * 100_000,
    ],
)
def test_what_is_no_token_has_no_id(change):
    """Nothing is looked up for it."""
    assert split(change(new_token()[0])) is None
