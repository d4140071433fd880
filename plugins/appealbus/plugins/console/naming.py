"""What bodies and questions are officially called, by the table of competence: in the reader's language where it is."""

from typing import Any, NamedTuple

from appealbus.plugins.competence.table import Table
from appealbus.plugins.console.words import Words


class Named(NamedTuple):
    """A name with its language; without one where nobody says which it is in."""

    text: str
    lang: str = ""


class Names:
    """Names for one person.

    Args:
        shared: what the plugin competence shares; nothing is named where that is no table.
        words: says things in the person's language.

    """

    def __init__(self, shared: Any, words: Words) -> None:
        self._table = shared if isinstance(shared, Table) else None
        self._words = words

    def body(self, bin_: str) -> Named:
        """Return what a body is called; empty where the table does not know it."""
        rows = self._table.by_bin.get(bin_) if self._table is not None else None
        return self._in_theirs(rows[0].said.name_ru, rows[0].said.name_kk) if rows else Named("")

    def topic(self, code: str, said: str) -> Named:
        """Return what a question is called; where the table does not know its code, as the register has said it."""
        known = self._table.questions.get(code) if self._table is not None else None
        return Named(said) if known is None else self._in_theirs(known.name_ru, known.name_kk)

    def _in_theirs(self, russian: str | None, kazakh: str | None) -> Named:
        """Return one of two names: the reader's, else the other; they have no English."""
        names = [Named(russian or "", "ru"), Named(kazakh or "", "kk")]
        first, second = reversed(names) if self._words.suffix == "kk" else names
        return first if first.text else second
