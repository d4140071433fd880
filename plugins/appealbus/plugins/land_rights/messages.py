"""The assessor's signals: severity, and wording in three languages."""

from appealbus.schemas.signal import Severity, Signal

MESSAGES: dict[str, tuple[Severity, str, str, str]] = {
    "land.holds_right": (
        Severity.INFO,
        "Заявитель имеет право на участок {number}.",
        "Өтініш берушінің {number} жер учаскесіне құқығы бар.",
        "The applicant has a right to the parcel {number}.",
    ),
    "land.leads_holder": (
        Severity.INFO,
        "Право на участок {number} принадлежит организации, которой руководит заявитель.",
        "{number} жер учаскесіне құқық өтініш беруші басқаратын ұйымға тиесілі.",
        "The right to the parcel {number} belongs to an organisation that the applicant heads.",
    ),
    "land.no_right": (
        Severity.WARNING,
        "Среди правообладателей участка {number} нет ни заявителя, ни организации под его руководством.",
        "{number} жер учаскесінің құқық иелері арасында өтініш беруші де, ол басқаратын ұйым да жоқ.",
        "Neither the applicant nor an organisation headed by the applicant has a right to the parcel {number}.",
    ),
    "land.no_rights_registered": (
        Severity.WARNING,
        "На участок {number} не зарегистрировано ни одного права.",
        "{number} жер учаскесіне бірде-бір құқық тіркелмеген.",
        "No right to the parcel {number} is registered.",
    ),
    "land.arrest": (
        Severity.CRITICAL,
        "На участок {number} наложен арест.",
        "{number} жер учаскесіне тыйым салынған.",
        "The parcel {number} is under arrest.",
    ),
    "land.pledge": (
        Severity.WARNING,
        "Участок {number} находится в залоге.",
        "{number} жер учаскесі кепілде тұр.",
        "The parcel {number} is pledged.",
    ),
    "land.encumbrance": (
        Severity.WARNING,
        "На участок {number} зарегистрировано обременение или ограничение.",
        "{number} жер учаскесіне ауыртпалық немесе шектеу тіркелген.",
        "An encumbrance or a restriction is registered on the parcel {number}.",
    ),
    "land.parcel_not_found": (
        Severity.WARNING,
        "Кадастр не знает участка {number}.",
        "Кадастрда {number} жер учаскесі жоқ.",
        "The cadastre does not know the parcel {number}.",
    ),
    "land.outside_territory": (
        Severity.WARNING,
        "Участок {number} лежит вне области, за которую отвечает адресат.",
        "{number} жер учаскесі адресат жауап беретін облыстан тыс жатыр.",
        "The parcel {number} lies outside the oblast that the addressee answers for.",
    ),
}


def signal(code: str, number: str, *fields: str) -> Signal:
    severity, message_ru, message_kk, message_en = MESSAGES[code]
    return Signal(
        assessor="land_rights",
        code=code,
        severity=severity,
        message_ru=message_ru.format(number=number),
        message_kk=message_kk.format(number=number),
        message_en=message_en.format(number=number),
        fields=list(fields),
    )
