"""Makes methods of calls."""

from collections.abc import Callable, Mapping
from functools import update_wrapper
from inspect import Parameter, signature
from typing import Any, TypeVar, get_args

Method = TypeVar("Method", bound=Callable[..., Any])


def named(method: Method, call: Callable[..., Any]) -> Method:
    """Give a method the name, the arguments and the docstring of its call, and the result that this has."""
    update_wrapper(method, call)
    itself = Parameter("self", Parameter.POSITIONAL_OR_KEYWORD)
    about, (result,) = signature(call), get_args(signature(call).return_annotation)
    parameters = [itself, *about.parameters.values()]
    method.__signature__ = about.replace(parameters=parameters, return_annotation=result)  # type: ignore[attr-defined]
    return method


def with_purpose(call: Callable[..., Any], given: Mapping[str, Any], purpose: str | None) -> dict[str, Any]:
    """Return the named arguments of a call, with the client's purpose where it takes one and is given none."""
    takes = "purpose" in call.__annotations__
    return {**given, "purpose": given.get("purpose") or purpose} if takes else dict(given)
