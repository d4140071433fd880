"""Settings of competence, and the rows of its table."""

from typing import Annotated

from pydantic import Field

from appealbus.core import Settings
from appealbus.core.config.types import ExistingFile
from appealbus.schemas.base import Day
from appealbus.schemas.identifiers import Bin, Kato

Code = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^(\*|[^\s.*]+(\.[^\s.*]+)*)$")]
"""A code of the classifier of questions, with all that begins with it and a dot; "*": whatever it is about."""
Name = Annotated[str, Field(min_length=1, max_length=300)]


class CompetenceSettings(Settings):
    """The table `[plugins.competence]`."""

    table: ExistingFile | None = None
    """A TOML file with the table of bodies; none: nothing is said of competence."""


class BodySettings(Settings):
    """A row: for what a body is competent, where, and when."""

    id: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^\S+$")]
    """The row's own name, by which signals name it."""
    bin: Bin
    """БИН of the body; several rows may have it."""
    name_ru: Name
    """The body's name in Russian."""
    name_kk: Name
    """The body's name in Kazakh."""
    territory: Annotated[list[Kato], Field(max_length=500)] = Field(default_factory=list)
    """КАТО codes, each with all that lies in it; none: the whole country."""
    except_territory: Annotated[list[Kato], Field(max_length=500)] = Field(default_factory=list)
    """КАТО codes of what it is not competent for."""
    categories: Annotated[list[Code], Field(min_length=1, max_length=500)]
    """Codes of the classifier of questions: "10" stands for "10.02" too, "*" for all."""
    except_categories: Annotated[list[Code], Field(max_length=500)] = Field(default_factory=list)
    """Codes of what it is not competent for."""
    valid_from: Day | None = None
    """The first day on which the row counts."""
    valid_until: Day | None = None
    """The last day on which it counts."""


class QuestionSettings(Settings):
    """What the classifier calls a question."""

    code: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\s*]+$")]
    """Its code."""
    name_ru: Name | None = None
    """Its official name in Russian."""
    name_kk: Name | None = None
    """Its official name in Kazakh."""


class TableSettings(Settings):
    """The file."""

    bodies: list[BodySettings] = Field(default_factory=list)
    """The rows."""
    questions: list[QuestionSettings] = Field(default_factory=list)
    """What questions are called where the console names them; one that is not here is called as the register does."""
