"""Places of the synthetic population: West Kazakhstan, and two rayons of its neighbours for misdirected letters.

Names are real. The cadastral codes of rayons and the codes of ГБД ФЛ and of the address register are made up in their
known format, except those of Uralsk in КАТО and ГБД ФЛ.
"""

from dataclasses import dataclass

from appealbus.simulator.numbers import STEPS


@dataclass(frozen=True, slots=True)
class District:
    """A rayon or a city of oblast rank, with its settlements (centre first) and its codes in four systems."""

    name_ru: str
    name_kk: str
    genitive_ru: str
    genitive_kk: str
    settlements: tuple[tuple[str, str], ...]
    kato: str
    cadastral: tuple[str, str]
    gbdfl: str
    ate: str
    weight: int
    """Number of blocks of quarters, by which parcels are distributed."""

    @property
    def city(self) -> bool:
        """Whether it is a city of oblast rank."""
        return self.name_ru.startswith("г. ")

    @property
    def home(self) -> bool:
        """Whether it is in West Kazakhstan oblast."""
        return self.cadastral[0] == "08"


def _settlements(text: str) -> tuple[tuple[str, str], ...]:
    pairs = (item.split("/") for item in text.split(", "))
    return tuple((pair[0], pair[-1]) for pair in pairs)


def _rayon(ru: str, genitive_ru: str, kk: str, settlements: str, *, code: int, weight: int = 2) -> District:
    return District(
        f"{ru} район",
        f"{kk} ауданы",
        f"{genitive_ru} района",
        f"{kk} ауданының",
        _settlements(settlements),
        f"27{30 + 2 * code}00000",
        ("08", f"{110 + code:03d}"),
        f"19262{code:02d}",
        f"2705{code:02d}",
        weight,
    )


def _town(names: tuple[str, str, str, str], towns: str, codes: tuple[str, str, str, str, str], weight: int) -> District:
    kato, oblast, rayon, gbdfl, ate = codes
    return District(*names, _settlements(towns), kato, (oblast, rayon), gbdfl, ate, weight)


DISTRICTS = (
    _town(
        ("г. Уральск", "Орал қаласы", "города Уральска", "Орал қаласының"),
        "Уральск/Орал, Зачаганск/Зашаған, Деркул/Деркөл, Круглоозёрное/Дөңгелек көл, Желаево/Желаев",
        ("271010000", "08", "130", "1926401", "270500"),
        10,
    ),
    _rayon(
        "Акжаикский", "Акжаикского", "Ақжайық", "Чапаев, Тайпак/Тайпақ, Мерген, Базартобе/Базартөбе", code=1, weight=3
    ),
    _rayon("Бокейординский", "Бокейординского", "Бөкей ордасы", "Сайхин/Сайқын, Хан Ордасы, Бисен/Бисен", code=2),
    _rayon(
        "Бурлинский",
        "Бурлинского",
        "Бөрлі",
        "Аксай/Ақсай, Бурлин/Бөрлі, Приуральное/Жарсуат, Кентубек/Кентүбек",
        code=3,
        weight=6,
    ),
    _rayon(
        "Жангалинский", "Жангалинского", "Жаңақала", "Жангала/Жаңақала, Пятимар/Бесмар, Мастексай/Мәстексай", code=4
    ),
    _rayon("Жанибекский", "Жанибекского", "Жәнібек", "Жанибек/Жәнібек, Таловка/Талов, Узункуль/Ұзынкөл", code=5),
    _rayon(
        "Казталовский",
        "Казталовского",
        "Казталов",
        "Казталовка/Казталов, Жалпактал/Жалпақтал, Бостандык/Бостандық",
        code=6,
    ),
    _rayon(
        "Каратобинский", "Каратобинского", "Қаратөбе", "Каратобе/Қаратөбе, Коскуль/Қоскөл, Егиндиколь/Егіндікөл", code=7
    ),
    _rayon(
        "Байтерекский",
        "Байтерекского",
        "Бәйтерек",
        "Переметное/Перемётный, Дарьинское/Дариян, Трекино, Мичурино",
        code=8,
        weight=6,
    ),
    _rayon("Сырымский", "Сырымского", "Сырым", "Жымпиты/Жымпиты, Булан/Бұлан, Косарал/Қосарал", code=9),
    _rayon("Таскалинский", "Таскалинского", "Тасқала", "Таскала/Тасқала, Мереке, Актау/Ақтау", code=10),
    _rayon(
        "Теректинский",
        "Теректинского",
        "Теректі",
        "Федоровка/Федоров, Акжаик/Ақжайық, Подстепное/Тасоба",
        code=11,
        weight=4,
    ),
    _rayon(
        "Чингирлауский", "Чингирлауского", "Шыңғырлау", "Чингирлау/Шыңғырлау, Лубенка/Лубен, Ащысай/Ащысай", code=12
    ),
    _town(
        ("г. Актобе", "Ақтөбе қаласы", "города Актобе", "Ақтөбе қаласының"),
        "Актобе/Ақтөбе",
        ("151010000", "02", "036", "1904401", "250100"),
        1,
    ),
    _town(
        ("г. Атырау", "Атырау қаласы", "города Атырау", "Атырау қаласының"),
        "Атырау",
        ("231010000", "04", "066", "1915401", "260100"),
        1,
    ),
)

BLOCKS = tuple((district, step) for district in DISTRICTS for step in range(district.weight))
"""Blocks of quarters by number."""
assert max(step for _, step in BLOCKS) < STEPS  # noqa: S101

BLOCK_INDEX = {(*district.cadastral, step): index for index, (district, step) in enumerate(BLOCKS)}

OBLASTS = {
    "08": ("Западно-Казахстанская область", "Батыс Қазақстан облысы", "1926"),
    "02": ("Актюбинская область", "Ақтөбе облысы", "1904"),
    "04": ("Атырауская область", "Атырау облысы", "1915"),
}
"""Russian name, Kazakh name and code in ГБД ФЛ, by cadastral oblast."""

STREETS = (
    ("Абая", "Абай"),
    ("Абулхаир хана", "Әбілқайыр хан"),
    ("Исатая-Махамбета", "Исатай-Махамбет"),
    ("Курмангазы", "Құрманғазы"),
    ("Жангир хана", "Жәңгір хан"),
    ("Достык-Дружба", "Достық"),
    ("Евразия", "Еуразия"),
    ("Шолохова", "Шолохов"),
    ("Гагарина", "Гагарин"),
    ("Победы", "Жеңіс"),
    ("Мухита", "Мұхит"),
    ("Сарайшык", "Сарайшық"),
    ("Молдагуловой", "Молдағұлова"),
    ("Маметовой", "Мәметова"),
    ("Степная", "Дала"),
    ("Садовая", "Бау-бақша"),
    ("Школьная", "Мектеп"),
    ("Набережная", "Жағалау"),
    ("Жастар", "Жастар"),
    ("Тауелсиздик", "Тәуелсіздік"),
    ("Бейбитшилик", "Бейбітшілік"),
    ("Сундеткали", "Сүндетқали"),
)
"""Russian and Kazakh names."""
