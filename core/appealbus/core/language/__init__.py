"""Languages of readers: words, dates and numbers in Russian, Kazakh and English.

Codes, JSON, the log and configuration errors are for programs and engineers, and are not translated.
"""

from appealbus.core.language.reader import Reader, ReaderLanguage, chosen

__all__ = ["Reader", "ReaderLanguage", "chosen"]
