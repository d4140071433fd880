"""A browser for tests: Debian's Chromium by Playwright, and axe from npm. Where one is missing, tests are skipped."""

import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, NoReturn

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.plugins.console.world import World

_AXE = "axe-core@4.14.1"
_AXE_SHA256 = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def absent(what: str) -> NoReturn:
    """Skip what cannot run here; on CI, which installs it, that is a failure."""
    if os.environ.get("CI"):
        pytest.fail(f"{what} is not installed, and .ci/run installs it")
    pytest.skip(f"{what} is not installed")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Have a browser as long as the block lasts."""
    found = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    if found is None:
        absent("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


def cache() -> Path:
    """Return the folder that keeps what tests have from npm."""
    folder = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "appealbus-tests"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@lru_cache
def axe() -> str:
    """Return the source of axe-core, from npm's own cache or registry; it is no part of what ships."""
    npm = shutil.which("npm")
    if npm is None:
        absent("npm")
    folder = cache()
    file = folder / "axe-core-4.14.1.tgz"
    if not file.exists():
        done = subprocess.run(
            [str(npm), "pack", _AXE, "--silent"], cwd=folder, capture_output=True, check=False, timeout=60
        )
        if done.returncode or not file.exists():
            absent("axe-core (npm's registry does not answer)")
    with tarfile.open(file) as packed:
        member = packed.extractfile("package/axe.min.js")
        assert member is not None
        source = member.read()
    assert sha256(source).hexdigest() == _AXE_SHA256
    return source.decode()


def sign_in(page: Page, console: World, role: str) -> None:
    """Sign in as a person does."""
    page.goto(f"{console.url}/console/enter?link={console.link(role)}")
    page.click("main button")


_WIDE = """const wide = new CSSStyleSheet();
wide.replaceSync("* { letter-spacing: .3em !important; word-spacing: .2em !important; }");
document.adoptedStyleSheets = [wide];"""


def width(page: Page) -> int:
    """Return how wide a page is, with the fonts that are installed or with wider ones, whichever is more.

    Which fonts there are differs from machine to machine; letters set apart take as much room as the widest of them.
    """
    found = [page.evaluate("document.documentElement.scrollWidth")]
    page.evaluate(_WIDE)
    found.append(page.evaluate("document.documentElement.scrollWidth"))
    page.evaluate("document.adoptedStyleSheets = []")
    return int(max(found))


def violations(page: Page) -> list[str]:
    """Return what axe finds wrong with a page: rule, place and why."""
    page.evaluate(axe())  # not add_script_tag: our own policy refuses that
    # Of what is right it would say all as well, which takes most of its time.
    options = json.dumps({"runOnly": {"type": "tag", "values": _TAGS}, "resultTypes": ["violations"]})
    found: list[dict[str, Any]] = page.evaluate(f"axe.run(document, {options}).then((found) => found.violations)")
    return [f"{each['id']}: {node['target']}: {node['failureSummary']}" for each in found for node in each["nodes"]]
