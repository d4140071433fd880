"""What is said of the fields of models: their docstrings, read from the source when somebody wants to know.

pydantic reads them as each class is made, with `use_attribute_docstrings`: that is a quarter of the time in which the
program starts.
"""

import ast
import inspect
import textwrap
from functools import cache
from itertools import pairwise

from pydantic import BaseModel


def description_of(model: type[BaseModel], name: str) -> str | None:
    """Return what is said of a field: by itself, by its docstring, or by that of the base that it comes from."""
    field = model.model_fields.get(name)
    if field is not None and field.description is not None:
        return field.description
    bases = (base for base in model.__mro__ if issubclass(base, BaseModel) and base is not BaseModel)
    return next((said[name] for said in map(_docstrings, bases) if name in said), None)


@cache
def _docstrings(model: type[BaseModel]) -> dict[str, str]:
    """Return the docstrings in the body of a class, by field; of one without a source, none."""
    try:
        [tree] = ast.parse(textwrap.dedent(inspect.getsource(model))).body
    except (OSError, TypeError, SyntaxError, ValueError):
        return {}
    texts = {}
    for before, after in pairwise(tree.body if isinstance(tree, ast.ClassDef) else ()):
        if isinstance(before, ast.AnnAssign) and isinstance(before.target, ast.Name):
            match after:
                case ast.Expr(value=ast.Constant(value=str(text))):
                    texts[before.target.id] = inspect.cleandoc(text)
    return texts
