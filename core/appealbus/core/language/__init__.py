"""The languages of those who read: words, dates and numbers in Russian, Kazakh and English.

Codes, JSON, the log and what is wrong with a configuration are for programs and engineers, and stay as they are.
"""

from appealbus.core.language.choice import ReaderLanguage, chosen
from appealbus.core.language.reader import Reader

__all__ = ["Reader", "ReaderLanguage", "chosen"]
