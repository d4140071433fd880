"""State bodies of the synthetic region: addressees, holders of state land, and beneficiaries of encumbrances."""

from dataclasses import dataclass

from appealbus.simulator.places import DISTRICTS, District


@dataclass(frozen=True, slots=True)
class Body:
    """A state body with its territory; it has the same index among the organisations."""

    name_ru: str
    name_kk: str
    duty: str
    """`land`, `akimat`, `housing`, `social` …: used to choose an addressee."""
    kato: str


_DUTIES = (
    ("akimat", "Аппарат акима {ru}", "{kk} әкімінің аппараты"),
    ("land", "Отдел земельных отношений {ru}", "{kk} жер қатынастары бөлімі"),
    ("housing", "Отдел жилищно-коммунального хозяйства {ru}", "{kk} тұрғын үй-коммуналдық шаруашылық бөлімі"),
)
_OBLAST = (
    ("akimat", "Аппарат акима Западно-Казахстанской области", "Батыс Қазақстан облысы әкімінің аппараты"),
    (
        "land",
        "Управление земельных отношений Западно-Казахстанской области",
        "Батыс Қазақстан облысының жер қатынастары басқармасы",
    ),
    (
        "social",
        "Управление координации занятости и социальных программ ЗКО",
        "БҚО жұмыспен қамтуды үйлестіру және әлеуметтік бағдарламалар басқармасы",
    ),
    ("education", "Управление образования Западно-Казахстанской области", "Батыс Қазақстан облысының білім басқармасы"),
    (
        "health",
        "Управление здравоохранения Западно-Казахстанской области",
        "Батыс Қазақстан облысының денсаулық сақтау басқармасы",
    ),
    (
        "roads",
        "Управление пассажирского транспорта и автомобильных дорог ЗКО",
        "БҚО жолаушылар көлігі және автомобиль жолдары басқармасы",
    ),
    (
        "ecology",
        "Управление природных ресурсов и регулирования природопользования ЗКО",
        "БҚО табиғи ресурстар және табиғат пайдалануды реттеу басқармасы",
    ),
    (
        "tax",
        "Департамент государственных доходов по Западно-Казахстанской области",
        "Батыс Қазақстан облысы бойынша мемлекеттік кірістер департаменті",
    ),
    ("justice", "Департамент юстиции Западно-Казахстанской области", "Батыс Қазақстан облысының әділет департаменті"),
    ("police", "Департамент полиции Западно-Казахстанской области", "Батыс Қазақстан облысының полиция департаменті"),
)


def _bodies() -> tuple[Body, ...]:
    oblast = [Body(ru, kk, duty, "270000000") for duty, ru, kk in _OBLAST]
    local = [
        Body(ru.format(ru=place.genitive_ru), kk.format(kk=place.genitive_kk), duty, place.kato)
        for place in DISTRICTS
        for duty, ru, kk in _DUTIES
    ]
    return tuple(oblast + local)


BODIES = _bodies()
_BY_DUTY = {(body.duty, body.kato): index for index, body in reversed(list(enumerate(BODIES)))}


def body_index(duty: str, district: District) -> int:
    """Return the district's body with a duty, else that of the oblast, else the akim's office."""
    for key in ((duty, district.kato), (duty, "270000000"), ("akimat", district.kato)):
        if key in _BY_DUTY:
            return _BY_DUTY[key]
    raise LookupError(duty)
