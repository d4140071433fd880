"""Words that name adjacent numbers, and forms of numbers of other kinds."""

import re

from appealbus.schemas.identifiers import control_digit

WORD = re.compile(
    r"(?P<holder>(?<![^\W\d_])(?:и\W{0,2}и\W{0,2}н|ж\W{0,2}с\W{0,2}н|б\W{0,2}[ис]\W{0,2}н|iin|bin|zhsn|bsn)"
    r"(?![^\W\d_]{4})|(?:идентификацио|сәйкестендір|identification)\w*(?:\W{1,3}(?:нөмірі?|номер\w{0,2}|number))?)"
    r"|(?P<cadastre>кад(?:астр|[.\s])|к/н|[ck]ad(?:astr|num|[_=.\s]))"
    r"|(?P<land>участок|участк|учаск|телім)"
    r"|(?P<other>(?<![^\W\d_])(?:стоимост|цен[ау]|сумм|сома|құны|баға|тел[.:е]|моб\.|ұялы|whatsapp|phone|сч[её]т|шот|инн|рнн|пинфл"
    r"|чек|полис|артикул|квитанц|договор|заявк|талон|лицев|удостовер|паспорт|receipt|policy|contract|invoice|passport))"
)
_FILE_WORDS = r"(?:архив|мұрағат|archive|договор|шарт|келісім|контракт|contract|дел[оауе]\b|ісі?\b|\bfile|опис)"
FILE = re.compile(rf"{_FILE_WORDS}[^.!?\d]{{0,25}}(?:no\.\s)?$")
OF_A_FILE = re.compile(rf"\W{{0,3}}{_FILE_WORDS}")
STAMP = re.compile(r"(?:скан|scan|img|build|сборк|stamp|log|врем|уақыт|дат[аы]\b|time)[^.!?\d]{0,25}$")
STAMPED = re.compile(r"[0-3]\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[01]\d|2[0-3])(?:[0-5]\d){2}")
SUM = re.compile(r"(?:итого|всего|сумм|стоимост|барлығы|total)\w{0,4}\W{0,3}$")
MONEY = re.compile(r"\s{0,2}(?:тыс|млн|млрд|мың|тенге|теңге|тг|₸|kzt|руб|\$|€)")
PHONE = re.compile(r"(?:тел[.:е]|моб|ұялы|whatsapp|phone)[^.!?\d]{0,25}$")
FOREIGN = re.compile(r"(?:росс|ресей|russia)[^.!?\d]{0,30}(?:инн|inn)\W{0,3}$")
_ID_FORMS = (
    r"(?<![0-9a-z])(?:(?P<uuid>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})|00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"
    r"|(?P<digest>[0-9a-f]{32,128})|[a-z]{2}\d\d(?:\s?[0-9a-z]{4}){3,5})(?![0-9a-z])"
)
HEX = frozenset("abcdef")
DIGESTS = (32, 40, 56, 64, 96, 128)
_DASHES = r"\-\u2010-\u2015"
OTHER = re.compile(
    rf"{_ID_FORMS}|(?<!\d)(?=[\d+])(?:"
    r"(?<!\.)\d{1,2}\.\d{1,2}\.\d\d(?!\.?\d)|\d{1,2}(?P<a>[./-])\d{1,2}(?P=a)(?:19|20)\d\d(?![./-]?\d)"
    r"|(?:19|20)\d\d(?P<b>[./-])\d\d(?P=b)\d\d(?!\d)|(?<=[^\W\d_]-)20[2-9]\d-\d{8}(?!\d)"
    r"|(?<!:)\d?\d:\d\d(?::\d\d)?(?!:?\d)|\d{4}(?P<c>[ -])\d{4}(?P=c)\d{4}(?P=c)\d{4}(?!\d)"
    rf"|(?P<phone>(?:\+\s?7|8|7|007)[\s().{_DASHES}/]{{0,3}}\d{{3}}(?:[\s().{_DASHES}/]{{0,3}}\d){{7}}(?!\d))"
    r"|\d[\d\s.,]*+(?:тыс|млн|млрд|мың|тенге|теңге|тг|₸|kzt|руб|\$|€))"
)
AN_ID = re.compile(_ID_FORMS)


def is_valid(digits: str) -> bool:
    """Whether twelve digits may be an ИИН or a БИН: a valid date part, and a valid check digit."""
    if len(digits) != 12 or not "01" <= digits[2:4] <= "12":
        return False
    if digits[4] not in "456" and not ("01" <= digits[4:6] <= "31" and digits[6] < "7"):
        return False
    return control_digit(digits[:11]) == int(digits[11])
