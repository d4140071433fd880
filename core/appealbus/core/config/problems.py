"""What is wrong with a configuration, said so that its reader knows what to write. Values are never shown."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from appealbus.core.errors import ConfigError
from appealbus.schemas.described import description_of
from appealbus.schemas.suggestion import did_you_mean

_WRITE = {
    "string_type": "write a text in quotes",
    "bool_type": "write true or false",
    "bool_parsing": "write true or false",
    "int_type": "write a whole number",
    "int_parsing": "write a whole number",
    "int_from_float": "write a whole number",
    "float_type": "write a number",
    "float_parsing": "write a number",
    "list_type": 'write a list, such as ["a", "b"]',
    "dict_type": "write a table",
    "model_type": "write a table",
    "path_type": "write a path in quotes",
}


@dataclass(frozen=True, slots=True, order=True)
class ConfigPlace:
    """A file, with the line where it is known, or an environment variable."""

    source: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.source}:{self.line}" if self.line else self.source


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: where it stands, what is wrong, and what to write."""

    where: ConfigPlace
    key: str
    text: str

    def __str__(self) -> str:
        return ": ".join(filter(None, (str(self.where), self.key, self.text)))


class InvalidConfig(ConfigError):
    """All mistakes of a configuration at once."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: problem.where))
        super().__init__(*map(str, self.problems))


def dotted(path: Sequence[str | int]) -> str:
    """Write the path of a key as a person would: `sources.gbdfl.urls[1]`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def models_at(annotation: Any, path: Sequence[str | int]) -> list[type[BaseModel]]:
    """Return the models that may stand at the path below a type."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return models_at(args[0], path)
    if origin in {Union, UnionType}:
        return [model for arg in args for model in models_at(arg, path)]
    if origin is not None and path:
        return models_at(args[-1], path[1:])
    if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return []
    if not path:
        return [annotation]
    field = annotation.model_fields.get(str(path[0]))
    return models_at(field.annotation, path[1:]) if field else []


def _missing(models: Iterable[type[BaseModel]], name: str) -> str:
    described = (description_of(model, name) for model in models)
    about = next(filter(None, described), "")
    return f"missing; write {name} = …" + (f" ({about.split(chr(10))[0].rstrip('.')})" if about else "")


def explain(error: ErrorDetails, model: type[BaseModel], also: Iterable[str] = ()) -> tuple[tuple[str | int, ...], str]:
    """Return the path of a validation error below the model, and the text for its reader.

    `also` holds keys that may stand beside the model's own, at its top.
    """
    path = tuple(part for part in error["loc"] if part != "[key]")
    models, name = models_at(model, path[:-1]), str(path[-1]) if path else ""
    context = error.get("ctx", {})
    match error["type"]:
        case "extra_forbidden":
            known = {field for part in models for field in part.model_fields} | set(also if len(path) == 1 else ())
            text = f"unknown key; {did_you_mean(name, known, '' if known else 'remove it')}"
        case "missing":
            text = _missing(models, name)
        case "enum" | "literal_error":
            text = f"write one of {context['expected']}"
        case "union_tag_invalid":
            text = f"write one of {context['expected_tags']}"
        case "value_error" | "secret":
            text = error["msg"].removeprefix("Value error, ")
        case kind if kind in _WRITE:
            text = f"wrong type; {_WRITE[kind]}"
        case _:
            text = "wrong value; it should" + error["msg"].removeprefix("Input should").removeprefix("String should")
    return path, text
