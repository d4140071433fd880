"""Languages of readers: words, dates and numbers in Russian, Kazakh and English.

Codes, JSON, the log and configuration errors are for programs and engineers, and are not translated.
"""

from appealbus.core.language.fields import rows_of, trail_name, trail_value
from appealbus.core.language.problems import problems_told
from appealbus.core.language.reader import Reader, ReaderLanguage, chosen
from appealbus.core.language.reasons import Known

__all__ = ["Known", "Reader", "ReaderLanguage", "chosen", "problems_told", "rows_of", "trail_name", "trail_value"]
