"""Extracts identifiers from an appeal's text and checks its fields."""

from collections.abc import Callable, Iterator

from appealbus.core.preparation.scanner import Kind, Scanner
from appealbus.schemas.appeal import Appeal, Mention, Mentions, OrganisationApplicant, Span
from appealbus.schemas.appeal import Warning as AppealWarning
from appealbus.schemas.identifiers import (
    IdentifierError,
    parse_bin,
    parse_cadastral_number,
    parse_iin,
    parse_kato,
    parse_or_none,
    parse_rka,
)

MOST_MENTIONS = 50
"""Most identifiers of one kind from a text: each costs questions to a source."""

TOO_MANY = "mentions.too_many"
_EXPECTED = {"kind": "the appeal does not say what kind it is", "applicant": "the appeal does not say who writes"}


def prepare(appeal: Appeal) -> Appeal:
    """Return the appeal with our own mentions and warnings; other fields stay."""
    mentions, crowded = _mentions(appeal)
    warnings = check(appeal) + [
        AppealWarning(
            field=f"mentions.{kind}",
            code=TOO_MANY,
            message=f"the text has more than {MOST_MENTIONS} identifiers of this kind, or too many numbers"
            " to look at; the rest is left out",
        )
        for kind in sorted(crowded)
    ]
    return appeal.model_copy(update={"mentions": mentions, "warnings": warnings})


def check(appeal: Appeal) -> list[AppealWarning]:
    """Return warnings about missing data and invalid identifiers."""
    written = {entry.field for entry in appeal.as_written}
    warnings = [
        AppealWarning(field=field, code="field.missing", message=message)
        for field, message in _EXPECTED.items()
        if getattr(appeal, field) is None and field not in written
    ]
    for field, value, parse in _identifier_fields(appeal):
        try:
            parse(value)
        except IdentifierError as error:
            warnings.append(AppealWarning(field=field, code=error.code, message=error.message))
    return warnings


def _mentions(appeal: Appeal) -> tuple[Mentions, set[Kind]]:
    given = set(_given(appeal))
    mentions: dict[Kind, dict[str, Mention]] = {"iins": {}, "bins": {}, "cadastral_numbers": {}}
    crowded: set[Kind] = set()
    scanner = Scanner(appeal.text)
    for match in scanner:
        known = mentions[match.kind]
        if match.value in given or match.value in known:
            continue
        if len(known) == MOST_MENTIONS:
            crowded.add(match.kind)
            continue
        known[match.value] = Mention(value=match.value, span=Span(start=match.start, end=match.end))
    if scanner.cut:
        crowded.update(mentions)
    return (
        Mentions(
            iins=list(mentions["iins"].values()),
            bins=list(mentions["bins"].values()),
            cadastral_numbers=list(mentions["cadastral_numbers"].values()),
        ),
        crowded,
    )


def _given(appeal: Appeal) -> Iterator[str]:
    for _, value, parse in _identifier_fields(appeal):
        if (parsed := parse_or_none(parse, value)) is not None:
            yield parsed


def _identifier_fields(appeal: Appeal) -> Iterator[tuple[str, str, Callable[[str], str]]]:
    applicant, representative, addressee, place = (
        appeal.applicant,
        appeal.representative,
        appeal.addressee,
        appeal.place,
    )
    fields: list[tuple[str, str | None, Callable[[str], str]]] = []
    if isinstance(applicant, OrganisationApplicant):
        fields += [
            ("applicant.bin", applicant.bin, parse_bin),
            ("applicant.leader_iin", applicant.leader_iin, parse_iin),
        ]
    elif applicant:
        fields.append(("applicant.iin", applicant.iin, parse_iin))
    if representative:
        fields.append(("representative.iin", representative.iin, parse_iin))
    if addressee:
        fields += [("addressee.bin", addressee.bin, parse_bin), ("addressee.kato", addressee.kato, parse_kato)]
    if place:
        fields += [("place.kato", place.kato, parse_kato), ("place.rka", place.rka, parse_rka)]
    fields += [
        (f"parcels[{index}].cadastral_number", parcel.cadastral_number, parse_cadastral_number)
        for index, parcel in enumerate(appeal.parcels)
    ]
    return ((field, value, parse) for field, value, parse in fields if value and not value.isspace())
