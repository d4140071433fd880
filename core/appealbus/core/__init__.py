"""The bus: what plugins may build on.

Public is what `__all__` names in `public`, and the modules in `PUBLIC_MODULES` there. A change of theirs that would
break a plugin comes with a new version of the bus and stands in CHANGELOG.md. All else in here may change without
notice.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from appealbus.core.public import *  # noqa: F403
else:

    def __getattr__(name):
        """Import what is public once somebody wants a name of it: what needs none of it starts without."""
        if find_spec(f"{__name__}.{name}") is not None:  # a module of ours, which is about to be imported
            raise AttributeError(name)
        return getattr(import_module(f"{__name__}.public"), name)
