"""What can go wrong, as exceptions. Their texts are the server's own or ours, and hold nothing of a dossier."""

import json
from collections.abc import Mapping
from typing import Any

from appealbus.client.wire import Answer


class ClientError(Exception):
    """The root of all errors of this package."""


class Unreachable(ClientError):
    """No answer came, however often it was tried. What was submitted may be on disk: submit it again under its id."""


class UnexpectedAnswer(ClientError):
    """The answer is none of this API's: too large, or not what it should be. A proxy may have sent it."""


class Problem(ClientError):
    """The server answered with a problem (RFC 9457).

    Attributes:
        status: of HTTP.
        type: the problem's type, a path with a page of its own: `/problems/unknown`; `about:blank` where it has none.
        title: in a few words.
        detail: what is wrong in this case.
        members: what else the problem says, for programs.

    """

    def __init__(self, status: int, type: str, title: str, detail: str, members: Mapping[str, Any]) -> None:
        super().__init__(f"{title}: {detail} ({status})" if detail else f"{title} ({status})")
        self.status = status
        self.type = type
        self.title = title
        self.detail = detail
        self.members = dict(members)


class Invalid(Problem):
    """400 and other statuses that say that the request itself is wrong: `members["errors"]` says where."""


class CursorAhead(Problem):
    """400: nobody was ever given this cursor."""


class Unauthenticated(Problem):
    """401: the credentials do not count, or are missing."""


class NotAllowed(Problem):
    """403: the role does not allow it."""


class PurposeMissing(NotAllowed):
    """403: who reads this has to say what for."""


class Unknown(Problem):
    """404: there is no such thing, or none that this client may see."""


class Damaged(Problem):
    """410: what the bus keeps of this version is damaged. To ask again does not help; others are not touched."""


class FeedRestart(Problem):
    """410: nobody can go on from this cursor. What follows it is deleted, or the journal was restored.

    Attributes:
        restart: the cursor to start again from; what was read behind it may come once more, and be otherwise.

    """

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.restart = str(self.members.get("restart", ""))


class NotTaken(Problem):
    """The message was not taken; it is kept in quarantine.

    Attributes:
        quarantine_id: under which it is kept; None where the server does not say.
        code: a stable word for the reason.

    """

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        kept = self.members.get("quarantine_id")
        self.quarantine_id = kept if isinstance(kept, int) else None
        self.code = str(self.members.get("code", ""))


class Differs(NotTaken):
    """409: a message came under this id before and said something else."""


class Quarantined(NotTaken):
    """422: the message cannot be read as what it should be; sending it again unchanged changes nothing."""


class TooManyRequests(Problem):
    """429, after all tries: the client is over its limit."""


class Unavailable(Problem):
    """5xx, after all tries: the server cannot now, or failed."""


_BY_TYPE: Mapping[str, type[Problem]] = {
    "/problems/cursor-ahead": CursorAhead,
    "/problems/cursor-gone": FeedRestart,
    "/problems/damaged": Damaged,
    "/problems/message-differs": Differs,
    "/problems/purpose-missing": PurposeMissing,
    "/problems/quarantined": Quarantined,
}
_BY_STATUS: Mapping[int, type[Problem]] = {
    401: Unauthenticated,
    403: NotAllowed,
    404: Unknown,
    429: TooManyRequests,
}
_LONGEST = 1000
"""Characters of a text that a stranger may have sent: a problem has two sentences."""


def problem_of(answer: Answer) -> Problem:
    """Return the exception for an answer that is no success."""
    said = _said(answer)
    name = str(said.pop("type", "about:blank"))[:_LONGEST]
    title = str(said.pop("title", "") or "the server answered with an error")[:_LONGEST]
    detail = str(said.pop("detail", ""))[:_LONGEST]
    said.pop("status", None)
    default = Unavailable if answer.status >= 500 else Invalid
    made = _BY_TYPE.get(name) or _BY_STATUS.get(answer.status, default)
    return made(answer.status, name, title, detail, said)


def _said(answer: Answer) -> dict[str, Any]:
    if not answer.media_type.endswith("/problem+json"):
        return {}
    try:
        said = json.loads(answer.body)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
