"""Random combinations of common Kazakh and Russian names."""

from dataclasses import dataclass

from appealbus.simulator.draw import Draw


def words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_KAZAKH_MALE = words(
    "Асхат Ербол Нұрлан Серік Бауыржан Қайрат Мұрат Дәурен Алмас Ерлан Айдос Нұржан Жанибек Арман Талғат Марат "
    "Болат Самат Азамат Руслан Ануар Бекзат Ғалым Дархан Еркін Жасұлан Қуаныш Мейрам Олжас Рүстем Санжар Тимур "
    "Ұлан Шыңғыс Ыбырай Әділ Өмірбек Батырхан Тілек Кенжебек Аманжол Сағынтай Ғабит"
)
_KAZAKH_FEMALE = words(
    "Айгүл Гүлнар Жанар Динара Алия Айнұр Салтанат Гүлмира Сәуле Мәдина Асель Ботагөз Әсем Жұлдыз Қарлығаш Мөлдір "
    "Назгүл Перизат Рауан Сабина Толқын Ұлжан Шолпан Ырысты Ақмарал Бибігүл Гауһар Дана Еркежан Зарина Індира "
    "Камила Ләззат Маржан Нұргүл Райхан Сандуғаш Торғын Фариза Әйгерім Үміт Бақытгүл"
)
_KAZAKH_FATHERS = words(
    "Сәкен Нұрлан Ермек Қанат Бақыт Серік Марат Жұмабай Әбіш Тұрсын Қайыр Есен Мұқан Оразбай Сейіт Төлеген "
    "Ғабдолла Амангелді Бекболат Дүйсен Жақсылық Кенжеғали Қабдеш Мұса Нұрғали Рахым Сапар Темір Ізтай Шәкір"
)
_KAZAKH_SURNAMES = words(
    "Ахмет Оспан Сағындық Нұрпейіс Жұмағали Қасым Сүлеймен Бекмұхамбет Есенғали Тілеу Омар Сәрсен Мұхан Ибрагим "
    "Қуанғали Дүйсенғали Жақсығали Утеген Кенжебай Сатыбалды Төлеп Айтқали Бисен Ғұбайдулла Хамит Шәріп Елеу "
    "Мырзағали Исатай Махамбет Құлман Ерғали Сүндет Тұяқ Балмағамбет Кәрім Нәби Абдолла Ізбас"
)
_RUSSIAN_MALE = words(
    "Александр Сергей Андрей Николай Виктор Владимир Алексей Дмитрий Иван Пётр Михаил Юрий Олег Евгений "
    "Константин Фёдор Григорий Василий Павел Геннадий Анатолий Степан"
)
_RUSSIAN_FEMALE = words(
    "Елена Ольга Татьяна Наталья Светлана Ирина Людмила Галина Марина Анна Мария Валентина Надежда Вера Любовь "
    "Оксана Екатерина Лариса Алёна Зинаида Раиса Тамара"
)
_RUSSIAN_FATHERS = words(
    "Александров Сергеев Андреев Николаев Викторов Владимиров Алексеев Дмитриев Иванов Петров Михайлов Юрьев "
    "Олегов Евгеньев Константинов Фёдоров Григорьев Васильев Павлов Геннадьев Анатольев Степанов"
)
_RUSSIAN_SURNAMES = words(
    "Иванов Петров Сидоров Кузнецов Смирнов Попов Соколов Лебедев Козлов Новиков Морозов Волков Зайцев Павлов "
    "Семёнов Голубев Виноградов Богданов Воробьёв Фёдоров Михайлов Беляев Тарасов Белов Комаров Орлов Киселёв "
    "Макаров Андреев Ковалёв Ильин Гусев Титов Кузьмин Кудрявцев Баранов Щукин Яицков Чеботарёв Хохлачёв"
)

VARIANTS = str.maketrans("ёәғқңөұүһіӘҒҚҢӨҰҮҺІЁ", "еагкноуухиАГКНОУУХИЕ")
"""Spelling without a Kazakh keyboard and without ё."""

_VOWELS = "аеёиоуыэюяәөұүі"


@dataclass(frozen=True, slots=True)
class FullName:
    """A name in capitals, as the register has it."""

    surname: str
    name: str
    patronymic: str | None
    kazakh: bool


def full_name(draw: Draw, *, male: bool) -> FullName:
    """Return a name: two of three Kazakh, the rest Russian; endings follow the gender."""
    kazakh = draw.chance(0.68)
    if kazakh:
        parts = _kazakh(draw, male=male)
    else:
        end = "" if male else "а"
        father = draw.pick(_RUSSIAN_FATHERS)
        parts = (
            draw.pick(_RUSSIAN_SURNAMES) + end,
            draw.pick(_RUSSIAN_MALE if male else _RUSSIAN_FEMALE),
            father + ("ич" if male else "на"),
        )
    surname, name, patronymic = parts
    return FullName(surname.upper(), name.upper(), patronymic.upper() if patronymic else None, kazakh)


def _kazakh(draw: Draw, *, male: bool) -> tuple[str, str, str | None]:
    surname = draw.pick(_KAZAKH_SURNAMES)
    # The three ways of today: Russified (-ов), father's name with -ұлы/-қызы, or the bare name.
    style = draw.below(10)
    if style < 7:
        soft = surname[-1] in _VOWELS + "йл"
        surname = surname.removesuffix("й") + ("ев" if soft else "ов") + ("" if male else "а")
    elif style == 7:
        surname += "ұлы" if male else "қызы"
    name = draw.pick(_KAZAKH_MALE if male else _KAZAKH_FEMALE)
    father = draw.pick(_KAZAKH_FATHERS)
    ending = draw.below(20)
    if ending < 9:
        return surname, name, father + ("ұлы" if male else "қызы")
    if ending < 18:
        soft = father[-1] in _VOWELS + "й"
        stem = father.removesuffix("й")
        return surname, name, stem + (("евич" if soft else "ович") if male else ("евна" if soft else "овна"))
    return surname, name, None


def title(text: str) -> str:
    """Capitalise a name, also after hyphens."""
    return "-".join(part[:1].upper() + part[1:].lower() for part in text.split("-"))
