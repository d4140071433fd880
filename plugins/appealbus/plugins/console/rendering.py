"""The templates, of the console and of each view: all are read as a server starts, and once in a process."""

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from appealbus.core.escaping import escaped
from appealbus.plugins.console.marks import mark, short, urgency
from appealbus.plugins.console.static import STATIC
from appealbus.plugins.console.words import NAMES
from appealbus.schemas.appeal import AppealKind
from appealbus.schemas.change import ChangeKind
from appealbus.schemas.dossier import Completeness

HERE = Path(__file__).parent


@cache
def templates() -> Environment:
    """Return them, compiled: a broken one stops the start. What is shown is escaped; what is missing is an error."""
    made = Environment(
        loader=FileSystemLoader([HERE / "templates", HERE / "views"]),
        autoescape=True,
        finalize=_seen,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals |= {"static": STATIC.path, "languages": NAMES, "mark": mark, "short": short, "urgency": urgency}
    made.globals |= {"completeness": Completeness.stored, "kind_of": AppealKind.stored, "ended": ChangeKind.stored}
    for name in made.list_templates(extensions=["html"]):
        made.get_template(name)
    return made


def _seen(value: Any) -> Any:
    """Return what is shown, with all that turns a text round, or is not seen, written out; what is HTML as it is."""
    return escaped(value) if isinstance(value, str) and not hasattr(value, "__html__") else value
