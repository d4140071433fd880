"""The assessor's signals: severity, and wording in three languages."""

from collections.abc import Sequence

from appealbus.plugins.competence.rows import Row
from appealbus.schemas.signal import Severity, Signal

MESSAGES: dict[str, tuple[Severity, str, str, str]] = {
    "competence.other_body": (
        Severity.WARNING,
        "По таблице органов вопрос не относится к компетенции адресата ({own}). Таблица называет: {named}. "
        "Это повод проверить, а не решение.",
        "Органдар кестесі бойынша мәселе адресаттың құзыретіне жатпайды ({own}). Кесте атайтын орган: {named}. "
        "Бұл — шешім емес, тексеруге негіз.",
        "By the table of bodies the matter is not the addressee's ({own}). The table names {named}. "
        "A reason to look, not a decision.",
    ),
    "competence.other_bodies": (
        Severity.WARNING,
        "По таблице органов вопрос не относится к компетенции адресата ({own}). По ней могут подойти: {named}. "
        "Это повод проверить, а не решение.",
        "Органдар кестесі бойынша мәселе адресаттың құзыретіне жатпайды ({own}). Ол бойынша сәйкес келуі мүмкін: "
        "{named}. Бұл — шешім емес, тексеруге негіз.",
        "By the table of bodies the matter is not the addressee's ({own}). By it these could be right: {named}. "
        "A reason to look, not a decision.",
    ),
    "competence.not_addressee": (
        Severity.WARNING,
        "По таблице органов вопрос не относится к компетенции адресата ({own}); чья она, таблица не определяет. "
        "Это повод проверить, а не решение.",
        "Органдар кестесі бойынша мәселе адресаттың құзыретіне жатпайды ({own}); кімдікі екенін кесте анықтамайды. "
        "Бұл — шешім емес, тексеруге негіз.",
        "By the table of bodies the matter is not the addressee's ({own}); whose it is, the table does not tell. "
        "A reason to look, not a decision.",
    ),
    "competence.named": (
        Severity.INFO,
        "Адресата в таблице органов нет, или он не указан. Таблица называет: {named}. Это подсказка, а не решение.",
        "Адресат органдар кестесінде жоқ немесе көрсетілмеген. Кесте атайтын орган: {named}. Бұл — шешім емес, нұсқау.",
        "The addressee is not in the table of bodies, or not given. The table names {named}. A hint, not a decision.",
    ),
    "competence.several": (
        Severity.INFO,
        "Адресата в таблице органов нет, или он не указан. По ней могут подойти: {named}. Это подсказка, а не решение.",
        "Адресат органдар кестесінде жоқ немесе көрсетілмеген. Ол бойынша сәйкес келуі мүмкін: {named}. "
        "Бұл — шешім емес, нұсқау.",
        "The addressee is not in the table of bodies, or not given. By it these could be right: {named}. "
        "A hint, not a decision.",
    ),
}
_OWN = 3
"""Maximum number of rows of the addressee that a signal names."""


def signal(code: str, own: Sequence[Row], named: Sequence[Row], fields: Sequence[str]) -> Signal:
    severity, ru, kk, en = MESSAGES[code]
    ids = ", ".join(row.said.id for row in own[:_OWN]) + (", …" if len(own) > _OWN else "")

    def told(text: str, word: str, *, kazakh: bool) -> str:
        bodies = "; ".join(
            f"«{row.said.name_kk if kazakh else row.said.name_ru}» ({word}: {row.said.id})" for row in named
        )
        return text.format(own=f"{word}: {ids}", named=bodies)

    return Signal(
        assessor="competence",
        code=code,
        severity=severity,
        message_ru=told(ru, "строка", kazakh=False),
        message_kk=told(kk, "жол", kazakh=True),
        message_en=told(en, "row", kazakh=False),
        fields=list(fields),
    )
