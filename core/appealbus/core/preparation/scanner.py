"""Finds identifiers in free text.

Identifiers are:

- twelve digits in a row, or 6 + 6, that are a valid ИИН or БИН; after a word such as "ИИН" or "БСН" in any grouping;
- a cadastral number written 2-3-3-3…5 with dashes or colons, or with blanks next to a word such as "кадастровый";
- 11 to 13 digits in a row next to a word such as "кадастровый"; 11 or 12 next to "участок" or "жер учаскесі", unless
  they are a valid ИИН or БИН.

The nearest word before the number decides, else one right after it; words of money and telephones exclude it.
Numbers of buildings and flats, which continue a parcel's, are skipped. All steps are bounded: hostile text costs no
more than other text. Only the first 10,000 candidate groups of digits are examined.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate, islice
from typing import Literal

from appealbus.schemas.identifiers import SEPARATORS, parse_bin, parse_cadastral_number, parse_iin, parse_or_none

Kind = Literal["iins", "bins", "cadastral_numbers"]

_NEAR = 60
"""Characters between a number and a word such as ИИН: half a sentence."""
_OBLASTS = range(1, 26)
"""The cadastre's oblast codes, with room for new ones. Telephones begin with 77 or 87."""
_MOST_RUNS = 10_000
_GROUPS = 5
"""Most groups of digits per identifier, except after a word such as ИИН."""
_MAY = f"[0-9{SEPARATORS}:]"
_STRETCH = re.compile(rf"(?<!{_MAY})(?={_MAY}{{11}})(?:[{SEPARATORS}:]*+[0-9]){{11}}{_MAY}*+")
"""Eleven or more digits, with only separators allowed in an identifier."""
# Not [0-9]+: with a first digit to look for, the regex engine is at it in half the time.
_DIGITS = re.compile("[0-9][0-9]*")
_NO_DIGITS = re.compile("[^0-9]+")
_JOINT = re.compile(f"[{SEPARATORS}:]{{1,3}}")
_MARKED_JOINT = re.compile(r"\s?[:\-\u2010-\u2015\u2212]\s?")
_PAIR_JOINT = re.compile(f"[{SEPARATORS}]{{1,2}}")
_GOES_ON = re.compile(r"[:/\-\u2010-\u2015\u2212][0-9]")
_LIST = re.compile(r"[,;]?\s{0,2}(?:(?:и|да|және|мен|пен|№)\s)?", re.IGNORECASE)
_MONEY = re.compile(r"\s{0,2}(?:тыс|млн|млрд|мың|тенге|теңге|тг|₸|kzt|руб|\$|€)", re.IGNORECASE)
_STEMS = {
    **dict.fromkeys(("стоимост", "цена", "цену", "сумм", "сома", "құны", "баға"), "other"),
    **dict.fromkeys(("телефон", "тел.", "тел:", "моб.", "ұялы", "whatsapp"), "other"),
    **dict.fromkeys(("иин", "жсн", "бин", "бсн", "iin", "bin"), "holder"),
    **dict.fromkeys(("участок", "участк", "учаск", "телім"), "land"),
    "кадастр": "cadastre",
}
_LONGEST = max(map(len, _STEMS))
# Plain alternatives in one case let the regex engine skip from first letter to first letter.
_STEM = re.compile("|".join(map(re.escape, _STEMS)))
_WORD_AFTER = re.compile(
    r"[\s(«\"\-\u2010-\u2015]{0,4}(?:(?P<cadastre>кадастр)|(?P<land>участок|участк|(?:жер\s)?учаск|(?:жер\s)?телім))",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class FoundIdentifier:
    kind: Kind
    value: str
    start: int
    end: int


def _words(text: str, start: int, stop: int) -> Iterator[tuple[int, str]]:
    """Yield end and meaning of each keyword in a range."""
    part = lowered(text[start:stop])
    for match in _STEM.finditer(part):
        at, meaning = match.start(), _STEMS[match[0]]
        if meaning in ("cadastre", "land") or not part[max(at - 1, 0) : at].isalpha():
            yield start + match.end(), meaning


def lowered(text: str) -> str:
    """Lower the case without shifting positions: letters that would expand stay."""
    low = text.lower()
    if len(low) == len(text):
        return low
    return "".join(small if len(small := letter.lower()) == 1 else letter for letter in text)


class Scanner:
    """One pass over a text: its identifiers from left to right, with repeats. `cut`: the text exceeds the limit."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.cut = False
        self.runs: list[tuple[int, int]] = []
        self.words: list[tuple[int, str]] = []
        seen = 0
        for start, stop in (match.span() for match in _STRETCH.finditer(text)):
            room = _MOST_RUNS + 1 - len(self.runs)
            self.runs += [match.span() for match in islice(_DIGITS.finditer(text, start, stop), room)]
            self.words += _words(text, max(seen, start - _NEAR - _LONGEST), start)
            seen = start
            if len(self.runs) > _MOST_RUNS:
                self.cut = True
                break

    def __iter__(self) -> Iterator[FoundIdentifier]:
        index, last = 0, len(self.runs)
        digits = list(accumulate([end - start for start, end in self.runs], initial=0))
        digits += digits[-1:] * _GROUPS
        before: tuple[int, str | None] = (-1, None)
        while index < last:
            start = self.runs[index][0]
            word = self._word_before(start)
            if word is None and before[0] >= 0 and _LIST.fullmatch(self.text, before[0], start):
                word = before[1]
            few = digits[index + _GROUPS] - digits[index] < 11 and word != "holder"
            match = None if few or self._continues(index) else self._at(index, word)
            if match is None:
                index += 1
                continue
            yield match
            before = (match.end, word)
            while index < len(self.runs) and self.runs[index][0] < match.end:
                index += 1

    def _word_before(self, start: int) -> str | None:
        land = None
        position = bisect_right(self.words, start, key=lambda word: word[0])
        while position and start - self.words[position - 1][0] <= _NEAR:
            word = self.words[position - 1][1]
            if word != "land":
                return word if land is None or word == "cadastre" else land
            land, position = word, position - 1
        return land

    def _continues(self, index: int) -> bool:
        """Whether the run continues something longer: a telephone, a date, the number of a flat."""
        start = self.runs[index][0]
        if self.text[start - 1 : start] == "+":
            return True
        return index > 0 and self.runs[index - 1][1] == start - 1 and bool(_MARKED_JOINT.match(self.text, start - 1))

    def _at(self, index: int, word: str | None) -> FoundIdentifier | None:
        tries: tuple[Callable[[int, str | None], FoundIdentifier | None], ...] = (self._cadastral_groups, self._holder)
        if word == "holder":
            tries = (self._named_holder, self._cadastral_groups)
        elif word == "cadastre":
            tries = (self._cadastral_groups, self._cadastral_run, self._holder)
        elif word != "other":
            tries = (self._cadastral_groups, self._holder, self._cadastral_run)
        return next((match for attempt in tries if (match := attempt(index, word))), None)

    def _cadastral_groups(self, index: int, word: str | None) -> FoundIdentifier | None:
        sizes = [end - start for start, end in self.runs[index : index + 4]]
        if sizes[:3] != [2, 3, 3] or sizes[3:] not in ([3], [4], [5]):
            return None
        gaps = range(index, index + 3)
        start, end = self.runs[index][0], self.runs[index + 3][1]
        if not all(self._joined(_MARKED_JOINT, gap) for gap in gaps) and not (
            self._about_land(word, end) and all(self._joined(_JOINT, gap) for gap in gaps)
        ):
            return None
        return self._cadastral(start, end)

    def _cadastral_run(self, index: int, word: str | None) -> FoundIdentifier | None:
        last = index
        while last + 1 < len(self.runs) and last - index < _GROUPS - 1 and self._joined(_MARKED_JOINT, last):
            last += 1
        start, end = self.runs[index][0], self.runs[last][1]
        size = sum(right - left for left, right in self.runs[index : last + 1])
        if size not in range(11, 14):
            return None
        about = self._about_land(word, end)
        if about is None or (about == "land" and (size > 12 or last > index)):
            return None
        return self._cadastral(start, end)

    def _cadastral(self, start: int, end: int) -> FoundIdentifier | None:
        if (
            _GOES_ON.match(self.text, end)
            or _MONEY.match(self.text, end)
            or int(_NO_DIGITS.sub("", self.text[start:end])[:2]) not in _OBLASTS
        ):
            return None
        return self._valid("cadastral_numbers", parse_cadastral_number, start, end)

    def _about_land(self, word: str | None, end: int) -> str | None:
        if word in ("cadastre", "land"):
            return word
        match = None if word else _WORD_AFTER.match(self.text, end)
        return match.lastgroup if match else None

    def _holder(self, index: int, word: str | None) -> FoundIdentifier | None:
        start, end = self.runs[index]
        if end - start == 12:
            before = self.text[start - 1 : start]
            # A Latin letter before it makes it the tail of an account or a document.
            return None if before.isascii() and before.isalpha() else self._person_or_organisation(start, end)
        if end - start != 6:
            return None
        pairs = [self._sixes(at) for at in (index - 1, index, index + 1)]
        # A row of six-digit numbers is telephones or postal codes.
        return self._person_or_organisation(start, self.runs[index + 1][1]) if pairs == [False, True, False] else None

    def _sixes(self, index: int) -> bool:
        if not self._joined(_PAIR_JOINT, index):
            return False
        return all(end - start == 6 for start, end in self.runs[index : index + 2])

    def _named_holder(self, index: int, word: str | None) -> FoundIdentifier | None:
        size, last = 0, index
        while True:
            size += self.runs[last][1] - self.runs[last][0]
            if size >= 12 or not self._joined(_JOINT, last):
                break
            last += 1
        return self._person_or_organisation(self.runs[index][0], self.runs[last][1]) if size == 12 else None

    def _person_or_organisation(self, start: int, end: int) -> FoundIdentifier | None:
        if re.match(r"[:\-][0-9]", self.text[end : end + 2]):
            return None
        return self._valid("iins", parse_iin, start, end) or self._valid("bins", parse_bin, start, end)

    def _joined(self, joint: re.Pattern[str], index: int) -> bool:
        if index < 0 or index + 1 >= len(self.runs):
            return False
        return bool(joint.fullmatch(self.text, self.runs[index][1], self.runs[index + 1][0]))

    def _valid(self, kind: Kind, parse: Callable[[str], str], start: int, end: int) -> FoundIdentifier | None:
        value = parse_or_none(parse, self.text[start:end].replace(":", ""))
        return FoundIdentifier(kind, value, start, end) if value is not None else None
