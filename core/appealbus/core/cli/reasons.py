"""Why a person does something, as commands take it."""

import typer

_LONGEST = 500
"""Characters of a reason: one that is longer is no reason any more but a file, which belongs elsewhere."""


def checked_reason(reason: str) -> None:
    """Refuse a reason that is none.

    Raises:
        BadParameter: it is empty, or endless.

    """
    if not reason.strip() or len(reason) > _LONGEST:
        raise typer.BadParameter(f"write one to {_LONGEST} characters", param_hint="--reason")
