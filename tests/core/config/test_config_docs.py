"""docs/configuration.md says what the code takes."""

import importlib
import pkgutil
import re
import tomllib
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

import pytest
from pydantic import BaseModel, Field

import appealbus
from appealbus.connectors.files.settings import FolderSettings, OutboxSettings
from appealbus.connectors.shep.settings import ShepSettings
from appealbus.core.config.docs import describe, refresh
from appealbus.core.config.loading import from_document
from appealbus.core.config.problems import models_at
from appealbus.core.config.types import Seconds, Secret, Settings

PAGE = (Path(__file__).parents[3] / "docs" / "configuration.md").read_text(encoding="utf-8")


class Colour(StrEnum):
    """Colours."""

    RED = "red"
    BLUE = "blue"


class Inner(Settings):
    """A table."""

    key: Secret
    """Opens it."""


class Sample(Settings):
    """One of each."""

    name: str
    """What it is | called."""
    pause: Seconds = Field(default=90, gt=0)
    limit: Seconds | None = None
    colour: Colour = Colour.RED
    many: list[int] = [1, 20_000]
    inner: Inner | None = None
    """More."""
    parts: dict[str, Inner] = {}


def test_a_model_is_described_as_its_reader_would_write_it() -> None:
    """Types, defaults and meanings in the words of TOML; tables inside with dotted keys, once."""
    assert describe(Sample).splitlines()[2:] == [
        r"| `name` | text | **required** | What it is \| called. |",
        '| `pause` | duration | `"90s"` |  |',
        "| `limit` | duration | none |  |",
        '| `colour` | `red`, `blue` | `"red"` |  |',
        "| `many` | list of whole number | `[1, 20_000]` |  |",
        "| `inner` | table | none | More. |",
        "| `inner.key` | secret | **required** | Opens it. |",
        "| `parts` | table: name = table | `{}` | The same keys as in `inner`. |",
    ]


def test_the_page_is_fresh() -> None:
    """If this fails: python -m appealbus.core.config.docs docs/configuration.md."""
    assert refresh(PAGE) == PAGE


def shipped() -> Iterator[type[Settings]]:
    """Find every settings model that ships."""
    for module in pkgutil.walk_packages(appealbus.__path__, "appealbus."):
        if ".migrations" not in module.name and not module.name.endswith("__main__"):
            for each in vars(importlib.import_module(module.name)).values():
                if isinstance(each, type) and issubclass(each, Settings) and each.__module__ == module.name:
                    yield each


def with_parts(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """Yield a model, what it inherits from, and the models of the tables inside it."""
    yield from (base for base in model.__mro__ if issubclass(base, BaseModel))
    for field in model.model_fields.values():
        for path in ((), ("name",), (0,)):
            for part in models_at(field.annotation, path):
                yield from with_parts(part)


def described() -> list[type[BaseModel]]:
    """Return the models whose tables the page has."""
    tables = re.findall(r"<!-- settings: ([\w.]+):(\w+) -->", PAGE)
    return [getattr(importlib.import_module(module), model) for module, model in tables]


def test_every_setting_is_on_the_page() -> None:
    """A model is described itself or as a part of another, and every key says what it means."""
    told = {part for model in described() for part in with_parts(model)}
    assert {model.__name__ for model in shipped() if model not in told} == {"Configuration", "NoSettings"}
    assert [line for line in PAGE.splitlines() if line.startswith("| `") and line.endswith("|  |")] == []


@pytest.mark.parametrize("block", re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL))
def test_the_examples_are_valid(block: str, tmp_path: Path) -> None:
    """What the page shows can be copied."""
    loaded = from_document(tomllib.loads(block), tmp_path)
    for name in loaded.settings.sources:
        loaded.validate(ShepSettings, "sources", name)
    for name in loaded.settings.intakes:
        (tmp_path / tomllib.loads(block)["intakes"][name]["folder"]).mkdir()
        loaded.validate(FolderSettings, "intakes", name)
    for name in loaded.settings.deliveries:
        loaded.validate(OutboxSettings, "deliveries", name)
