"""Finding plugins (installed ones, modules and single files), and describing errors for their authors."""

import importlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy

from appealbus.core.config.permissions import writable_by_others
from appealbus.core.errors import AppealBusError, ConfigError
from appealbus.core.escaping import one_line
from appealbus.core.loading.careless import lacking
from appealbus.core.loading.hookspecs import NAMESPACE
from appealbus.core.version import API_VERSION, __version__


class BrokenPlugin(AppealBusError):
    """Why a plugin cannot be used, in words for its author."""


@dataclass(frozen=True, slots=True)
class FoundPlugin:
    """A plugin before its import."""

    name: str
    version: str
    """From its distribution; empty: the module declares it."""
    origin: str
    """`installed`, or the file or module in the configuration."""
    load: Callable[[], Any]
    """Imports it. May raise anything."""


class Manager(pluggy.PluginManager):
    """Examines only names marked by `hookimpl`: of a thousand names in plugin modules fifty are."""

    def parse_hookimpl_opts(self, plugin: object, name: str) -> Any:
        if isinstance(plugin, ModuleType):
            value = vars(plugin).get(name)
            if not (inspect.isroutine(value) and hasattr(value, f"{self.project_name}_impl")):
                return None
        return super().parse_hookimpl_opts(plugin, name)


def find(named: Iterable[str]) -> Iterator[FoundPlugin]:
    """Yield the installed plugins (entry points of the group `appealbus`), then the named files and modules."""
    installed = {point.name: point for point in sorted(entry_points(group=NAMESPACE), key=lambda p: p.name)}
    for point in installed.values():
        yield FoundPlugin(point.name, _version_of(point), "installed", point.load)
    for name in named:
        if name.endswith(".py"):
            yield FoundPlugin(Path(name).stem, "", name, _file_loader(Path(name)))
        else:
            yield FoundPlugin(name.rpartition(".")[2], "", name, partial(importlib.import_module, name))


def modules(named: Iterable[str]) -> Iterator[str]:
    """Yield the modules of the same plugins, imported or not; for a file its path."""
    yield from sorted({point.module for point in entry_points(group=NAMESPACE)})
    yield from named


def check_api(module: Any) -> None:
    """Raise BrokenPlugin if a module requires another version of the plugin API."""
    written_for = getattr(module, "appealbus_api", API_VERSION)
    if type(written_for) is not int:  # True is an int, too, and equals 1
        raise BrokenPlugin(f"appealbus_api is {written_for!r}; write a whole number, such as {API_VERSION}")
    if written_for != API_VERSION:
        raise BrokenPlugin(
            f"it is written for plugin API {written_for}, and appealbus {__version__} has {API_VERSION}; "
            f"install a version of it for API {API_VERSION}, or a version of appealbus that has API {written_for}"
        )


def _version_of(point: EntryPoint) -> str:
    if point.dist is None or point.value.startswith("appealbus."):
        return __version__
    return point.dist.version


def _file_loader(path: Path) -> Callable[[], ModuleType]:
    def load() -> ModuleType:
        if not path.is_file():
            raise BrokenPlugin(f"there is no file {path}")
        if problem := writable_by_others(path):
            raise BrokenPlugin(problem)
        name = f"appealbus_inline_{path.stem}"
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise BrokenPlugin(f"{path} is not a Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # pydantic resolves annotations through sys.modules
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
        return module

    return load


def reason_of(error: BaseException) -> str:
    """Describe the error in one line, with the place in the plugin's own code if there is one."""
    if isinstance(error, BrokenPlugin | ConfigError):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [
        frame for frame in frames if f"{NAMESPACE}/core/" not in frame.filename and "importlib" not in frame.filename
    ]
    if isinstance(error, SyntaxError) and error.filename:
        where = f" ({error.filename}:{error.lineno})"
    else:
        where = f" ({theirs[-1].filename}:{theirs[-1].lineno})" if theirs else ""
    try:
        text = str(error)
    except BaseException as failure:  # a plugin's own class, whose text raises
        text = f"its text raised {type(failure).__name__}"
    reason = lacking(error) or f"{type(error).__name__}: {text}"
    return one_line(f"{reason}{where}")
