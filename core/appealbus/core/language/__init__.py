"""Languages of readers: words, dates and numbers in Russian, Kazakh and English.

Codes, JSON, the log and configuration errors are for programs and engineers, and are not translated.
"""

from appealbus.core.language.choice import ReaderLanguage, chosen
from appealbus.core.language.known import Known
from appealbus.core.language.problems import problems_told
from appealbus.core.language.reader import Reader

__all__ = ["Known", "Reader", "ReaderLanguage", "chosen", "problems_told"]
