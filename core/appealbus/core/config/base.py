"""What settings are made of, for the bus and for plugins."""

from pydantic import BaseModel, ConfigDict

from appealbus.core.escaping import one_line


class Settings(BaseModel):
    """Base of every settings model. A field's docstring is its documentation."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True)


class NoSettings(Settings):
    """For those who have nothing to set."""


class ConfigError(Exception):
    """The configuration, or a contract that it names, is wrong. The text says where and what to do, in a line each."""

    def __init__(self, *told: str) -> None:
        # A tab is for whoever copies the line into a table.
        super().__init__("\n".join("\t".join(map(one_line, line.split("\t"))) for line in told))
