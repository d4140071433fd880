"""What all tests share."""

import gc
import os
import sys
from functools import cache
from itertools import chain, groupby, islice

import pytest
import structlog
from hypothesis import settings

from appealbus.core.loading import discovery
from appealbus.core.process.runtime import collect_seldom
from tests.services import migrations
from tests.services.compiled import compile_share
from tests.services.forms import SEED, form

pytest_plugins = ["tests.services.fixtures"]

# Shared machines stall for longer than any per-example deadline; a test that hangs is cut by CI.
# The examples are the same each time, so that red is a defect and not luck; APPEALBUS_SEED tries others.
settings.register_profile("appealbus", deadline=None, max_examples=form(12, 500), derandomize=not SEED)
settings.load_profile("appealbus")

collect_seldom()
migrations.once()

discovery.entry_points = cache(discovery.entry_points)  # type: ignore[assignment]  # what is installed stays so

# httpx's asynchronous clients look for it in all folders several times a request, where nobody has installed it.
sys.modules.setdefault("sniffio", None)  # type: ignore[arg-type]

_PROOF = frozenset({"system", "packaging", "interop", "examples"})
"""Folders whose tests `make proof` runs."""
_QUICK = frozenset({"test_public", "test_one_direction", "test_changelog", "test_budget", "test_docs_prose"})
"""Files of them that take no time."""
_BROWSERS = frozenset({"browser", "two"})
"""Fixtures of a browser, or of people at one."""
_LONG = frozenset({"test_limits_of_workers", "test_pauses", "test_reread", "test_relay", "test_hostile"})
"""Files whose tests wait long, beside those that are marked."""
_LONGEST = frozenset(
    {
        "test_alone",
        "test_crashes",
        "test_everything",
        "test_feed_proof",
        "test_machine",
        "test_planted",
        "test_production",
        "test_recomputed",
        "test_soak",
    }
)
"""Files whose long form takes minutes: begun last, they would go on alone at the end."""

# By itself structlog sets an exception in colours, with all the variables of its frames: that takes seconds each time.
_plainly = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
structlog.configure(processors=[*structlog.get_config()["processors"][:-1], _plainly])


def pytest_sessionstart(session: pytest.Session) -> None:
    """Share the work of compiling with the other workers."""
    worker, workers = (os.environ.get(f"PYTEST_XDIST_WORKER{end}", "") for end in ("", "_COUNT"))
    if worker and not sys.dont_write_bytecode:
        compile_share(session.config, int(worker.removeprefix("gw")), int(workers))


@pytest.hookimpl(tryfirst=True)
def pytest_itemcollected(item: pytest.Item) -> None:
    """Leave to `make proof` what starts the program or a browser, builds wheels, or talks to others' software."""
    slow = item.path.parent.name in _PROOF and item.path.stem not in _QUICK
    if slow or any(item.iter_markers("system")) or _BROWSERS & set(getattr(item, "fixturenames", ())):
        item.add_marker("proof")


@pytest.hookimpl(trylast=True)  # of those that are chosen
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let each worker begin with files that take long: then none has minutes to go when all others have ended.

    A worker takes its part of this order from the front, and later from the end of another's. What asks for a broker,
    which takes seconds of a processor to start, goes to every second worker.
    """
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    asking, long, short = [], [], []
    for path, group in groupby(items, lambda item: item.path):
        tests = list(group)
        if any("_rabbit" in getattr(item, "fixturenames", ()) or "rabbit" in item.name for item in tests):
            asking.append(tests)
        elif path.stem in _LONG or any(map(_is_long, tests)):
            long.append(tests)
        else:
            short.append(tests)
    even, odd = range(0, workers, 2), range(1, workers, 2) or range(1)
    firsts: list[list[pytest.Item]] = [[] for _ in range(workers)]
    for files, takers in ((asking, even), (long, odd)):
        for number, tests in enumerate(sorted(files, key=_turn)):
            firsts[takers[number % len(takers)]] += tests
    others, left = iter(chain(*short)), len(items)
    items.clear()
    for number, first in enumerate(firsts):
        part = left // (workers - number)  # as `--dist worksteal` divides them
        left -= part
        items += [*first, *islice(others, max(0, part - len(first)))]
    items += others


def _turn(tests: list[pytest.Item]) -> tuple[bool, bool]:
    return tests[0].path.stem not in _LONGEST, not _is_long(tests[0])


def _is_long(item: pytest.Item) -> bool:
    return any(item.iter_markers("system")) or any(item.iter_markers("proof"))


def pytest_collection_finish() -> None:
    """Leave what has been imported and collected, which stays to the end, out of all that looks for garbage."""
    gc.freeze()
