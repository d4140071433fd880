"""Every answer in the shapes that were published or seen ends in the record or the outcome that the corpus says."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from appealbus.core import Source
from tests.plugins.corpus.kit import CALL, QUERIES, Gateway, lookup_of, put, wire_to

ANSWERS = tomllib.loads((Path(__file__).parent / "answers.toml").read_text(encoding="utf-8"))["answer"]


@pytest.mark.parametrize("told", ANSWERS, ids=[each["name"] for each in ANSWERS])
@pytest.mark.parametrize("replies", ["strict", "lenient", "off"])
async def test_answer(told: dict[str, Any], replies: str, gateway: Gateway) -> None:
    """The answer is read as the corpus says, however strictly it is compared with the contract."""
    gateway.told = told
    ended = await put(gateway, lookup_of(told), QUERIES[told["asks"]], told.get("source", {}), replies)
    kind, code, record, notes = ended
    if replies == "strict" and "strict" in told:
        assert (kind, code) == ("invalid", told["strict"])
        return
    assert (kind, code) == (told.get("kind", "found"), told.get("code", ""))
    for path, value in told.get("record", {}).items():
        assert text_at(record, path) == value, path
    assert sorted(notes.unreadable) == told.get("unreadable", [])


@pytest.mark.parametrize(("named", "tied"), [("children in data, unsigned, no", True), ("no requestId", False)])
async def test_the_id_of_the_question_ties_an_answer(named: str, tied: bool, gateway: Gateway) -> None:
    """Over a connection that has carried another question nothing else does."""
    gateway.told = next(told for told in ANSWERS if told["name"].startswith(named))
    lookup = lookup_of(gateway.told)
    async with wire_to(gateway) as wire:
        for _ in range(2):
            source = Source("gbdfl", wire, CALL, lenient=True)
            assert (await lookup.ask(QUERIES["gbdfl.person"], source)).record is not None
    (reply,) = source.replies
    assert reply.correlated is tied


def text_at(record: Any, path: str) -> str:
    """Return the value at a path of a record as text; `#` is how many there are."""
    at = record
    for step in path.split("."):
        at = len(at) if step == "#" else at[int(step)] if step.isdigit() else getattr(at, step)
    return "" if at is None else str(at)
