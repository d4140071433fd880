"""Letters of a channel that renames, moves and retypes fields: each is told in its receipt, or read right."""

import random
from collections import Counter
from copy import deepcopy
from typing import Any

import orjson
import pytest

from appealbus.core.bus.intake.decoding import decode
from appealbus.core.interfaces.intake import Inbound
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.base import Model
from appealbus.schemas.renames import Rename
from appealbus.schemas.shapes import ListOf, ModelOf, OneOf, fields_of
from appealbus.schemas.xml import APPEAL_NS
from tests.services.forms import form

LETTER: dict[str, Any] = {
    "message_id": "m",
    "kind": "complaint",
    "form": "paper",
    "collective": True,
    "applicants_count": 3,
    "language": "kk",
    "received_at": "2026-11-02T10:00:00+05:00",
    "due_on": "2026-11-24",
    "repeats": ["7-1", "7-2"],
    "applicant": {
        "type": "person",
        "iin": "850101400011",
        "surname": "Ахметова",
        "birth_date": "1985-01-01",
        "phone": "+7 701 000 00 00",
    },
    "representative": {"iin": "900101300017", "basis": "доверенность"},
    "addressee": {"name": "Акимат", "kato": "750000000"},
    "category": {"code": "5", "name": "Земля"},
    "text": "Прошу проверить участок.",
    "place": {"kato": "750000000", "address": "Алматы"},
    "parcels": [{"cadastral_number": "08-118-770-8946", "note": "дача"}, {"cadastral_number": "08-118-770-8947"}],
    "attachments": [{"reference": "a/1", "file_name": "a.pdf", "size": 5}],
}
WRONG: list[Any] = [1.5, False, {"x": 1}, ["x"], [{"x": 1}]]
CHECKED = {"kind", "form", "language", "received_at", "due_on", "birth_date", "applicants_count", "size"}
"""Fields of which not every text is a value."""
MADE = {"mentions", "warnings", "as_written", "message_id", "channel"}


def places(node: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all values of a letter."""
    found = [at] if at and at[-1] not in ("message_id", "type") else []
    inside = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [*found, *(path for name, each in inside for path in places(each, (*at, name)))]


def known(at: tuple[Any, ...]) -> set[str]:
    """Return the names that the form has where this path stands."""
    models: list[type[Model]] = [Appeal]
    for step in at:
        if isinstance(step, int):
            continue
        shapes = [each.shape for model in models for each in fields_of(model) if each.name == step]
        shapes = [each.item if isinstance(each, ListOf) else each for each in shapes]
        models = [each.model for each in shapes if isinstance(each, ModelOf)]
        models += [model for each in shapes if isinstance(each, OneOf) for _, model in each.models]
    return {each.name for model in models for each in fields_of(model)} | MADE


def at(letter: Any, path: tuple[Any, ...]) -> Any:
    """Return what stands at a path."""
    for step in path:
        letter = letter[step]
    return letter


FLAT = {path[-1]: at(LETTER, path) for path in places(LETTER)}


def misnamed(chance: random.Random, name: str) -> str:
    """Return a name as others have it."""
    where = chance.randrange(len(name))
    return chance.choice(
        [name[:where] + name[where + 1 :], name.upper(), name.title(), f"{name}_1", "имя", f"x{name}", name[::-1]]
    )


def is_right(name: str, value: Any, media_type: str) -> bool:
    """Whether a value is of the type of a field all the same: in XML each value is a text."""
    if media_type.endswith("xml") and not isinstance(value, dict | list) and isinstance(FLAT.get(name), str):
        return name not in CHECKED
    return (name, value) in (("collective", False), ("repeats", ["x"]))


def mutated(chance: random.Random, media_type: str) -> tuple[str, Any, Rename | None]:
    """Return how a letter is made wrong, the letter, and the rename that reads it right, where there is one."""
    letter = deepcopy(LETTER)
    path = chance.choice([each for each in places(letter) if not isinstance(each[-1], int)])
    above, name = at(letter, path[:-1]), path[-1]
    told = ".".join("[*]" if isinstance(step, int) else step for step in path).replace(".[*]", "[*]")
    how = chance.choice(["rename", "move", "retype", "wrap"])
    if how == "rename":
        other = misnamed(chance, name)
        if not other or other in known(path[:-1]):
            return mutated(chance, media_type)
        here = at(letter, path[:-2]) if len(path) > 1 and isinstance(path[-2], int) else [above]
        for each in here:
            if name in each:
                each[other] = each.pop(name)
        return how, letter, Rename(f"{told.removesuffix(name)}{other}", told)
    if how == "move":
        target = chance.choice([(), ("applicant",), ("place",), ("category",), ("parcels", 0)])
        into = at(letter, target)
        other = chance.choice([name, misnamed(chance, name)])
        if into is above or target[: len(path)] == path or other in known(target) or not other:
            return mutated(chance, media_type)
        into[other] = above.pop(name)
        source = f"{target[0]}.{other}" if target else other
        return how, letter, None if "[" in told or "parcels" in target else Rename(source, told)
    if how == "wrap":
        above[name] = chance.choice([{"value": above[name]}, [above[name]], {name: above[name]}])
        return how, letter, None
    above[name] = chance.choice(WRONG)
    return mutated(chance, media_type) if is_right(name, above[name], media_type) else (how, letter, None)


def in_xml(value: Any, name: str = "appeal") -> str:
    """Return a letter in XML, as its sender would write it."""
    if isinstance(value, dict):
        kind = value.get("type")
        inner = "".join(in_xml(each, str(key)) for key, each in value.items() if not (kind and key == "type"))
        inner = f"<{kind}>{inner}</{kind}>" if kind else inner
    elif isinstance(value, list):
        inner = "".join(in_xml(each, "item") for each in value)
    else:
        inner = orjson.dumps(value).decode() if not isinstance(value, str) else value
    root = f' xmlns="{APPEAL_NS}"' if name == "appeal" else ""
    return f"<{name}{root}>{inner}</{name}>"


def read(letter: Any, media_type: str, *renames: Rename) -> tuple[dict[str, Any], Counter[tuple[str, str]]]:
    """Return what is read of a letter, and what its receipt tells."""
    raw = orjson.dumps(letter) if media_type.endswith("json") else in_xml(letter).encode()
    appeal = decode(Inbound("post", "", raw, media_type), renames)
    said = appeal.model_dump(mode="json", exclude={"mentions", "warnings", "as_written"}, exclude_none=True)
    return said, Counter((each.field, each.code) for each in appeal.warnings)


@pytest.mark.proof
@pytest.mark.parametrize("media_type", ["application/json", "application/xml"])
def test_no_letter_is_misread_in_silence(media_type: str) -> None:
    """What differs from what was meant has a warning; what a rename is written for is read right."""
    chance, silent, counted = random.Random(29), [], Counter[str]()
    right, usual = read(LETTER, media_type)
    assert usual == Counter()
    for _ in range(form(150, 2500)):
        how, letter, rename = mutated(chance, media_type)
        said, told = read(letter, media_type)
        counted[how] += 1
        if said != right and not told:
            silent.append((how, letter))
        if rename is not None and (how == "rename" or not rename.problem()):
            mended, told = read(letter, media_type, rename)
            if mended != right or {code for _, code in told} != {"field.renamed"}:
                silent.append((f"{how} {rename} {told}", letter))
    assert min(counted.values()) > 10
    assert silent == []
