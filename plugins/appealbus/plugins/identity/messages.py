"""The assessor's signals: severity, and wording in three languages."""

from appealbus.schemas.signal import Severity, Signal

_INFO, _WARNING, _CRITICAL = Severity.INFO, Severity.WARNING, Severity.CRITICAL

MESSAGES: dict[str, tuple[Severity, str, str, str]] = {
    "identity.confirmed": (
        _INFO,
        "Фамилия и имя заявителя совпадают с данными ГБД ФЛ.",
        "Өтініш берушінің тегі мен аты ЖТ МДҚ деректеріне сәйкес келеді.",
        "The applicant's surname and name agree with ГБД ФЛ, the register of persons.",
    ),
    "identity.spelling_differs": (
        _INFO,
        "Имя в обращении написано иначе, чем в ГБД ФЛ, но это то же имя.",
        "Өтініштегі есім ЖТ МДҚ-дағыдан өзгеше жазылған, бірақ бұл сол есім.",
        "The name in the appeal is spelt otherwise than in ГБД ФЛ, but is the same name.",
    ),
    "identity.name_order": (
        _INFO,
        "Фамилия и имя в обращении переставлены местами.",
        "Өтініште тегі мен аты орын ауыстырған.",
        "Surname and name have changed places in the appeal.",
    ),
    "identity.surname_differs": (
        _WARNING,
        "Фамилия в обращении не совпадает с данными ГБД ФЛ.",
        "Өтініштегі тегі ЖТ МДҚ деректеріне сәйкес келмейді.",
        "The surname in the appeal does not agree with ГБД ФЛ.",
    ),
    "identity.name_differs": (
        _WARNING,
        "Имя в обращении не совпадает с данными ГБД ФЛ.",
        "Өтініштегі аты ЖТ МДҚ деректеріне сәйкес келмейді.",
        "The name in the appeal does not agree with ГБД ФЛ.",
    ),
    "identity.patronymic_differs": (
        _WARNING,
        "Отчество в обращении не совпадает с данными ГБД ФЛ.",
        "Өтініштегі әкесінің аты ЖТ МДҚ деректеріне сәйкес келмейді.",
        "The patronymic in the appeal does not agree with ГБД ФЛ.",
    ),
    "identity.birth_date_differs": (
        _WARNING,
        "Дата рождения в обращении не совпадает с данными ГБД ФЛ.",
        "Өтініштегі туған күні ЖТ МДҚ деректеріне сәйкес келмейді.",
        "The date of birth in the appeal does not agree with ГБД ФЛ.",
    ),
    "identity.iin_differs": (
        _WARNING,
        "ИИН в обращении не тот, что у найденного лица.",
        "Өтініштегі ЖСН табылған тұлғаның ЖСН-іне сәйкес келмейді.",
        "The IIN in the appeal is not that of the person who was found.",
    ),
    "identity.found_by_mention": (
        _INFO,
        "ИИН заявителя не указан, но в тексте есть ИИН лица с тем же именем.",
        "Өтініш берушінің ЖСН-і көрсетілмеген, бірақ мәтінде есімі сондай тұлғаның ЖСН-і бар.",
        "The applicant's IIN is not given, but the text has the IIN of a person of the same name.",
    ),
    "identity.not_found": (
        _WARNING,
        "ГБД ФЛ не знает лица с такими данными.",
        "ЖТ МДҚ-да мұндай деректері бар тұлға жоқ.",
        "ГБД ФЛ knows no person with these data.",
    ),
    "identity.ambiguous": (
        _WARNING,
        "По данным обращения в ГБД ФЛ находится несколько лиц: нужен ИИН.",
        "Өтініш деректері бойынша ЖТ МДҚ-да бірнеше тұлға табылды: ЖСН қажет.",
        "ГБД ФЛ has several persons with the data of the appeal: the IIN is needed.",
    ),
    "identity.deceased": (
        _CRITICAL,
        "По данным ГБД ФЛ заявитель умер.",
        "ЖТ МДҚ деректері бойынша өтініш беруші қайтыс болған.",
        "By ГБД ФЛ the applicant is dead.",
    ),
    "identity.life_status": (
        _WARNING,
        "Статус заявителя в ГБД ФЛ отличается от обычного.",
        "Өтініш берушінің ЖТ МДҚ-дағы мәртебесі әдеттегіден өзгеше.",
        "The applicant's status in ГБД ФЛ is an unusual one.",
    ),
    "identity.incapable": (
        _CRITICAL,
        "Суд признал заявителя недееспособным или ограниченно дееспособным.",
        "Сот өтініш берушіні әрекетке қабілетсіз немесе әрекет қабілеті шектеулі деп таныған.",
        "A court has found the applicant incapable, or of limited capability.",
    ),
    "identity.missing": (
        _CRITICAL,
        "Заявитель числится безвестно отсутствующим или пропавшим.",
        "Өтініш беруші хабар-ошарсыз кеткен немесе жоғалған деп есептеледі.",
        "The applicant is registered as missing or lost.",
    ),
    "identity.excluded": (
        _WARNING,
        "Запись о заявителе исключена из ГБД ФЛ.",
        "Өтініш беруші туралы жазба ЖТ МДҚ-дан шығарылған.",
        "The record of the applicant is excluded from ГБД ФЛ.",
    ),
    "identity.document_invalid": (
        _WARNING,
        "Документ, указанный в обращении, недействителен.",
        "Өтініште көрсетілген құжат жарамсыз.",
        "The document that the appeal names is not valid.",
    ),
    "identity.document_expired": (
        _WARNING,
        "Срок действия документа, указанного в обращении, истёк.",
        "Өтініште көрсетілген құжаттың қолданылу мерзімі өткен.",
        "The document that the appeal names has expired.",
    ),
    "identity.document_unknown": (
        _WARNING,
        "Документа с указанным номером у этого лица в ГБД ФЛ нет.",
        "ЖТ МДҚ-да бұл тұлғаның көрсетілген нөмірлі құжаты жоқ.",
        "By ГБД ФЛ this person has no document with the number given.",
    ),
    "identity.no_valid_document": (
        _WARNING,
        "В ГБД ФЛ у заявителя нет ни одного действительного документа.",
        "ЖТ МДҚ-да өтініш берушінің бірде-бір жарамды құжаты жоқ.",
        "By ГБД ФЛ the applicant has no valid document at all.",
    ),
    "identity.organisation_not_found": (
        _WARNING,
        "ГБД ЮЛ не знает организации с указанным БИН.",
        "ЗТ МДҚ-да көрсетілген БСН-і бар ұйым жоқ.",
        "ГБД ЮЛ, the register of organisations, knows none with the BIN given.",
    ),
    "identity.organisation_liquidated": (
        _CRITICAL,
        "Организация-заявитель ликвидирована.",
        "Өтініш беруші ұйым таратылған.",
        "The organisation that applies is liquidated.",
    ),
    "identity.leader_confirmed": (
        _INFO,
        "Обращение подписал руководитель организации по данным ГБД ЮЛ.",
        "Өтінішке ЗТ МДҚ деректері бойынша ұйым басшысы қол қойған.",
        "By ГБД ЮЛ the head of the organisation has signed the appeal.",
    ),
    "identity.leader_differs": (
        _WARNING,
        "Подписавший обращение не числится руководителем организации в ГБД ЮЛ.",
        "Өтінішке қол қоюшы ЗТ МДҚ-да ұйым басшысы болып есептелмейді.",
        "By ГБД ЮЛ whoever signed the appeal is not the head of the organisation.",
    ),
    "identity.leader_left": (
        _WARNING,
        "Полномочия руководителя организации по данным ГБД ЮЛ прекращены.",
        "ЗТ МДҚ деректері бойынша ұйым басшысының өкілеттігі тоқтатылған.",
        "By ГБД ЮЛ the powers of the head of the organisation have ended.",
    ),
}


def signal(code: str, *fields: str) -> Signal:
    severity, message_ru, message_kk, message_en = MESSAGES[code]
    return Signal(
        assessor="identity",
        code=code,
        severity=severity,
        message_ru=message_ru,
        message_kk=message_kk,
        message_en=message_en,
        fields=list(fields),
    )
