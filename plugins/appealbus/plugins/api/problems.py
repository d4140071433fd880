"""What can be wrong, as RFC 9457 tells it: each type has a name, a status and a page of its own."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from appealbus.core import PageRefused

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class ProblemType:
    """A type of problem.

    Attributes:
        name: the last part of its URI, `/problems/NAME`.
        status: of the answer.
        title: in a few words.
        about: what it means, and what a client does about it.
        headers: that such an answer has beside the usual ones.
        members: that the problem has beside the usual ones, each with what it says.

    """

    name: str
    status: int
    title: str
    about: str
    headers: tuple[str, ...] = ()
    members: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def uri(self) -> str:
        """Its URI, relative to the server."""
        return f"/problems/{self.name}"


class Problem(PageRefused):
    """A request cannot be answered as it was meant.

    Args:
        kind: of what type the problem is.
        detail: what is wrong in this case; never quotes what the client has sent.
        headers: of the answer.
        members: more for programs.

    """

    def __init__(
        self, kind: ProblemType, detail: str, *, headers: Mapping[str, str] | None = None, **members: Any
    ) -> None:
        super().__init__(kind.status, kind.name, detail, headers)
        self.kind = kind
        self.members = members

    def as_json(self) -> dict[str, Any]:
        """Return it as the body of an answer."""
        kind = self.kind
        head = {"type": kind.uri, "title": kind.title, "status": kind.status, "detail": str(self)}
        return {**head, **self.members}


_QUARANTINE = {"quarantine_id": "under which the message is kept", "code": "a stable word for the reason"}
_RETRY = ("Retry-After",)

UNAUTHENTICATED = ProblemType(
    "unauthenticated",
    401,
    "No valid credentials",
    "The request has no credentials, or they do not count: unknown, wrong, expired or revoked; which of these is not "
    "said. Send `Authorization: Bearer TOKEN`, or show a certificate. `appealbus client list` shows what counts.",
    ("WWW-Authenticate",),
)
TOO_MANY_ATTEMPTS = ProblemType(
    "too-many-attempts",
    429,
    "Too many failed attempts",
    "From this address came too many credentials that do not count. None are looked at until the minute is over.",
    _RETRY,
)
NOT_ALLOWED = ProblemType(
    "not-allowed",
    403,
    "The role does not allow it",
    "What a client may do follows from its role; docs/api.md has the table. It is not a matter of trying again.",
)
PURPOSE_MISSING = ProblemType(
    "purpose-missing",
    403,
    "A purpose is required",
    "Who reads this has to say what for, in the header `Appealbus-Purpose`: 1 to 500 characters, UTF-8, "
    "percent-encoded. The purpose is noted with the read.",
)
FOREIGN_CHANNEL = ProblemType(
    "foreign-channel",
    403,
    "Another channel's message",
    "The message names another channel than the client's own. Nothing of it is kept. Leave `channel` out.",
)
UNKNOWN = ProblemType(
    "unknown",
    404,
    "There is no such thing",
    "There is no such appeal, version or field, or it is none that this client may see: the two are not told apart.",
)
DAMAGED = ProblemType(
    "damaged",
    410,
    "What is kept of it is damaged",
    "The journal has the version, but cannot read it any more, and to ask again does not help. Others are not touched: "
    "go on, and note that this one is missing. Its operator finds it in the log, and may restore it.",
)
FIELD_HIDDEN = ProblemType(
    "field-hidden",
    403,
    "The field is hidden",
    "The client's mask hides this field, whether it is there or not. `/v1/me` tells what the mask hides.",
)
NO_SUCH_PATH = ProblemType(
    "no-such-path",
    404,
    "There is no such path",
    "Nothing lies under this path. `/openapi.json` has all paths, `/docs` shows them.",
)
WRONG_METHOD = ProblemType(
    "wrong-method",
    405,
    "The path does not know this method",
    "The header `Allow` has the methods of this path.",
    ("Allow",),
)
NOT_ACCEPTABLE = ProblemType(
    "not-acceptable",
    406,
    "There is no such form of it",
    "What the header `Accept` asks for is not offered: dossiers come as JSON, and where nothing is hidden as XML.",
)
TOO_SLOW = ProblemType(
    "too-slow",
    408,
    "The body took too long",
    "The body of the request did not come in time. Nothing of it is kept. Send it again, under the same id.",
)
TOO_LARGE = ProblemType(
    "too-large",
    413,
    "The message is too large",
    "A message has at most 4 MiB, and other bodies 64 KiB. Nothing of it is kept. Attachments travel by reference.",
)
WRONG_MEDIA_TYPE = ProblemType(
    "wrong-media-type",
    415,
    "The media type is not read here",
    "Messages are `application/json` or `application/xml`, searches are `application/json`. Encodings of the content, "
    "such as gzip, are not read.",
)
INVALID = ProblemType(
    "invalid",
    400,
    "The request is not well formed",
    "A parameter, a header or the body is missing, superfluous or malformed. `errors` says which and what is wrong.",
    members={"errors": "a list of `{where, what}`"},
)
NOT_A_DAY = ProblemType(
    "not-a-day",
    422,
    "Not a day",
    "A parameter has to be a day of the calendar, written as `2026-12-05`: no number, and no time of the day.",
)
BAD_HTTP = ProblemType(
    "bad-http",
    400,
    "This is not HTTP",
    "The request breaks HTTP/1.1, or its head is larger than 16 KiB; both `Content-Length` and `Transfer-Encoding` "
    "are one such case, and two `Authorization` another. The connection is closed.",
)
HTTP_VERSION = ProblemType(
    "http-version",
    505,
    "Not a version of HTTP that is spoken here",
    "The server speaks HTTP/1.0 and HTTP/1.1. The connection is closed.",
)
IDS_DIFFER = ProblemType(
    "ids-differ",
    400,
    "Two ids for one message",
    "`Idempotency-Key` and the `message_id` of the body are the same id; where both are given they must agree. Nothing "
    "is kept.",
)
OTHER_KIND = ProblemType(
    "other-kind",
    400,
    "Not the place for this message",
    'Appeals are put in at `/v1/appeals`, changes, which have `"type": "change"`, at `/v1/changes`. Nothing is kept.',
)
CURSOR_AHEAD = ProblemType(
    "cursor-ahead",
    400,
    "The cursor is beyond the end",
    "Nobody was ever given this cursor. Use cursors as they came, from this journal.",
)
CURSOR_GONE = ProblemType(
    "cursor-gone",
    410,
    "Nobody can go on from this cursor",
    "What follows it is deleted, or the journal was restored from before it. Start again from `restart`: what was read "
    "behind that may come once more, and may have become otherwise.",
    members={"restart": "the cursor to start again from", "code": "a stable word for the reason"},
)
DIFFERS = ProblemType(
    "message-differs",
    409,
    "The id belongs to another message",
    "A message came under this id before and said something else. This one is kept in quarantine. What corrects the "
    "first is a change of the kind `corrected`, by `POST /v1/changes`; another letter comes under an id of its own.",
    members=_QUARANTINE,
)
CONFLICT = ProblemType(
    "conflict",
    409,
    "The appeal stands otherwise",
    "Nothing is changed: the appeal is held already, is not held, or a worker has it right now. Look how it stands.",
)
QUARANTINED = ProblemType(
    "quarantined",
    422,
    "The message cannot be taken",
    "The message cannot be read as what it should be. It is kept in quarantine with its reason, and an operator can "
    "replay it. To send it again as it is changes nothing.",
    members=_QUARANTINE,
)
RATE_LIMITED = ProblemType(
    "rate-limited",
    429,
    "Too many requests",
    "The client has used up its requests of this minute, over all servers. Wait for the seconds of `Retry-After`.",
    _RETRY,
)
TOO_MANY_WAITING = ProblemType(
    "too-many-waiting",
    429,
    "Too many streams and long polls",
    "The client has too many of them open here. End some; one is enough for a reader of the feed.",
    _RETRY,
)
UNAVAILABLE = ProblemType(
    "unavailable",
    503,
    "Not now",
    "The journal does not answer, or the server ends, is full, or takes too long over what was asked. Nothing is lost: "
    "try again after the seconds of `Retry-After`; a message under the same id.",
    _RETRY,
)
DEFECT = ProblemType(
    "defect",
    500,
    "A defect of the server",
    "The server failed over the request. Its log says where. A message may be sent again under the same id.",
)


def unavailable(detail: str, seconds: int = 5) -> Problem:
    """Return that the server cannot do it now; a client tries again after so many seconds."""
    return Problem(UNAVAILABLE, detail, headers={"Retry-After": str(seconds)})


def invalid(detail: str, where: str, what: str) -> Problem:
    """Return that one part of the request is not well formed: which, and what is wrong with it."""
    return Problem(INVALID, detail, errors=[{"where": where, "what": what}])


def all_types() -> Iterator[ProblemType]:
    """Go through the types of problems, by name."""
    found = [each for each in globals().values() if isinstance(each, ProblemType)]
    yield from sorted(found, key=lambda each: each.name)


BY_NAME = {each.name: each for each in all_types()}
