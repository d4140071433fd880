"""Official names of bodies and questions from the table of competence, preferably in the reader's language."""

from typing import Any, NamedTuple

from appealbus.plugins.competence.table import Table
from appealbus.plugins.console.words import Words


class Named(NamedTuple):
    """A name and its language, empty if unknown."""

    text: str
    lang: str = ""


class Names:
    """Names for one person.

    Args:
        shared: the table that the plugin competence shares; with anything else there are no names.
        words: translations into the person's language.
    """

    def __init__(self, shared: Any, words: Words) -> None:
        self._table = shared if isinstance(shared, Table) else None
        self._words = words

    def body(self, bin_: str) -> Named:
        rows = self._table.by_bin.get(bin_) if self._table is not None else None
        return self._in_theirs(rows[0].said.name_ru, rows[0].said.name_kk) if rows else Named("")

    def topic(self, code: str, said: str) -> Named:
        """Return a question's name; the register's own `said` if the table lacks its code."""
        known = self._table.questions.get(code) if self._table is not None else None
        return Named(said) if known is None else self._in_theirs(known.name_ru, known.name_kk)

    def _in_theirs(self, russian: str | None, kazakh: str | None) -> Named:
        """Return the name in the reader's language, else the other one; there are no English names."""
        names = [Named(russian or "", "ru"), Named(kazakh or "", "kk")]
        first, second = reversed(names) if self._words.suffix == "kk" else names
        return first if first.text else second
