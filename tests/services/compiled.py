"""The tests and what they test, compiled once: where nothing is compiled yet, each worker would compile all of it."""

import importlib.util
import py_compile
from pathlib import Path

import pytest
from _pytest.assertion import rewrite

_ROOT = Path(__file__).parents[2]
_FOLDERS = ("client", "connectors", "core", "plugins", "schemas", "simulator", "tests")


def compile_share(config: pytest.Config, number: int, of: int) -> None:
    """Compile one share of what is not compiled; the other workers compile the others at the same time.

    Args:
        config: of pytest, which rewrites the assertions.
        number: of this worker, from 0.
        of: how many workers there are.

    """
    state = config.stash.get(rewrite.assertstate_key, None)
    if state is None:  # assertions stay as they are
        return
    found = sorted(path for folder in _FOLDERS for path in (_ROOT / folder).rglob("*.py"))
    for path in found[number::of]:
        if path.name.startswith("test_") or path.name == "conftest.py":
            compiled = rewrite.get_cache_dir(path) / f"{path.stem}{rewrite.PYC_TAIL}"
            if not compiled.exists() and rewrite.try_makedirs(compiled.parent):
                source, code = rewrite._rewrite_test(path, config)
                rewrite._write_pyc(state, code, source, compiled)
        elif not Path(importlib.util.cache_from_source(path)).exists():
            py_compile.compile(str(path))
