"""Writes the n-th appeal of a population, determined by seed, size and n."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from appealbus.core.clocks import KAZAKHSTAN, day_of
from appealbus.schemas.appeal import Appeal, AppealForm, AppealKind, Language
from appealbus.simulator.appeals import identity
from appealbus.simulator.appeals.letters import CATEGORIES, PHRASES, Letter, letters
from appealbus.simulator.appeals.matters import Matter, matter
from appealbus.simulator.draw import Draw
from appealbus.simulator.places import BODIES, STREETS, body_index
from appealbus.simulator.population import Population

_FIRST = datetime(2026, 1, 12, 9, 3, tzinfo=KAZAKHSTAN)
_REPEAT_EVERY = 50
"""Four of the 200 examples are sent twice."""
_LONG_EVERY = 61
"""A prime, so that long letters do not coincide with another feature."""
_DAYS = {AppealKind.COMPLAINT: 28, AppealKind.SERVICE_COMPLAINT: 7, AppealKind.REHABILITATION_APPLICATION: 90}
_FORMS = [AppealForm.ELECTRONIC] * 16 + [AppealForm.PAPER] * 2 + [AppealForm.ORAL, AppealForm.VIDEO]
"""Eight in ten are electronic, so that every other form occurs too."""
_TOPICS = ("own", "stranger", "own", "two", "own", "arrest", "own", "own", "stranger", "own", "free", "own", "arrest")
_SPECIAL = frozenset(AppealKind) - {AppealKind.COMPLAINT, AppealKind.APPLICATION, AppealKind.REPORT}


@dataclass(frozen=True, slots=True)
class WrittenAppeal:
    """An appeal and its deliberate defects and special features."""

    appeal: Appeal
    letter: Letter
    dirt: frozenset[str]


def write(population: Population, number: int) -> WrittenAppeal:
    """Return an appeal. One in fifty is an exact repetition of the one seven before it."""
    if number % _REPEAT_EVERY == _REPEAT_EVERY - 1:
        first = write(population, number - 7)
        return WrittenAppeal(first.appeal, first.letter, first.dirt | {"duplicate"})
    draw = Draw(population.seed, population.persons.size, "appeal", number)
    letter = _letter(draw, number)
    about = matter(population, draw, letter.topic, letter.who, number // 3)
    odd = identity.way(draw)
    if letter.who == "organisation" and odd not in ("iin_in_text", "wrong_digit"):
        odd = ""
    page = _Page(population, draw, number, letter=letter, about=about, odd=odd)
    return WrittenAppeal(page.appeal(), letter, frozenset(page.dirt))


def _letter(draw: Draw, number: int) -> Letter:
    land = number % 3 == 0
    language = Language.KAZAKH if draw.chance(0.4) else Language.RUSSIAN
    who = "organisation" if draw.chance(0.16) else "person"
    topic = _TOPICS[number // 3 % len(_TOPICS)] if land else "other"
    fitting = [item for item in letters() if item.language is language and item.topic == topic]
    of_such = [item for item in fitting if item.who == who]
    return draw.pick(of_such or fitting)


class _Page:
    def __init__(
        self, population: Population, draw: Draw, number: int, *, letter: Letter, about: Matter, odd: str
    ) -> None:  # fmt: skip
        self.population = population
        self.draw = draw
        self.number = number
        self.letter = letter
        self.about = about
        self.odd = odd
        self.dirt = set(about.dirt) | ({odd} if odd else set())

    def appeal(self) -> Appeal:
        draw, letter, about = self.draw, self.letter, self.about
        received = _FIRST + timedelta(minutes=97 * self.number)
        form = draw.pick(_FORMS)
        body = body_index(letter.duty, about.district)
        kazakh = letter.language is Language.KAZAKH
        top = letter.category.partition(".")[0]
        fields: dict[str, Any] = {
            "message_id": str(
                UUID(bytes=sha256(f"{self.population.seed}/{self.number}".encode()).digest()[:16], version=4)
            ),
            "channel": "esedo" if form is AppealForm.PAPER else "eotinish",
            "kind": letter.kind,
            "form": form,
            "language": letter.language,
            "received_at": received,
            "applicant": self._applicant(),
            "addressee": {
                "name": BODIES[body].name_kk if kazakh else BODIES[body].name_ru,
                "bin": self.population.organisations.bin(body),
                "kato": BODIES[body].kato,
            },
            "category": {"code": top, "name": CATEGORIES[top], "subcategory_code": letter.category},
        }
        if form is AppealForm.PAPER:
            # A register office has given it a number already.
            fields["number"] = f"ЖТ-2026-{90_000_000 + self.number}"
        if draw.chance(0.7):
            fields["due_on"] = day_of(received) + timedelta(days=_DAYS.get(letter.kind, 21))
        fields |= self._place() | self._parcels() | self._extras()
        fields["text"] = self._text(fields)
        return Appeal.model_validate(fields)

    def _applicant(self) -> dict[str, Any]:
        if self.letter.who == "organisation":
            return identity.organisation(self.population, self.draw, self.about, self.odd, self.letter.language)
        return identity.person(self.population, self.draw, self.about.person, self.odd, self.letter.language)

    def _place(self) -> dict[str, Any]:
        if not self.draw.chance(0.6):
            return {}
        return {"place": {"kato": self.about.district.kato, "address": self._where()}}

    def _where(self) -> str:
        kazakh = self.letter.language is Language.KAZAKH
        parcel = self.population.parcel_by_number(self.about.parcels[0]) if self.about.parcels else None
        if parcel is None:
            town = self.about.district.settlements[0]
            return town[1] if kazakh else town[0]
        return str(parcel.address_kk if kazakh else parcel.address_ru)

    def _parcels(self) -> dict[str, Any]:
        """Return the parcels as form fields: absent, in various spellings, or wrong."""
        numbers = self.about.parcels
        if not numbers:
            return {}
        if self.draw.chance(0.3):
            self.dirt.add("parcel_in_text")
            return {}
        if self.draw.chance(0.08):
            self.dirt.add("malformed_parcel")
            return {"parcels": [{"cadastral_number": numbers[0][:-4].replace("-", "/")}]}
        return {"parcels": [{"cadastral_number": _punctuated(self.draw, number)} for number in numbers]}

    def _extras(self) -> dict[str, Any]:
        draw, fields = self.draw, dict[str, Any]()
        person = self.letter.who == "person"
        if person and self.letter.kind not in _SPECIAL and draw.chance(0.1):
            fields |= {"collective": True, "applicants_count": draw.between(3, 140)}
            self.dirt.add("collective")
        elif person and draw.chance(0.07):
            fields["representative"] = self._representative()
            self.dirt.add("representative")
        if draw.chance(0.08):
            fields["repeats"] = [f"ЖТ-2025-{draw.digits(8)}"]
            self.dirt.add("repeated")
        if draw.chance(0.4):
            fields["attachments"] = [self._attachment(item) for item in range(draw.between(1, 3))]
        return fields

    def _representative(self) -> dict[str, Any]:
        index = self.draw.below(self.population.persons.size)
        basis = PHRASES[self.letter.language]["basis"].format(number=self.draw.between(1, 999))
        fields = identity.person(self.population, self.draw, index, "", self.letter.language)
        return {key: fields[key] for key in ("iin", "surname", "name", "patronymic") if key in fields} | {
            "basis": basis
        }

    def _attachment(self, item: int) -> dict[str, Any]:
        name, kind = self.draw.pick(
            (("акт.pdf", "application/pdf"), ("фото.jpg", "image/jpeg"), ("договор.pdf", "application/pdf"))
        )
        digest = sha256(f"{self.population.seed}/{self.number}/{item}".encode()).hexdigest()
        return {
            "reference": f"hed:{digest[:24]}",
            "file_name": f"{item + 1}_{name}",
            "media_type": kind,
            "size": self.draw.between(40_000, 6_000_000),
            "sha256": digest,
        }

    def _text(self, fields: dict[str, Any]) -> str:
        draw, phrases = self.draw, PHRASES[self.letter.language]
        words = self._words(fields)
        parts = [draw.pick(phrases["greetings"])]
        if self.odd == "iin_in_text":
            parts.append(phrases["ourselves" if self.letter.who == "organisation" else "myself"])
        parts.append(self.letter.text)
        if self.number % _LONG_EVERY == _LONG_EVERY - 1:
            self.dirt.add("long")
            parts += self._story()
        if "representative" in fields:
            parts.append(phrases["represented"])
        if fields.get("collective"):
            parts.append(phrases["together"])
        if "repeats" in fields:
            parts.append(phrases["again"].replace("{number}", fields["repeats"][0]))
        parts.append(draw.pick(phrases["endings"]))
        return "\n".join(part.format_map(words) for part in parts if part)

    def _story(self) -> list[str]:
        """Return the text of a long letter: earlier letters, copied into it."""
        phrases = PHRASES[self.letter.language]
        sentences = phrases["story"]
        days = [f"{self.draw.between(10, 28)}.{month:02d}" for month in range(1, 13)]
        return [
            " ".join((phrases["earlier"].replace("{day}", day), *sentences[at % 9 :], *sentences[: at % 9]))
            for at, day in enumerate(days)
        ]

    def _words(self, fields: dict[str, Any]) -> dict[str, str]:
        draw, population, about = self.draw, self.population, self.about
        language, kazakh = self.letter.language, self.letter.language is Language.KAZAKH
        male = population.persons.person(about.person).gender.code == "1"
        parcels = [_punctuated(draw, number) for number in about.parcels] + ["", ""]
        parcel = population.parcel_by_number(about.parcels[0]) if about.parcels else None
        purpose = (parcel.purpose_kk if kazakh else parcel.purpose_ru) if parcel else ""
        neighbour = population.persons.name(draw.below(population.persons.size))
        representative = fields.get("representative", {})
        org = population.organisations.name(about.organisation or 0)
        return {
            "fio": identity.written_name(population.persons.name(about.person)),
            "iin": population.persons.iin(about.person),
            "address": identity.address(population, about.person, language),
            "org": org[1] if kazakh else org[0],
            "bin": population.organisations.bin(about.organisation or 0),
            "parcel": parcels[0],
            "parcel2": parcels[1],
            "where": self._where(),
            "area": f"{parcel.area or 0:.4f}".replace(".", ",") if parcel else "0,0800",
            "purpose": purpose or ("тұрғын үй салу үшін" if kazakh else "для строительства жилого дома"),
            "district": about.district.genitive_kk if kazakh else about.district.genitive_ru,
            "town": draw.pick(about.district.settlements)[kazakh],
            "street": draw.pick(STREETS)[kazakh],
            "other": identity.written_name(neighbour),
            "year": str(draw.between(2009, 2023)),
            "rep_year": str(draw.pick((1929, 1930, 1931, 1937, 1938))),
            "month": draw.pick(PHRASES[language]["months"]),
            "a": "" if male else "а",
            "sya": "ся" if male else "ась",
            "count": str(fields.get("applicants_count", 1)),
            "representative": " ".join(
                representative[key] for key in ("surname", "name", "patronymic") if key in representative
            ),
        }


def _punctuated(draw: Draw, number: str) -> str:
    return number.replace("-", draw.pick(("-", "-", "-", ":", ":", "")))
