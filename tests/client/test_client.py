"""The client over real HTTP: what it sends, what it makes of answers, and when it ends."""

import inspect
import logging
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import httpx
import pytest

from appealbus.client import (
    AsyncClient,
    Cache,
    Client,
    CursorAhead,
    Damaged,
    Differs,
    FeedRestart,
    Invalid,
    NotAllowed,
    Problem,
    PurposeMissing,
    Quarantined,
    Retries,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    UnexpectedAnswer,
    Unknown,
    Unreachable,
    errors,
)
from tests.client.conftest import QUICK, Ask
from tests.client.scripted import Asked, Told, problem, scripted

ID = "0192b3c4-0000-8000-8000-000000000001"
SECRET = "Сыртқы"
RECEIPT = {"number": "AB-1", "accepted_at": "2026-02-03T04:05:06Z", "message_id": "m-1", "channel": "letters"}
DOSSIER = {"number": "AB-1", "version": 3, "appeal": {"text": SECRET}}
ENTRY = {
    "position": "1.7",
    "id": ID,
    "version": 3,
    "epoch": 1,
    "completeness": "partial",
    "kind": "complaint",
    "at": "t",
}
PAGE = {"entries": [ENTRY], "next": "1.7", "position": "1.7", "lag": 0}
APPEAL = {"message_id": "m-1", "kind": "complaint", "applicant": {"type": "person"}}


async def test_a_message_keeps_its_id_over_all_tries(ask: Ask) -> None:
    """After no answer it is sent again as one that was sent before; the receipt says where the appeal is."""
    made = Told(201, RECEIPT, {"Location": f"/v1/appeals/{ID}"})
    with scripted([Told(0), Told(503), made]) as server:
        (done,) = await ask(server.url, ("submit", APPEAL))
    assert (done.new, done.id, done.receipt) == (True, ID, RECEIPT)
    assert [each.headers["idempotency-key"] for each in server.asked] == ['"m-1"'] * 3
    assert [each.headers.get("appealbus-again") for each in server.asked] == [None, "?1", "?1"]
    assert [(each.method, each.path) for each in server.asked] == [("POST", "/v1/appeals")] * 3
    assert len({each.body for each in server.asked}) == 1


@pytest.mark.parametrize(("status", "again"), [(502, "?1"), (504, "?1"), (503, None), (429, None)])
async def test_a_proxy_may_say_that_an_answer_is_lost(ask: Ask, status: int, again: str | None) -> None:
    """Behind one a server that died over a message is 502 or 504: the message comes back as one sent before."""
    with scripted([Told(status), Told(201, RECEIPT)]) as server:
        await ask(server.url, ("submit", APPEAL))
    assert [each.headers.get("appealbus-again") for each in server.asked] == [None, again]


async def test_a_message_without_an_id_gets_one(ask: Ask) -> None:
    """The same for all tries; bytes may hold one that nobody read, and get none."""
    with scripted([Told(503), Told(200, RECEIPT), Told(200, RECEIPT)]) as server:
        first, _ = await ask(server.url, ("change", {"type": "change"}), ("submit", b"<appeal/>"))
    assert (first.new, first.id) == (False, None)
    one, two, three = (each.headers.get("idempotency-key") for each in server.asked)
    assert one is not None
    assert one == two
    assert UUID(one.strip('"'))
    assert three is None
    assert [each.headers["content-type"] for each in server.asked][1:] == ["application/json", "application/xml"]
    assert server.asked[0].path == "/v1/changes"


@pytest.mark.parametrize("id_", ['a "quoted" \\ id', "жалоба № 7"])
async def test_an_id_of_any_characters_arrives(ask: Ask, id_: str) -> None:
    """In a header as a string of structured fields, or else in the message alone."""
    with scripted([Told(201, RECEIPT)]) as server:
        await ask(server.url, ("submit", {**APPEAL, "message_id": id_}))
    (asked,) = server.asked
    expected = '"a \\"quoted\\" \\\\ id"' if id_.isascii() else None
    assert asked.headers.get("idempotency-key") == expected
    assert id_.encode().replace(b"\\", b"\\\\").replace(b'"', b'\\"') in asked.body
    with pytest.raises(ValueError, match="in the message alone"):
        Client("http://127.0.0.1:1").submit(b"{}", message_id="№")


async def test_a_dossier_that_has_not_changed_does_not_travel_again(ask: Ask) -> None:
    """It is asked for with its ETag; what changed is kept anew; a client that keeps nothing asks without."""

    def answer(asked: Asked) -> Told:
        if asked.headers.get("if-none-match") == '"a"':
            return Told(304, headers={"ETag": '"a"'})
        return Told(200, DOSSIER, {"ETag": '"a"'})

    with scripted([answer]) as server:
        first, second = await ask(server.url, ("dossier", ID), ("dossier", ID))
        assert [each.headers.get("if-none-match") for each in server.asked] == [None, '"a"']
        await ask(server.url, ("dossier", ID), ("dossier", ID), cache=Cache(entries=0))
        assert [each.headers.get("if-none-match") for each in server.asked][2:] == [None, None]
        await ask(server.url, ("dossier", ID), ("dossier", ID, 3))
        assert [each.headers.get("if-none-match") for each in server.asked][4:] == [None, None]
    assert first == second
    assert (first.version, first.etag, first.document) == (3, '"a"', DOSSIER)


async def test_an_answer_that_cannot_be_read_is_not_kept(ask: Ask) -> None:
    """The next call asks for it anew, and does not fail by what was kept for as long as nothing changes."""
    cache = Cache()
    with scripted([Told(200, b"{", {"ETag": '"a"'}), Told(200, DOSSIER, {"ETag": '"a"'})]) as server:
        with pytest.raises(UnexpectedAnswer):
            await ask(server.url, ("dossier", ID), cache=cache)
        (found,) = await ask(server.url, ("dossier", ID), cache=cache)
    assert found.version == 3
    assert "if-none-match" not in server.asked[1].headers


def test_what_is_kept_is_bounded() -> None:
    """By number and by bytes; the least recently used goes."""
    cache = Cache(entries=2, size=100)

    def answer(size: int) -> Any:
        return errors.Answer(200, {"etag": "x"}, b"x" * size)

    for name in "abc":
        cache.keep((name,), answer(10))
    assert [cache.get((name,)) is not None for name in "abc"] == [False, True, True]
    cache.keep(("d",), answer(95))
    assert [cache.get((name,)) is not None for name in "bcd"] == [False, False, True]
    cache.keep(("e",), answer(101))
    assert cache.get(("e",)) is None
    assert cache.get(("d",)) is not None


PROBLEMS = [
    (problem("invalid", 400, errors=[{"where": "query limit", "what": "too large"}]), Invalid),
    (problem("cursor-ahead", 400), CursorAhead),
    (problem("unauthenticated", 401), Unauthenticated),
    (problem("not-allowed", 403), NotAllowed),
    (problem("purpose-missing", 403), PurposeMissing),
    (problem("unknown", 404), Unknown),
    (problem("message-differs", 409, quarantine_id=4, code="message.differs"), Differs),
    (problem("cursor-gone", 410, restart="2.5"), FeedRestart),
    (problem("damaged", 410), Damaged),
    (problem("quarantined", 422, quarantine_id=5, code="json.malformed"), Quarantined),
    (problem("rate-limited", 429), TooManyRequests),
    (problem("unavailable", 503), Unavailable),
    (Told(500, b"<html>", {"Content-Type": "text/html"}), Unavailable),
    (Told(302, b"", {"Location": "http://127.0.0.1:9/"}), Invalid),
    (Told(404, b"{", {"Content-Type": "application/problem+json"}), Unknown),
]


@pytest.mark.parametrize(
    ("told", "kind"), PROBLEMS, ids=lambda each: getattr(each, "__name__", str(getattr(each, "status", "")))
)
async def test_a_problem_is_an_exception_of_its_type(ask: Ask, told: Told, kind: type[Problem]) -> None:
    """With what the server says; redirections are not followed, for the token would go with them."""
    with scripted([told]) as server, pytest.raises(Problem) as caught:
        await ask(server.url, ("feed", "1.1"))
    assert type(caught.value) is kind
    assert caught.value.status == told.status
    if isinstance(caught.value, FeedRestart):
        assert caught.value.restart == "2.5"
    if isinstance(caught.value, Quarantined):
        assert (caught.value.quarantine_id, caught.value.code) == (5, "json.malformed")
    assert len(server.asked) == (3 if told.status in {429, 503} else 1)


@pytest.mark.parametrize(
    "told",
    [
        Told(200, b"<html>", {"Content-Type": "text/html"}),
        Told(200, b"[1]"),
        Told(200, b"{"),
        Told(200, b"[" * 100_000),
        Told(200, {"entries": [{"position": "1.1"}], "next": "1.1", "position": "1.1", "lag": 0}),
    ],
)
async def test_a_strange_answer_is_told_without_its_content(ask: Ask, told: Told) -> None:
    """As one that is none of this API's."""
    with scripted([told]) as server, pytest.raises(UnexpectedAnswer) as caught:
        await ask(server.url, ("feed",))
    assert len(str(caught.value)) < 100


async def test_tries_end(ask: Ask) -> None:
    """Where nobody listens, where answers break off, where one never ends."""
    torn = Told(200, raw=b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")
    with scripted([torn]) as server:
        with pytest.raises(Unreachable, match="3 tries: RemoteProtocolError"):
            await ask(server.url, ("feed",))
        assert len(server.asked) == 3
    with pytest.raises(Unreachable, match="ConnectError"):
        await ask(server.url, ("feed",))


async def test_the_server_says_how_long_to_wait(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """And is heard, up to a limit; beyond that the error comes at once."""
    late = problem("rate-limited", 429)
    with scripted([Told(late.status, late.body, {**late.headers, "Retry-After": "1"}), Told(200, PAGE)]) as server:
        waited = paused(monkeypatch)
        await ask(server.url, ("feed",))
        assert [1 <= each <= 1.001 for each in waited] == [True]
    with scripted([Told(late.status, late.body, {**late.headers, "Retry-After": "6"})]) as server:
        with pytest.raises(TooManyRequests):
            await ask(server.url, ("feed",))
        assert len(server.asked) == 1


def paused(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Have both clients not wait, but say how long they would have. Whoever else is here sleeps as ever."""
    found: list[float] = []

    async def note(seconds: float) -> None:
        found.append(seconds)

    monkeypatch.setattr("appealbus.client.sync.time", SimpleNamespace(sleep=found.append))
    monkeypatch.setattr("appealbus.client.asynchronous.asyncio", SimpleNamespace(sleep=note))
    return found


def test_pauses_are_random_and_grow() -> None:
    """Full jitter: anything between nothing and twice as much each time, up to a limit."""
    retries = Retries(tries=9, base=1, most=4)
    longest = [max(retries.pause(tried, None) or 0 for _ in range(300)) for tried in (1, 2, 3, 4)]
    shortest = [min(retries.pause(tried, None) or 0 for _ in range(300)) for tried in (1, 2, 3, 4)]
    assert [high > 0.8 * limit for high, limit in zip(longest, (1, 2, 4, 4), strict=True)] == [True] * 4
    assert max(longest) <= 4
    assert max(shortest) < 0.8
    assert retries.pause(9, None) is None


@pytest.mark.parametrize(
    ("said", "least", "most"),
    [("7", 7, 7), ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0), ("soon", 0, 0), ("-1", 0, 0), ("9" * 400, 0, 0), ("", 0, 0)],
)
def test_a_strange_wish_to_wait_is_none(said: str, least: float, most: float) -> None:
    """Seconds and dates are understood; what is neither counts as nothing."""
    from appealbus.client.retrying import retry_after

    assert least <= retry_after(errors.Answer(429, {"retry-after": said}, b"")) <= most


async def test_every_call_is_what_the_api_knows(ask: Ask) -> None:
    """Paths and queries by name; numbers in bodies alone; a purpose as a header can carry it."""

    def answer(asked: Asked) -> Told:
        path = asked.path.partition("?")[0]
        by_end: dict[str, Any] = {"find": {"appeals": [{"id": ID}], "next": None}, "versions": [{"version": 1}]}
        by_end |= {
            "why": {"gaps": []},
            "term": {"terms": []},
            "terms": {"appeals": [], "next": "739943.5"},
            "repeats": {"compared": []},
            "report": {"rows": []},
            "surges": {"week": {}},
            "alarms": {"alarms": [{"id": 7}], "next": 7},
            "7": {"id": 7, "appeals": [ID]},
            "explain": {"fields": []},
            "history": {"entries": []},
            "readers": {"readers": []},
        }
        by_end |= {"difference": [{"op": "remove", "path": "/a"}], "feed": PAGE, "dossier": DOSSIER, "4": DOSSIER}
        return Told(200, by_end.get(path.rpartition("/")[2], {"id": ID}))

    calls = [
        ("find", {"iin": "120101500006"}),
        ("state", ID),
        ("dossier", ID),
        ("dossier", ID, 4),
        ("dossier_xml", ID),
        ("versions", ID),
        ("difference", ID, 4, 2),
        ("why", ID),
        ("term", ID),
        ("repeats", ID),
        ("explain", ID, "gbdfl.person/surname", 4),
        ("history", ID),
        ("feed", "1.7"),
        ("me",),
        ("readers",),
        ("terms", {"until": "2026-12-05", "body": "940340000421"}),
        ("report", {"since": "2026-01-01", "by": "district"}),
        ("surges",),
        ("alarms",),
        ("alarm", 7),
    ]
    with scripted([answer]) as server:
        results = await ask(server.url, *calls, purpose="тексеру: 1")
    of = f"/v1/appeals/{ID}"
    assert [each.path for each in server.asked] == [
        "/v1/appeals/find",
        of,
        f"{of}/dossier",
        f"{of}/versions/4",
        f"{of}/dossier",
        f"{of}/versions",
        f"{of}/versions/4/difference?from=2",
        f"{of}/why",
        f"{of}/term",
        f"{of}/repeats",
        f"{of}/explain?field=gbdfl.person%2Fsurname&version=4",
        f"{of}/history?limit=100",
        "/v1/feed?wait=0&limit=100&after=1.7",
        "/v1/me",
        "/v1/feed/readers",
        "/v1/terms?until=2026-12-05&body=940340000421&limit=100",
        "/v1/report?since=2026-01-01&by=district",
        "/v1/surges",
        "/v1/surges/alarms?limit=100",
        "/v1/surges/alarms/7",
    ]
    assert results[15].next == "739943.5"
    assert (results[16], results[17]) == ({"rows": []}, {"week": {}})
    assert (results[18].alarms, results[18].next, results[19]["appeals"]) == ([{"id": 7}], 7, [ID])
    assert server.asked[0].body == b'{"iin": "120101500006", "limit": 100}'
    assert server.asked[0].headers["appealbus-purpose"] == "%D1%82%D0%B5%D0%BA%D1%81%D0%B5%D1%80%D1%83%3A%201"
    assert {each.headers["authorization"] for each in server.asked} == {"Bearer ab_0_x"}
    assert server.asked[4].headers["accept"] == "application/xml"
    assert results[0].appeals == [{"id": ID}]
    assert results[5] == [{"version": 1}]
    assert results[12].entries[0].id == ID


async def test_a_number_does_not_get_into_an_address(ask: Ask) -> None:
    """What is no id is refused before anything is sent, and not quoted."""
    with pytest.raises(ValueError, match="named by its id") as caught:
        await ask("http://127.0.0.1:1", ("dossier", "120101500006"))
    assert "120101500006" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://bus.example", "bus.example", "ftp://127.0.0.1", "https://a:b@bus.example"])
def test_a_token_goes_nowhere_in_clear(url: str) -> None:
    """Without TLS only to this machine; addresses that are none are refused."""
    for kind in (Client, AsyncClient):
        with pytest.raises(ValueError, match="https://"):
            kind(url, "ab_0_x")


async def test_a_token_is_read_anew_for_each_request(ask: Ask) -> None:
    """So that one that was rotated counts without a restart."""
    tokens = iter(["ab_1_x", "ab_2_x"])
    with scripted([Told(200, PAGE)]) as server:
        await ask(server.url, ("feed",), ("feed",), token=lambda: next(tokens))
    assert [each.headers["authorization"] for each in server.asked] == ["Bearer ab_1_x", "Bearer ab_2_x"]


async def test_no_proxy_gets_what_is_in_clear(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the environment says of proxies: a server of this machine is asked directly."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with scripted([Told(200, PAGE)]) as server, scripted([Told(200, PAGE)]) as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        await ask(server.url, ("feed",))
    assert (len(server.asked), proxy.asked) == (1, [])


async def test_a_token_may_be_a_line_of_a_file(ask: Ask) -> None:
    """What ends the line is not part of the token."""
    with scripted([Told(200, PAGE)]) as server:
        await ask(server.url, ("feed",), token=lambda: "ab_1_x\n")
        await ask(server.url, ("feed",), token="ab_2_x\r\n")
    assert [each.headers["authorization"] for each in server.asked] == ["Bearer ab_1_x", "Bearer ab_2_x"]


async def test_nothing_of_a_dossier_is_printed_or_logged(ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
    """Neither what is read nor what is sent, nor the token."""
    caplog.set_level(logging.DEBUG)
    with scripted([Told(201, RECEIPT), Told(200, DOSSIER, {"ETag": '"a"'})]) as server:
        done = await ask(server.url, ("submit", {**APPEAL, "text": SECRET}), ("dossier", ID))
    seen = caplog.text + repr(done) + repr(Client(server.url, "ab_0_x")._target)
    assert SECRET not in seen
    assert "ab_0_x" not in seen
    assert "Dossier(version=3" in seen


def test_follow_goes_on_from_each_page() -> None:
    """Without an end, with the filters that were given; a restart is told by an exception."""
    second = {"entries": [], "next": "1.8", "position": "1.8", "lag": 0}
    answers = [Told(200, PAGE), Told(200, second), problem("cursor-gone", 410, restart="2.1")]
    with scripted(answers) as server, Client(server.url, retries=QUICK) as client:
        pages = client.follow("1.1", wait=1, places=["27"])
        assert [next(pages).next, next(pages).next] == ["1.7", "1.8"]
        with pytest.raises(FeedRestart):
            next(pages)
    queries = [each.path.partition("?")[2] for each in server.asked]
    assert queries == [f"wait=1&limit=100&place=27&after={after}" for after in ("1.1", "1.7", "1.8")]


async def test_follow_is_the_same_for_a_loop() -> None:
    """With `async for`."""
    with scripted([Told(200, PAGE)]) as server:
        async with AsyncClient(server.url) as client:
            async for page in client.follow():
                assert page.entries[0].version == 3
                break


def test_both_clients_have_the_same_methods() -> None:
    """With the same arguments; a method that one of them lacks would be missed late."""

    def methods(kind: type) -> dict[str, list[str]]:
        public = {name: each for name, each in vars(kind).items() if not name.startswith("_")}
        return {name: [*inspect.signature(each).parameters] for name, each in public.items()}

    assert methods(Client) == methods(AsyncClient)
    assert len(methods(Client)) > 12


async def test_an_answer_that_is_too_large_is_let_go(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before it is in memory."""
    monkeypatch.setattr("appealbus.client.target._LARGEST", 1000)
    with scripted([Told(200, b"x" * 2000)]) as server, pytest.raises(UnexpectedAnswer, match="more than 1000 bytes"):
        await ask(server.url, ("me",))


async def test_an_answer_that_drips_ends(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the time of the whole try, although each part comes in time."""
    clock = iter(range(0, 10_000, 3))
    monkeypatch.setattr("appealbus.client.target.monotonic", lambda: next(clock))
    with scripted([Told(200, b"x" * 300_000)]) as server, pytest.raises(Unreachable, match="ReadTimeout"):
        await ask(server.url, ("me",))
    assert issubclass(httpx.ReadTimeout, httpx.RequestError)
