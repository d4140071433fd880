"""Templates of the console and of all views, compiled once per process."""

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
    """Compile all templates, so that a broken one stops the start. Output is escaped; undefined names are errors."""
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
    """Return text with bidirectional and invisible characters spelled out; HTML is unchanged."""
    return escaped(value) if isinstance(value, str) and not hasattr(value, "__html__") else value
