"""The bus: the base for plugins.

Public are the names in `__all__` of `public`, and the modules in its `PUBLIC_MODULES`. A change of these that would
break a plugin comes with a new version of the bus and is listed in CHANGELOG.md. Everything else may change without
notice.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from appealbus.core.public import *  # noqa: F403
else:

    def __getattr__(name):
        """Import public names on first access, so that programs without them start faster."""
        if find_spec(f"{__name__}.{name}") is not None:  # a module of ours, which is about to be imported
            raise AttributeError(name)
        return getattr(import_module(f"{__name__}.public"), name)
