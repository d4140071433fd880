"""Parts of signal texts in three languages: signals are stored, so no later catalogue can translate them."""

from appealbus.plugins.repeats.sentences import News
from appealbus.plugins.repeats.standing import AppealResult
from appealbus.plugins.repeats.words import Came

_CAME: dict[Came, tuple[str, str, str]] = {
    Came.OPEN: ("на рассмотрении", "қаралуда", "being considered"),
    Came.ANSWERED: ("дан ответ", "жауап берілген", "answered"),
    Came.SATISFIED: ("удовлетворено", "қанағаттандырылған", "satisfied"),
    Came.PARTLY_SATISFIED: ("удовлетворено частично", "ішінара қанағаттандырылған", "satisfied in part"),
    Came.REFUSED: ("отказано", "бас тартылған", "refused"),
    Came.EXPLAINED: ("дано разъяснение", "түсіндірме берілген", "explained"),
    Came.TAKEN_NOTE: ("принято к сведению", "назарға алынған", "taken note of"),
    Came.TERMINATED: ("процедура прекращена", "рәсім тоқтатылған", "procedure terminated"),
    Came.LEFT: ("оставлено без рассмотрения", "қараусыз қалдырылған", "left without consideration"),
    Came.RETURNED: ("возвращено", "қайтарылған", "returned"),
    Came.SILENCE: ("срок истёк без ответа", "мерзім жауапсыз өткен", "no answer within the term"),
    Came.WITHDRAWN: ("отозвано заявителем", "өтініш беруші қайтарып алған", "withdrawn"),
    Came.CLOSED: ("закрыто", "жабылған", "closed"),
}
_LANGUAGES = {"ru": 0, "kk": 1, "en": 2}


def came_in(language: str, number: str, body: str | None, standing: AppealResult) -> str:
    """Return an earlier appeal with body and result: `№ 7 (акимат) — отказано, 2026-03-01`."""
    at = _LANGUAGES[language]
    sign = "" if language == "en" else "№ "
    text = f"{sign}{number}" + (f" ({body})" if body else "") + f" — {_CAME[standing.came][at]}"
    return text + (f", {standing.day}" if standing.day is not None else "")


def new_in(language: str, news: News, attachments: int, parcels: int) -> str:
    new, changed = len(news.new), len(news.changed)
    match language:
        case "ru":
            return f"предложений — {new}, изменено — {changed}, файлов — {attachments}, участков — {parcels}"
        case "kk":
            return f"сөйлем — {new}, өзгертілгені — {changed}, файл — {attachments}, жер учаскесі — {parcels}"
        case _:
            return f"sentences: {new}, changed: {changed}, files: {attachments}, parcels: {parcels}"


def many_in(language: str, count: int, *, more: bool) -> str:
    """Return a count; `more`: a lower bound."""
    if not more:
        return str(count)
    return {"ru": f"не менее {count}", "kk": f"кемінде {count}"}.get(language, f"at least {count}")
