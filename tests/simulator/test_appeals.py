"""The synthetic appeals, and the file of them that ships."""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from pydantic import ValidationError

from appealbus.schemas.appeal import Appeal, AppealKind, OrganisationApplicant, PersonApplicant
from appealbus.schemas.identifiers import IdentifierError, parse_cadastral_number, parse_iin
from appealbus.simulator.appeals import COUNT, WrittenAppeal, appeals, write
from appealbus.simulator.appeals.letters import CATEGORIES, letters
from appealbus.simulator.population import Population

FILE = Path(__file__).parents[2] / "examples" / "appeals.jsonl"
PEOPLE = Population()


@pytest.fixture(scope="module")
def written() -> list[WrittenAppeal]:
    """All examples."""
    return [write(PEOPLE, number) for number in range(COUNT)]


@pytest.mark.proof
def test_file_is_what_the_generator_writes():
    """The file that ships is the program's output, byte for byte, 200 lines."""
    output = subprocess.run(
        [sys.executable, "-m", "appealbus.simulator.appeals"], capture_output=True, check=True
    ).stdout
    assert FILE.read_bytes() == output
    assert output.count(b"\n") == COUNT


def test_every_line_is_an_appeal(written: list[WrittenAppeal]):
    """Each line is a whole canonical appeal and comes back the same."""
    for line, made in zip(FILE.read_bytes().splitlines(), written, strict=True):
        assert Appeal.model_validate_json(line) == made.appeal


def test_variety(written: list[WrittenAppeal]):
    """A third is about land; all kinds but petitions, both languages, several forms; forty texts; all kinds of dirt."""
    land = [made for made in written if made.letter.topic != "other"]
    assert 0.3 < len(land) / COUNT < 0.37
    assert {made.appeal.kind for made in written} == {*AppealKind} - {AppealKind.PETITION}
    languages = Counter(made.appeal.language.value for made in written)
    assert set(languages) == {"ru", "kk"}
    assert min(languages.values()) > 60
    assert len({made.appeal.form for made in written}) == 4
    assert {made.appeal.channel for made in written} == {"eotinish", "esedo"}
    assert {made.appeal.applicant.type for made in written} == {"person", "organisation"}
    assert len({made.letter for made in written}) >= 40
    assert len({made.appeal.category.code for made in written if made.appeal.category}) >= 10
    assert len({made.appeal.addressee.name for made in written if made.appeal.addressee}) >= 20
    assert {dirt for made in written for dirt in made.dirt} == {
        *("iin_in_text", "no_iin", "by_document", "wrong_digit", "spelling", "birth_date", "nobody", "nameless"),
        *("two", "arrest", "stranger", "free", "claims", "led", "deceased", "foreign", "unknown"),
        *("parcel_in_text", "malformed_parcel", "collective", "representative", "repeated", "long", "duplicate"),
    }
    assert sum(not made.dirt for made in written) > 30


def test_texts_are_finished(written: list[WrittenAppeal]):
    """No gap of a letter is left open, and no text is empty or the same as another's."""
    texts = [made.appeal.text for made in written if "duplicate" not in made.dirt]
    assert not any(re.search(r"[{}]|None|\.\.|  ", text) for text in texts)
    assert len(set(texts)) == len(texts)
    assert min(map(len, texts)) > 100
    assert max(map(len, texts)) > 8000


def test_duplicates_are_the_very_same_message(written: list[WrittenAppeal]):
    """A message that is sent twice is the same to the last byte; all others have ids of their own."""
    twice = [made.appeal for made in written if "duplicate" in made.dirt]
    ids = Counter(made.appeal.message_id for made in written)
    assert len(twice) == 4
    assert {name for name, count in ids.items() if count > 1} == {appeal.message_id for appeal in twice}
    assert len({made.appeal.model_dump_json() for made in written}) == COUNT - 4


def test_persons_are_known_unless_dirt_says_otherwise(written: list[WrittenAppeal]):
    """The registers know every applicant, under the name they write, except where that is the point."""
    for made in written:
        applicant = made.appeal.applicant
        if isinstance(applicant, OrganisationApplicant):
            if not made.dirt & {"wrong_digit", "iin_in_text"}:
                index = PEOPLE.organisations.by_bin(str(applicant.bin))
                assert index is not None
                firm = PEOPLE.organisations.organisation(index)
                assert firm.leader is not None
                assert applicant.leader_iin == firm.leader.iin
            continue
        if made.dirt & {"nobody", "wrong_digit"}:
            assert PEOPLE.persons.by_iin(str(applicant.iin)) is None
        elif applicant.iin:
            index = PEOPLE.persons.by_iin(applicant.iin)
            assert index is not None
            person = PEOPLE.persons.person(index)
            assert bool(person.death_date) == ("deceased" in made.dirt)
            same = str(person.surname).title() == str(applicant.surname).title()
            assert same or "spelling" in made.dirt
            assert applicant.birth_date in (None, person.birth_date) or "birth_date" in made.dirt
        elif applicant.document_number:
            assert PEOPLE.persons.by_document(applicant.document_number) is not None
        elif "no_iin" in made.dirt:
            found = PEOPLE.persons.by_name(applicant.birth_date, str(applicant.surname), str(applicant.name))  # type: ignore[arg-type]
            assert len(list(found)) == 1


def test_every_iin_is_of_the_nineteenth_century(written: list[WrittenAppeal]):
    """Whatever twelve digits are an ИИН in an appeal, its bearer was born before 1900; so were the applicants."""
    for made in written:
        for number in re.findall(r"(?<!\d)\d{12}(?!\d)", made.appeal.model_dump_json()):
            try:
                parse_iin(number)
            except IdentifierError:
                continue
            assert number[6] in "12" or PEOPLE.parcel_by_number(number) or number[:2] == "08"
        applicant = made.appeal.applicant
        if isinstance(applicant, PersonApplicant) and applicant.birth_date:
            assert applicant.birth_date.year < 1900


def test_parcels_are_known_unless_dirt_says_otherwise(written: list[WrittenAppeal]):
    """The cadastre knows every parcel, with the rights and arrests that the letter's kind of dirt promises."""
    for made in written:
        if made.letter.topic == "other" or "duplicate" in made.dirt:
            continue
        for reference in made.appeal.parcels:
            if "malformed_parcel" in made.dirt:
                with pytest.raises(IdentifierError):
                    parse_cadastral_number(reference.cadastral_number)
                continue
            parcel = PEOPLE.parcel_by_number(parse_cadastral_number(reference.cadastral_number))
            assert (parcel is None) == ("unknown" in made.dirt)
        assert ("parcel_in_text" in made.dirt) == (not made.appeal.parcels)
        first = made.appeal.parcels[:1]
        if not first or made.dirt & {"malformed_parcel", "unknown"}:
            continue
        parcel = PEOPLE.parcel_by_number(first[0].cadastral_number)
        assert parcel is not None
        assert (parcel.cadastral_number[:2] != "08") == ("foreign" in made.dirt)
        holders = {right.holder.iin or right.holder.bin for right in parcel.rights}
        applicant = made.appeal.applicant
        if "arrest" in made.dirt:
            assert parcel.encumbrances[0].kind.name_ru == "Арест"
        if "free" in made.dirt:
            assert not holders
        if isinstance(applicant, PersonApplicant) and applicant.iin and "wrong_digit" not in made.dirt:
            own = made.letter.topic in ("own", "two", "arrest") and not made.dirt & {"claims", "led", "nobody"}
            assert (applicant.iin in holders) == own


def test_other_populations_have_their_own_appeals():
    """Another seed or size gives other appeals, each as valid; a tiny population is enough."""
    texts = {write(Population(seed, size), 0).appeal.text for seed, size in ((1, 500), (2, 500), (1, 900))}
    assert len(texts) == 3
    assert len(list(appeals(Population(9, 3), 120))) == 120


def test_letters_are_whole():
    """Every text has a category that exists and the gaps that its topic needs."""
    for letter in letters():
        assert letter.category.partition(".")[0] in CATEGORIES
        assert letter.who in ("person", "organisation")
        assert letter.topic in ("own", "two", "arrest", "stranger", "free", "other")
        assert ("{parcel}" in letter.text) == (letter.topic != "other")
        assert ("{parcel2}" in letter.text) == (letter.topic == "two")
    assert len(letters()) == 74


def test_an_appeal_of_the_file_is_checked():
    """The model that the lines are held against refuses what is no appeal."""
    with pytest.raises(ValidationError):
        Appeal.model_validate_json(FILE.read_bytes().splitlines()[0].replace(b'"kind"', b'"kynd"'))
