"""From answers to what they mean; whatever is not as the API has it is an `UnexpectedAnswer`."""

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from appealbus.client.errors import UnexpectedAnswer
from appealbus.client.models import State, Why
from appealbus.client.results import Alarms, Dossier, FeedEntry, FeedPage, Found, History, Submitted
from appealbus.client.wire import Answer

T = TypeVar("T")


def reader(read: Callable[[Answer], T]) -> Callable[[Answer], T]:
    """Return the same function, which tells of a missing or strange field as an `UnexpectedAnswer`."""

    def guarded(answer: Answer) -> T:
        try:
            return read(answer)
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            # Without the error's text, which may quote the answer.
            raise UnexpectedAnswer(f"the answer is not what it should be: {type(error).__name__}") from None

    return guarded


def document(answer: Answer) -> Any:
    """Return the JSON of an answer."""
    if not (answer.media_type == "application/json" or answer.media_type.endswith("+json")):
        raise TypeError
    return json.loads(answer.body)


def table(answer: Answer) -> Any:
    """Return the JSON object of an answer, which has the type that its call says."""
    return dict[str, Any](document(answer).items())


def rows(answer: Answer) -> list[Any]:
    """Return the JSON list of an answer, which may be the only list of an object."""
    said = document(answer)
    if isinstance(said, dict):
        (said,) = (value for value in said.values() if isinstance(value, list))
    if not isinstance(said, list):
        raise TypeError
    return said


def content(answer: Answer) -> bytes:
    """Return the body of an answer."""
    return answer.body


def submitted(answer: Answer) -> Submitted:
    """Return what became of a message."""
    location = answer.headers.get("location", "")
    return Submitted(answer.status == 201, location.rpartition("/")[2] or None, table(answer))


def state(answer: Answer) -> State:
    """Return how an appeal stands."""
    state: State = table(answer)
    return {**state, "id": str(state["id"])}


def found(answer: Answer) -> Found:
    """Return a page of what was found."""
    said = table(answer)
    return Found(list(said["appeals"]), said.get("next"))


def why(answer: Answer) -> Why:
    """Return what is missing."""
    why: Why = table(answer)
    return {**why, "gaps": list(why["gaps"])}


def alarms(answer: Answer) -> Alarms:
    """Return a page of alarms."""
    said = table(answer)
    return Alarms(list(said["alarms"]), said.get("next"))


def history(answer: Answer) -> History:
    """Return a page of what happened."""
    said = table(answer)
    return History(list(said["entries"]), said.get("next"))


def dossier(answer: Answer) -> Dossier:
    """Return a version of a dossier."""
    said = table(answer)
    return Dossier(int(said["version"]), answer.headers.get("etag", ""), said)


def feed_page(answer: Answer) -> FeedPage:
    """Return a page of the feed."""
    said = table(answer)
    return FeedPage([entry(row) for row in said["entries"]], said["next"], said["position"], said["lag"])


def entry(said: Mapping[str, Any]) -> FeedEntry:
    """Return an entry of the feed."""
    completeness, kind = said.get("completeness"), said.get("kind")
    return FeedEntry(said["position"], said["id"], said["version"], said["epoch"], completeness, kind, said["at"])
