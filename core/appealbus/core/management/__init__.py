"""Reading and operating a bus: what the API, the console, commands and pages of third parties use.

A module here for each noun has its questions, for `await journal.ask(question, …)`, its acts, for
`await journal.do(item)`, and what they take and return.
"""

from appealbus.core.journal.journal import Journal
from appealbus.core.journal.key import JournalKey
from appealbus.core.journal.reader import JournalReader
from appealbus.core.journal.view import PublicJournal

__all__ = ["Journal", "JournalKey", "JournalReader", "PublicJournal"]
