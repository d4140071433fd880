"""Translation catalogues: our own, and one beside each plugin, in `locale/LANGUAGE/LC_MESSAGES/appealbus.mo`.

A plugin's catalogue is found by its entry point without importing the plugin, so it works even for broken ones.
"""

import importlib.util
from collections.abc import Iterable, Iterator
from gettext import GNUTranslations, NullTranslations
from pathlib import Path

import structlog

from appealbus.core.loading.discovery import modules
from appealbus.core.plugin_calls.boundary import is_defect

log = structlog.get_logger(__name__)

OWN = Path(__file__).parents[1] / "locale"
_DOMAIN = "appealbus"


def own(language: str) -> NullTranslations:
    return _read(OWN, language) or NullTranslations()


def all_of(language: str, plugins: Iterable[str]) -> NullTranslations:
    """Return our own translations, with those of plugins as fallback; `plugins` are named in the configuration."""
    words = own(language)
    for folder in dict.fromkeys(_folders(plugins)):
        try:
            catalogue = _read(folder, language)
        except Exception as error:  # a third party's file: whatever is wrong with it, its words are missing and no more
            log.warning("catalogue.unreadable", plugin=folder.parent.name, error=type(error).__name__)
            continue
        if catalogue is not None:
            words.add_fallback(catalogue)
    return words


def _folders(plugins: Iterable[str]) -> Iterator[Path]:
    for name in modules(plugins):
        if name.endswith(".py"):
            yield Path(name).parent / "locale"
            continue
        try:
            spec = importlib.util.find_spec(name)
        except BaseException as error:  # the package that it lies in is imported, and may raise whatever it likes
            if not is_defect(error):
                raise
            continue
        if spec is not None and spec.origin is not None:
            yield Path(spec.origin).parent / "locale"


def _read(folder: Path, language: str) -> GNUTranslations | None:
    try:
        with (folder / language / "LC_MESSAGES" / f"{_DOMAIN}.mo").open("rb") as file:
            return GNUTranslations(file)
    except (FileNotFoundError, NotADirectoryError):
        return None
