"""The assessor's signals: severity, and wording in three languages."""

from collections.abc import Sequence
from typing import Final

from appealbus.plugins.repeats.words import NORMS, Article
from appealbus.plugins.terms.citing import Cited
from appealbus.schemas.signal import Severity, Signal

_RU = "Этот заявитель уже обращался по этому вопросу: {earlier}. "
_KK = "Бұл өтініш беруші осы мәселе бойынша бұрын жүгінген: {earlier}. "
_EN = "This applicant has written about this matter before: {earlier}. "
_NO_DECISION = ("Решает должностное лицо.", "Шешімді лауазымды адам қабылдайды.", "An official decides.")

MESSAGES: Final[dict[str, tuple[Severity, str, str, str]]] = {
    Article.NEW_ARGUMENTS: (
        Severity.INFO,
        _RU + "Новое здесь: {new}. Повторное обращение с новыми доводами — право ({norm}).",
        _KK + "Мұнда жаңасы: {new}. Жаңа дәлелдермен қайта жүгіну — құқық ({norm}).",
        _EN + "New here: {new}. To write again with new arguments is a right (АППК art. 70 ¶5).",
    ),
    Article.IDENTICAL: (
        Severity.WARNING,
        _RU + "Нового не найдено, процедура прекращена тем же органом: возможно, идентичное обращение "
        "({norm}). " + _NO_DECISION[0],
        _KK + "Жаңа ештеңе табылмады, рәсімді сол орган тоқтатқан: бірдей өтініш болуы мүмкін "
        "({norm}). " + _NO_DECISION[1],
        _EN + "Nothing new was found, and the same body has ended the procedure: it may be identical "
        "(АППК art. 64 ¶7 2). " + _NO_DECISION[2],
    ),
    Article.TERMINABLE: (
        Severity.WARNING,
        _RU + "Нового не найдено, ответ дан: рассмотрение, возможно, подлежит прекращению, если есть материалы "
        "проверок ({norm}). " + _NO_DECISION[0],
        _KK + "Жаңа ештеңе табылмады, жауап берілген: тексеру материалдары болса, қарау тоқтатылуы мүмкін "
        "({norm}). " + _NO_DECISION[1],
        _EN + "Nothing new was found, and an answer was given: with materials of checks it may be terminated "
        "(АППК art. 88 ¶1 1). " + _NO_DECISION[2],
    ),
    Article.DECIDED: (
        Severity.WARNING,
        _RU
        + "Нового не найдено, решение есть: возможно, тот же предмет и те же основания ({norm}). "
        + _NO_DECISION[0],
        _KK
        + "Жаңа ештеңе табылмады, шешім бар: нысанасы мен негіздері бірдей болуы мүмкін ({norm}). "
        + _NO_DECISION[1],
        _EN + "Nothing new was found, and there is a decision: subject and grounds may be the same "
        "(АППК art. 70 ¶1). " + _NO_DECISION[2],
    ),
    Article.COMPLAINT: (
        Severity.INFO,
        _RU + "Новое здесь: {new}. Обжаловать решение — право ({norm}).",
        _KK + "Мұнда жаңасы: {new}. Шешімге шағым жасау — құқық ({norm}).",
        _EN + "New here: {new}. To complain about a decision is a right (АППК art. 91).",
    ),
    Article.UNDECIDED: (
        Severity.INFO,
        _RU + "О решении по нему ничего не известно. Новое здесь: {new}.",
        _KK + "Ол бойынша шешім туралы ештеңе белгісіз. Мұнда жаңасы: {new}.",
        _EN + "Nothing is known of a decision on it. New here: {new}.",
    ),
    Article.NO_TEXT: (
        Severity.INFO,
        _RU + "Сравнить нельзя: текста здесь или там нет, или он длиннее 200 000 знаков.",
        _KK + "Салыстыру мүмкін емес: мұнда не онда мәтін жоқ немесе ол 200 000 таңбадан ұзын.",
        _EN + "They cannot be compared: one of them has no text, or one of more than 200,000 characters.",
    ),
    "same_text": (
        Severity.INFO,
        "Такой же текст прислали и другие: {count}, первое из них — № {first} от {day}; сверено дословно: {read}.",
        "Осындай мәтінді басқалар да жіберген: {count}, алғашқысы — № {first}, {day}; сөзбе-сөз салыстырылды: {read}.",
        "Others have sent the same text: {count}, the first is {first} of {day}; compared word for word: {read}.",
    ),
    "same_parcel": (
        Severity.INFO,
        "О том же участке писали другие заявители: {count}, последнее — № {last} от {day}. Возможен спор.",
        "Сол жер учаскесі туралы басқа өтініш берушілер де жазған: {count}, соңғысы — № {last}, {day}. Дау болуы "
        "мүмкін.",
        "Others have written about the same parcel: {count}, the last is {last} of {day}. There may be a dispute.",
    ),
}
"""By code without the prefix `repeats.`."""


def signal(
    code: str, fields: Sequence[str], ru: dict[str, object], kk: dict[str, object], en: dict[str, object]
) -> Signal:
    severity, russian, kazakh, english = MESSAGES[code]
    norm = NORMS.get(Article.stored(code), Cited("", ""))
    return Signal(
        assessor="repeats",
        code=f"repeats.{code}",
        severity=severity,
        message_ru=russian.format(**ru, norm=norm.ru),
        message_kk=kazakh.format(**kk, norm=norm.kk),
        message_en=english.format(**en),
        fields=list(fields),
    )
