"""The reason of a command, as given by a person."""

import typer

_LONGEST = 500


def checked_reason(reason: str) -> None:
    """Raise BadParameter if the reason is empty or too long."""
    if not reason.strip() or len(reason) > _LONGEST:
        raise typer.BadParameter(f"write one to {_LONGEST} characters", param_hint="--reason")
