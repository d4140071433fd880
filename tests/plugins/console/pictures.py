"""Makes the pictures of docs/pictures: `make pictures`. It is always the same day, so that dates are the same."""

import json
import tempfile
from contextlib import chdir
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from appealbus.core.config.models import LogSettings
from appealbus.core.logs import configure
from tests.plugins.console.browser import chromium
from tests.plugins.console.pictured import FOLDER, PEOPLE, PICTURES, SHOWN, Picture, paths, pictured, shown
from tests.plugins.console.world import World

_WIDE, _LOW, _HIGH = 1280, 400, 1100
_COLOURS = 64
_ELSEWHERE = """([from, to]) => document.querySelectorAll("td code").forEach(
    (each) => { if (each.textContent.includes(from)) each.textContent = each.textContent.replace(from, to) })"""
"""The folder is another one each time: shown is where a journal lies."""
_LARGEST = 120_000
"""Bytes of a picture: a page of docs has a dozen."""


def main() -> None:
    """Make all of them."""
    quiet = LogSettings.model_validate({"level": "error"})
    configure(quiet.level, quiet.format)
    FOLDER.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        chdir(folder),
        pictured(Path()) as console,
        chromium() as browser,
    ):
        told = {picture.file.stem: _made(picture, browser, console) for picture in PICTURES}
    SHOWN.write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _made(picture: Picture, browser: Browser, console: World) -> dict[str, list[str]]:
    page = browser.new_context(locale="en-GB", viewport={"width": _WIDE, "height": _LOW}).new_page()
    page.goto(f"{console.url}/console/enter?link={console.link(picture.role, PEOPLE[picture.role])}")
    page.click("main button")
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    answer = page.goto(console.url + paths(console)(picture))
    if picture.purpose:
        page.fill("main input[name=purpose]", picture.purpose)
        with page.expect_navigation() as said:
            page.click("main form:has(input[name=purpose]) button")
        answer = said.value
    assert answer is not None
    assert answer.ok, f"{picture.path}: {answer.status}"
    page.evaluate(_ELSEWHERE, [str(Path().resolve()), "/var/lib/appealbus"])
    high = min(_HIGH, int(page.evaluate("document.documentElement.scrollHeight")))
    raw = page.screenshot(full_page=True, clip={"x": 0, "y": 0, "width": _WIDE, "height": high})
    made = _small(raw)
    assert len(made) < _LARGEST, f"{picture.file.name} has {len(made)} bytes"
    picture.file.write_bytes(made)
    text = answer.text()
    page.context.close()
    return shown(text)


def _small(raw: bytes) -> bytes:
    """Return a picture with few colours: pages have hardly more."""
    image: Any = import_module("PIL.Image")  # `make pictures` installs it, and nothing else needs it
    out = BytesIO()
    image.open(BytesIO(raw)).convert("RGB").quantize(_COLOURS).save(out, "PNG", optimize=True)
    return out.getvalue()


if __name__ == "__main__":
    main()
