"""What settings are made of, for the bus and for plugins."""

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """Base of every settings model. A field's docstring is its documentation."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class NoSettings(Settings):
    """For those who have nothing to set."""
