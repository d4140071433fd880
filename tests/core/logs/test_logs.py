"""Log lines: what they say, and that personal data never gets into one."""

import ast
import io
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from appealbus.core.errors import ConfigError
from appealbus.core.interfaces.wire import CallFailed
from appealbus.core.logs import configure
from appealbus.core.logs.redact import KEYS
from appealbus.core.logs.setup import LogFormat, LogLevel
from appealbus.schemas.outcome import OutcomeKind

SURNAME = "Әлімжанов"
IIN = "900101100013"
PARCEL = "01-017-004-1505"
log = structlog.get_logger(__name__)


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    """Put logging back as it was."""
    root = logging.getLogger()
    handlers, level, hook = root.handlers[:], root.level, sys.excepthook
    yield
    logging.captureWarnings(False)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    root.handlers[:], sys.excepthook = handlers, hook
    root.setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.fixture
def out() -> io.StringIO:
    """Return the stream that JSON lines go to."""
    stream = io.StringIO()
    configure(LogLevel.DEBUG, LogFormat.AUTO, stream)
    return stream


def test_a_line_is_a_json_object_with_time_level_and_event(out: io.StringIO) -> None:
    """A stream that is no terminal gets one JSON object a line."""
    with structlog.contextvars.bound_contextvars(number="ЖТ-2026-00000017"):
        log.info(
            "appeal.enriched", version=2, duration_ms=0.25, outcomes={OutcomeKind.FOUND: 3, "timed_out": 1}, code="A1"
        )
    (line,) = lines(out)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "level": "info",
        "event": "appeal.enriched",
        "number": "ЖТ-2026-00000017",
        "version": 2,
        "duration_ms": 0.25,
        "outcomes": {"found": 3, "timed_out": 1},
        "code": "A1",
    }


def test_unknown_keys_are_redacted_and_named(out: io.StringIO) -> None:
    """Whoever writes a key that is not on the list sees its name, and not its value."""
    log.info("person.read", surname="ivanov", born=1990, Ivanov=1, **{IIN: 2})
    (line,) = lines(out)
    assert line["surname"] == line["born"] == "[redacted]"
    assert line["redacted"] == 2
    assert "ivanov" not in out.getvalue().lower()


@pytest.mark.parametrize(
    "value",
    [IIN, int(IIN), 900101100013.0, f"x-{IIN}", "900101-100-013", PARCEL, SURNAME, "Ivanov", [SURNAME], {SURNAME: 1}],
)
def test_a_known_key_does_not_let_an_identifier_or_a_name_pass(out: io.StringIO, value: object) -> None:
    """The list is about values too: words of programs and small numbers pass, people do not."""
    log.info("lookup.ended", source=value)
    for secret in (IIN, SURNAME, "Ivanov", PARCEL, "900101"):
        assert secret not in out.getvalue()


@pytest.mark.parametrize(
    ("number", "shown"), [(IIN, "*0013"), (PARCEL, "*1505"), (f"ЖТ-{IIN}", "ЖТ-*0013"), ("ЖТ-2026-00000017",) * 2]
)
def test_a_number_that_is_a_person_s_or_a_parcel_s_is_masked(out: io.StringIO, number: str, shown: str) -> None:
    """A register may number its appeals by whom they are about; four digits stay to find the case by."""
    log.info("appeal.enriched", number=number, message_id=number)
    (line,) = lines(out)
    assert (line["number"], line["message_id"]) == (shown, shown)


@pytest.mark.parametrize("hidden", ["\u202e", "\u2066", "\x9b2J", "\x1b]0;x\x07", "\u200b", "\n"])
@pytest.mark.parametrize("format_", [LogFormat.JSON, LogFormat.CONSOLE])
def test_no_line_steers_a_terminal(hidden: str, format_: LogFormat) -> None:
    """Controls and marks of direction are blanked in a reason, and no other value may have them."""
    stream = io.StringIO()
    configure(LogLevel.INFO, format_, stream)
    log.info("bus.odd", reason=f"a{hidden}b", source=f"a{hidden}", number=f"1{hidden}", **{f"k{hidden}": 1})
    assert not {char for char in hidden if not char.isprintable()} & set(stream.getvalue().rstrip("\n"))


def test_sentences_keep_our_words_and_lose_all_that_could_be_data(out: io.StringIO) -> None:
    """In a reason, identifiers and words in Cyrillic are masked, but for the names of registers."""
    log.warning("message.quarantined", reason=f"the ИИН {IIN} of {SURNAME}\nfor {PARCEL} is malformed")
    (line,) = lines(out)
    assert line["reason"] == "the ИИН [redacted] of [redacted] for [redacted] is malformed"


def test_an_exception_is_told_by_type_and_place_alone(out: io.StringIO) -> None:
    """Neither the text nor the locals of an exception get into the log; its causes' types do."""
    secret = SURNAME
    try:
        try:
            int(f"{secret} {IIN}")
        except ValueError as error:
            raise RuntimeError(f"about {secret}") from error
    except RuntimeError:
        log.exception("lookup.broken")
    (line,) = lines(out)
    assert line["error"] == "RuntimeError"
    assert line["cause"] == ["ValueError"]
    assert line["frames"][-1].startswith("tests") or "test_logs" in line["frames"][-1]
    assert line["level"] == "error"
    assert SURNAME not in out.getvalue()
    assert IIN not in out.getvalue()


def test_our_own_errors_say_what_is_wrong(out: io.StringIO) -> None:
    """ConfigError keeps its text, CallFailed its code."""
    for error in (
        ConfigError("appealbus.toml:3: bus.nam: unknown key"),
        CallFailed(OutcomeKind.UNAVAILABLE, "http.502", "no"),
    ):
        log.error("source.failed", exc_info=error)
    first, second = lines(out)
    assert first["reason"] == "appealbus.toml:3: bus.nam: unknown key"
    assert second["code"] == "http.502"


def test_libraries_go_through_the_same_door(out: io.StringIO) -> None:
    """What a library logs is told by its logger, its place and its error's type."""
    logging.getLogger("asyncio").error("Task exception: %s", f"{SURNAME} {IIN}", exc_info=ValueError(SURNAME))
    logging.getLogger("zeep.transports").warning(f"<soap>{IIN}</soap>")
    logging.getLogger("aiohttp.access").info("GET /?iin=%s", IIN)
    (line,) = lines(out)
    assert (line["event"], line["module"], line["error"]) == ("library.message", "asyncio", "ValueError")
    assert SURNAME not in out.getvalue()


def test_python_warnings_go_through_the_same_door() -> None:
    """A warning may quote a value that it is about. A process of its own, for pytest has its own hold on warnings."""
    program = f"""
import warnings
from appealbus.core.logs import configure
from appealbus.core.logs.setup import LogFormat, LogLevel
configure(LogLevel.INFO, LogFormat.AUTO)
warnings.warn("expected str, got {IIN}", UserWarning)
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    (line,) = [json.loads(line) for line in ended.stderr.splitlines()]
    assert (line["level"], line["event"], line["module"]) == ("warning", "library.message", "py.warnings")
    assert IIN not in ended.stderr + ended.stdout


def test_the_level_is_the_least_that_is_written() -> None:
    """Events below the level are dropped."""
    stream = io.StringIO()
    configure(LogLevel.WARNING, LogFormat.JSON, stream)
    log.info("bus.started")
    log.warning("bus.slow")
    logging.getLogger("somebody").info("x")
    assert [line["event"] for line in lines(stream)] == ["bus.slow"]


def test_console_lines_are_readable_and_redacted_too() -> None:
    """The readable form goes through the same allow-list."""
    stream = io.StringIO()
    configure(LogLevel.INFO, LogFormat.CONSOLE, stream)
    log.info("appeal.accepted", number="AB-1", surname=SURNAME)
    assert "appeal.accepted" in stream.getvalue()
    assert "number=AB-1" in stream.getvalue()
    assert SURNAME not in stream.getvalue()


def test_logging_never_raises() -> None:
    """A closed stream and a value that cannot be looked at stop nobody."""

    class Awkward(dict[str, int]):
        def items(self) -> Any:
            raise RuntimeError(SURNAME)

    stream = io.StringIO()
    configure(LogLevel.INFO, LogFormat.JSON, stream)
    log.info("bus.odd", outcomes=Awkward())
    assert lines(stream)[0]["event"] == "log.failed"
    stream.close()
    log.info("bus.closed")


def test_a_crash_of_the_program_does_not_print_its_text(out: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's own report of an uncaught exception would show its text."""
    monkeypatch.setattr(sys, "excepthook", sys.__excepthook__)
    monkeypatch.setattr(threading, "excepthook", threading.__excepthook__)
    configure(LogLevel.INFO, LogFormat.JSON, out)
    sys.excepthook(ValueError, ValueError(SURNAME), None)
    thread = threading.Thread(target=int, args=(SURNAME,))
    thread.start()
    thread.join()
    assert [(line["event"], line["error"]) for line in lines(out)] == [("program.crashed", "ValueError")] * 2
    assert SURNAME not in out.getvalue()


@pytest.mark.proof
def test_every_key_that_the_code_writes_is_on_the_list() -> None:
    """A key that is not would be redacted for ever, and nobody would see why."""
    root = Path(__file__).parents[3]
    folders = ("core", "connectors", "plugins", "simulator")
    modules = [path for folder in folders for path in (root / folder).rglob("*.py")]
    calls = [
        (path.name, call)
        for path in modules
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)
        if isinstance(call.func.value, ast.Name) and call.func.value.id == "log"
    ]
    assert len(calls) > 20
    keys = {(name, key.arg) for name, call in calls for key in call.keywords}
    assert {pair for pair in keys if pair[1] not in KEYS | {"exc_info"}} == set()


iins = st.from_regex(r"[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9])[1-6][0-9]{5}", fullmatch=True)
names = st.text("АӘБВГҒДЕЖЗИЙКҚЛМНҢОӨПРСТУҰҮФХҺЦЧШЩЫІЭЮЯ", min_size=1, max_size=1).flatmap(
    lambda first: st.text("аәбвгғдежзийкқлмнңоөпрстуұүфхһцчшщыіэюя", min_size=5, max_size=12).map(first.__add__)
)


def hidden(secret: str) -> st.SearchStrategy[Any]:
    """Put a secret somewhere into a value."""
    leaves = st.sampled_from(
        [secret, f"a {secret}.", f"{secret}:1", f"x/{secret}", secret.encode(), ValueError(secret)]
    )
    leaves |= st.just(int(secret) if secret.isdigit() else secret)
    return st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from([secret, *sorted(KEYS), "other"]), inner, max_size=3)
            | st.tuples(inner)
        ),
        max_leaves=5,
    )


@given(data=st.data(), secret=iins | names, raised=st.booleans())
def test_no_identifier_and_no_name_reaches_a_line(data: st.DataObject, secret: str, raised: bool) -> None:
    """Wherever an ИИН or a name is put (key, value, nested, event, exception), it is not in the line."""
    stream = io.StringIO()
    configure(
        LogLevel.DEBUG,
        data.draw(st.sampled_from([LogFormat.JSON, LogFormat.CONSOLE])),
        stream,
    )
    event = data.draw(st.sampled_from(["some.event", secret, f"some.{secret}"]))
    keys = st.sampled_from([*sorted(KEYS), "unknown_key", secret, f"k{secret}"])
    fields = data.draw(st.dictionaries(keys, hidden(secret), max_size=4))
    if raised:
        fields["exc_info"] = data.draw(st.sampled_from([ValueError(secret), ConfigError(f"x: {secret} y")]))
    log.info(event, **fields)
    assert stream.getvalue().count("\n") == 1
    assert secret not in stream.getvalue()
    if secret.isdigit():
        assert str(int(secret)) not in stream.getvalue()
