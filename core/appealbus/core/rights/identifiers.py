"""Hiding numbers of persons, organisations and land parcels in any text.

A number is found in any notation: in groups with any separators, across lines and table cells, with look-alike letters
and digits of other scripts. Twelve digits are hidden if the check digit is right, or next to a word such as ИИН. Chance
matches (dates, telephones, cards, accounts, UUIDs, digests) are recognised by their form. In doubt the mask hides; the
finder at intake, which sends matches to an agency, leaves a doubtful number alone.
"""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence
from functools import cached_property
from itertools import accumulate

from appealbus.core.preparation.scanner import lowered
from appealbus.core.rights import number_words as words

KINDS = ("iin", "bin", "cadastral_number")
HIDDEN = "[hidden]"
"""Replacement for such a number in a text."""
FEWEST = 11
"""Digits of the shortest of these numbers."""
IDS = frozenset({"message_id", "appeal_message_id", "question_id", "session_id", "sha256", "raw_sha256"})
"""Fields of the bus's own models with ids and digests, which are never personal numbers."""
_MOST = 3_000
"""Longest sequence of digit groups, without words between, that is searched."""
_EFFORT, _PARTS = 6_000, 70_000
"""Limits for the texts of a version, as hostile ones delay others: effort in some 10 µs, and number of parts."""
_LONGEST = 2_000_000
"""Characters of a text that are searched: ten times the longest letter. The rest is hidden."""
_NEAR = 60
"""Characters between a number and the word that names it."""
_LONGEST_WORD = 40
"""Characters of such a word."""
_AROUND = 130
"""Characters around a number searched for an enclosing form, such as a digest."""
_MOST_LETTERS = 9
"""Look-alike letters in one number."""

_ALIKE = {"0": "OoОоΟοՕօØøӨө", "1": "lIiІіӀӏΙι", "2": "Zz", "3": "ЗзƷʒ", "4": "Чч", "5": "Ss", "6": "бБb", "8": "BВ"}
_ALIKE["9"] = "gq"
_LETTERS = "".join(_ALIKE.values())
_REAL = "".join(letter for letter in map(chr, range(0x10000)) if unicodedata.digit(letter, None) is not None)
_VALUES = {ord(letter): digit for digit, letters in _ALIKE.items() for letter in letters}
_VALUES |= {code: str(unicodedata.digit(chr(code))) for code in (*map(ord, _REAL), *range(0x1D7CE, 0x1D800))}
_REAL += "\U0001d7ce-\U0001d7ff"  # of mathematics: as a range, which costs the search less than its letters
_ANY = _REAL + _LETTERS
_UNSEEN = r"\u00ad\u0300-\u036f\u061c\u115f\u1160\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u20e3\ufe00-\ufe0f\ufeff"
_SEEN = r"[\W_\u115f\u1160\u3164]"
_MARK = (
    r"(?<=[</&#\\%])(?:(?:(?<=<)|(?<=</))[A-Za-z-][^<>\d]{0,60}(?:\d{1,4}[^<>\d]{0,30})?>|(?<=&)[A-Za-z]{2,8};"
    r"|(?<=&#)x?[0-9A-Fa-f]{2,4};|(?<=\\)(?:[nrt]|u[0-9A-Fa-f]{4})|(?<=%)(?:20|0[9AaDd]))"
)
"""A tag, an entity or an escape, after its first character."""
_BLANKS = rf"{_SEEN}{{0,20}}+\s*+{_SEEN}{{0,20}}+"
_GAP = rf"{_BLANKS}(?:{_MARK}{_BLANKS}){{0,8}}+"
"""Allowed between two digits of a number: no letters or digits except in marks, any amount of white space."""
_MAY = f"[{_ANY}{_SEEN[1:]}"
_LONG = rf"(?={_MAY}{{0,{FEWEST - 2}}}+(?:{_MAY}|(?<=[</&#\\%])|(?<=[</&].)))"
_RUN = re.compile(
    rf"[{_ANY}](?={_MAY}(?:{_MAY}|(?<=[</&#\\%])))(?:(?<=[{_REAL}]){_LONG}(?<![{_REAL}]{{2}})"
    rf"|(?<![{_ANY}]{{2}})(?<=[{_LETTERS}])(?=[{_LETTERS}]{{0,{_MOST_LETTERS - 1}}}+{_SEEN}{{0,4}}[{_REAL}]){_LONG})"
    rf"(?:[{_ANY}|]|{_SEEN}{_GAP}[{_ANY}]){{5}}+(?:{_GAP}(?:[{_REAL}]++|[{_LETTERS}])){{0,{_MOST}}}+"
)
"""Six or more digits, with only such gaps between them."""
_DIGIT = re.compile(f"[{_REAL}]")
_UNIT = re.compile(f"{_MARK}|([{_REAL}]++|[{_LETTERS}])")
_NO_JOINT = re.compile(f"[{_UNSEEN}]+")
_BLANK = re.compile(rf"(?:{_MARK}|\s)+")
_BAR = re.compile(r"(?<=\S)\|(?=\S)")
_DASH = re.compile(r"\s?[:\-\u2010-\u2015\u2212\uff0d\uff1a]\s?")
_GLUE = re.compile("[0-9A-Za-z-]")
_GOES_ON = re.compile(r"[-.:/]?\d")
_CUT = re.compile(r"\d[.,:;]\Z")


class Effort:
    """The remaining effort for the texts and parts of one version. Unchecked content is hidden."""

    def __init__(self, left: float = _EFFORT) -> None:
        self.left = left
        self.parts = _PARTS
        self.names: dict[str, str] = {}


def without(text: str, kinds: Collection[str], effort: Effort | None = None) -> str:
    """Replace all such numbers in a text, and everything beyond the effort."""
    effort = effort or Effort()
    if effort.left < 0:
        return HIDDEN if _DIGIT.search(text) else text
    parts, at = [], 0
    for start, end in sorted(spans(text, kinds, effort)):
        if start >= at:
            parts += [text[at:start], HIDDEN]
        at = max(at, end)
    shown = "".join([*parts, text[at:]])
    # A word that named a number hidden now is nearer to the next. Texts that cost little are looked through again.
    return without(shown, kinds, effort) if parts and effort.left > _EFFORT / 2 else shown


def spans(text: str, kinds: Collection[str], effort: Effort | None = None) -> Iterator[tuple[int, int]]:
    """Yield the positions of such numbers, in any order."""
    effort = effort or Effort()
    if len(text) > _LONGEST:
        yield _LONGEST - _AROUND, len(text)  # with what may be the beginning of a number
    if not _DIGIT.search(text):
        return
    effort.left -= 0.05 + len(text) / 350
    read = [_Text(text)]
    for match in _RUN.finditer(text, 0, _LONGEST):
        if effort.left < 0:
            yield match.start(), len(text)
            return
        if "|" in match[0] and len(read) == 1:  # the line between two cells, or a one
            read.append(_Text(_BAR.sub("l", text)))
        pairs: list[tuple[int, int]] = []
        for reading in read if "|" in match[0] else read[:1]:
            if effort.left >= 0:
                pairs += _Run(reading, *match.span(), effort).spans(kinds)
        if effort.left < 0:
            yield match.start(), len(text)
            return
        yield from pairs


class _Text:
    """A text, its lower-case form, and the words that name adjacent numbers."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.joints: dict[str, tuple[int, int, int]] = {}
        self._words: list[tuple[int, int, str | None]] = []
        self._looked = -1

    @cached_property
    def low(self) -> str:
        return lowered(self.text[: _LONGEST + _AROUND])

    def words(self, start: int, stop: int) -> Sequence[tuple[int, int, str | None]]:
        """Return the naming words that begin in the range, with start and end. Call with increasing positions."""
        if stop > self._looked:
            from_ = max(start, self._looked - _LONGEST_WORD)
            last = self._words[-1][0] if self._words else -1
            hits = (word for word in words.WORD.finditer(self.low, from_, stop + _LONGEST_WORD) if word.start() > last)
            self._words += [(*word.span(), word.lastgroup) for word in hits]
            self._looked = stop
        return self._words[bisect_left(self._words, start, key=_first) : bisect_left(self._words, stop, key=_first)]

    def joint(self, start: int, stop: int) -> tuple[int, int, int]:
        """For a gap between units: its length, whether that is over three, and whether it is not a dash."""
        raw = self.text[start:stop]
        known = self.joints.get(raw)
        if known is None:
            seen = _BLANK.sub(" ", _NO_JOINT.sub("", raw))
            known = len(seen), len(seen) > 3, bool(seen) and not _DASH.fullmatch(seen)
            self.joints[raw] = known
        return known


def _first(word: tuple[int, int, str | None]) -> int:
    return word[0]


class _Run:
    """Digits and look-alikes, with only gaps of a number between them."""

    def __init__(self, read: _Text, start: int, stop: int, effort: Effort) -> None:
        self.read, self.text = read, read.text
        self.start, self.stop = start, stop
        self.effort = effort
        self.units = [match.span() for match in _UNIT.finditer(self.text, start, stop) if match[1]]
        """Possible starts and ends of a number: consecutive digits, or one letter."""
        effort.left -= 1 + len(self.units) / 5
        if len(self.units) >= _MOST:
            effort.left = -1
        self.digits = "".join([self.text[first:last] for first, last in self.units]).translate(_VALUES)
        self.at = list(accumulate((last - first for first, last in self.units), initial=0))
        self.index_at = {at: index for index, at in enumerate(self.at)}
        self.letters = [self.text[first] in _LETTERS for first, _ in self.units]
        self.first = next((index for index, letter in enumerate(self.letters) if not letter), len(self.units))

    @cached_property
    def words(self) -> list[tuple[int, str | None]]:
        """The naming words before the run, with their ends."""
        self.effort.left -= 2
        words = self.read.words(max(self.start - _NEAR - _LONGEST_WORD, 0), self.start)
        return [(min(end, self.start), kind) for _, end, kind in words]

    def word_after(self, end: int) -> tuple[int, int, str | None] | None:
        """Return the naming word directly after a number of the run."""
        _ = self.words  # which are looked for in the order of the text
        self.effort.left -= 0.3
        word = next(iter(self.read.words(end, end + _NEAR // 2)), None)
        return None if word is None or word[1] > end + _NEAR // 2 else word

    @cached_property
    def joined(self) -> list[int]:
        """For each n: how many of the first n units are followed by a gap character."""
        return list(accumulate((length > 0 for length, *_ in self.joints), initial=0))

    @cached_property
    def joints(self) -> list[tuple[int, int, int]]:
        """The gap after each unit but the last."""
        return [
            self.read.joint(end, start) for (_, end), (start, _) in zip(self.units[:-1], self.units[1:], strict=True)
        ]

    @cached_property
    def long(self) -> list[int]:
        """For each n: how many of the first n gaps are too long for a parcel number."""
        return list(accumulate((long for _, long, _ in self.joints), initial=0))

    @cached_property
    def undashed(self) -> list[int]:
        """For each n: how many of the first n gaps are not a dash."""
        return list(accumulate((undashed for *_, undashed in self.joints), initial=0))

    def spans(self, kinds: Collection[str]) -> Iterator[tuple[int, int]]:
        """Yield the numbers' positions while there is effort left."""
        if self.at[-1] < FEWEST or self.effort.left < 0:
            return
        parcels = list(self._parcels())
        if "cadastral_number" in kinds:
            yield from ((self.units[index][0], self.units[last - 1][1]) for index, last in parcels)
        if "iin" in kinds or "bin" in kinds:
            yield from self._holders(parcels)

    def _holders(self, parcels: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
        of_parcels = bytearray(len(self.units))
        for begins, behind in parcels:
            of_parcels[begins:behind] = b"\1" * (behind - begins)
        ranked = []
        for index, at in enumerate(self.at[:-1]):
            for size in (12, 11, 13) if index <= self.first else (12,):
                last = self.index_at.get(at + size)
                if last is None:
                    continue
                valid = words.is_valid(self.digits[at : at + size])
                if not valid and index > self.first:
                    continue
                if self.effort.left < 0:
                    return
                if rank := self._rank(index, last, valid=valid, of_parcel=any(of_parcels[index:last])):
                    ranked.append((rank, sum(self.letters[index:last]), index, last))
        taken = bytearray(len(self.units))
        for *_, index, last in sorted(ranked):
            if not any(taken[index:last]):
                taken[index:last] = b"\1" * (last - index)
                yield self.units[index][0], self.units[last - 1][1]

    def _rank(self, index: int, last: int, *, valid: bool, of_parcel: bool) -> int:
        """Return the confidence that the digits are a personal number: 1 is the highest, 0 means none."""
        self.effort.left -= 1
        start, end = self.units[index][0], self.units[last - 1][1]
        named = index <= self.first and self._is_named(start, end, valid=valid)
        letters = sum(self.letters[index:last])
        if not (valid or named) or letters > _MOST_LETTERS or self._cuts_a_word(index, last):
            return 0
        if valid and named:
            return 1
        in_a_row = self.joined[last - 1] == self.joined[index]
        if not valid and (not self._is_slip(index, last, in_a_row=in_a_row) or _GOES_ON.match(self.text, end)):
            return 0
        halves = [after - first for first, after in self.units[index:last]] == [6, 6] and self.joints[index][0] <= 2
        joined = (in_a_row or halves) and not letters
        if named and joined and self._is_called(start):
            return 3
        if of_parcel or self._is_of_another(start, end, valid=valid, joined=joined):
            return 0
        return 3 if not valid else 1 if joined else 2

    def _is_of_another(self, start: int, end: int, *, valid: bool, joined: bool) -> bool:
        """Whether the range belongs to something else that is known by its form."""
        self.effort.left -= 1
        glued = _GLUE.match(self.text[max(start - 1, 0) : start] or " ") or _GLUE.match(self.text, end)
        low = self.read.low
        before = low[max(start - 50, 0) : start]
        if joined and valid:
            if words.FOREIGN.search(before) or (words.STAMPED.match(self.text, start) and words.STAMP.search(before)):
                return True
            if not glued:
                return bool(words.SUM.search(before) and words.MONEY.match(low[end : end + 10]))
        elif valid and (_CUT.search(before) or re.match(r"[.,:;]\d", self.text[end : end + 2])):
            return True
        near = _AROUND if glued else 20
        from_ = max(start - near, 0)
        self.effort.left -= near / 15
        for match in (words.AN_ID if joined and valid else words.OTHER).finditer(low[from_ : end + near]):
            first, after = from_ + match.start(), from_ + match.end()
            if after <= start or end <= first:
                continue
            whole = valid and start <= first and after <= end
            if match.lastgroup == "phone" and whole and not words.PHONE.search(before):
                continue
            if match["digest"] and len(match[0]) not in words.DIGESTS:
                continue
            # Whoever puts a number into a UUID or a digest has to fill the rest.
            filled = (match["uuid"] or match["digest"]) and len(words.HEX.intersection(match[0])) < 3
            if not filled and not (match["uuid"] and joined and valid and after == end):
                return True
        return False

    def _is_slip(self, index: int, last: int, *, in_a_row: bool) -> bool:
        """Whether digits with a naming word may be a mistyped number: one digit more or less only without gaps."""
        start = self.units[index][0]
        if self.at[last] - self.at[index] == 12:
            before = self.words and self.words[-1][1] == "holder"
            return not (before and re.search(r"\w\w[.!?;]\s", self.text[self.words[-1][0] : start]))
        return in_a_row and self._is_called(start)

    def _is_called(self, start: int) -> bool:
        """Whether a naming word stands directly before."""
        after, word = self.words[-1] if self.words else (0, None)
        return word == "holder" and re.fullmatch(r"\w?\W{0,6}", self.text[after:start]) is not None

    def _cuts_a_word(self, index: int, last: int) -> bool:
        """Whether the first or last letter of the units belongs to a longer word."""
        (start, _), (final, end) = self.units[index], self.units[last - 1]
        before, after = self.text[max(start - 1, 0) : start], self.text[end : end + 1]
        return (self.text[start] in _LETTERS and before.isalpha()) or (self.text[final] in _LETTERS and after.isalpha())

    def _is_named(self, start: int, end: int, *, valid: bool) -> bool:
        """Whether a word names the range as such a number; of valid ones also the second behind it, as intake reads."""
        if self.words and self.words[-1][1] == "holder" and start - self.words[-1][0] <= _NEAR:
            return valid or not any(map(str.isdigit, self.text[self.words[-1][0] : start]))
        word = self.word_after(end)
        if word is None or word[2] != "holder":
            return False
        return not any(map(str.isdigit, self.text[end : word[0]])) and not re.match(
            r"\W{0,6}\d", self.text[word[1] : end + _NEAR // 2]
        )

    def _parcels(self) -> Iterator[tuple[int, int]]:
        """Yield the parcel numbers as first unit and end unit."""
        index = 0
        while index < len(self.units) and self.effort.left >= 0:
            behind = self._parcel(index)
            if behind:
                yield index, behind
            index = behind or index + 1

    def _parcel(self, index: int) -> int:
        """Return the end unit of a parcel number that begins with this unit; 0: there is none."""
        at = self.at[index]
        if not "01" <= self.digits[at : at + 2] <= "25":
            return 0
        for size in (11, 12, 13):
            last = self.index_at.get(at + size)
            if last is None or (last < len(self.units) and not self.joints[last - 1][0]):
                continue
            joints = self.joined[last - 1] - self.joined[index]
            dashed = self.undashed[last - 1] == self.undashed[index]
            if not dashed and joints != 3:
                continue
            if self.long[last - 1] > self.long[index] or self._cuts_a_word(index, last):
                continue
            grouped = joints == 3 and all(self._is_joined(at + size) for size in (2, 5, 8))
            if (grouped or dashed) and self._is_parcel(index, last, joints, grouped=grouped, dashed=dashed):
                return last
        return 0

    def _is_parcel(self, index: int, last: int, joints: int, *, grouped: bool, dashed: bool) -> bool:
        self.effort.left -= 0.5
        start, end = self.units[index][0], self.units[last - 1][1]
        word = self._land(start, end)
        if grouped and dashed:
            low = self.read.low
            self.effort.left -= 1
            of_a_file = words.FILE.search(low[max(start - 30, 0) : start]) or words.OF_A_FILE.match(low[end : end + 20])
            if word in ("cadastre", "land") or not of_a_file:
                return True
        at = self.at[index]
        if word == "cadastre":
            return grouped or (dashed and (not joints or at + 2 in self.index_at))
        size = self.at[last] - at
        in_a_row = not joints and size < 13 and not words.is_valid(self.digits[at : at + size])
        return word == "land" and (grouped or in_a_row)

    def _is_joined(self, at: int) -> bool:
        """Whether there is a gap character before the digit at this position."""
        index = self.index_at.get(at)
        return index is not None and self.joints[index - 1][0] > 0

    def _land(self, start: int, end: int) -> str | None:
        land = None
        for after, word in reversed(self.words):
            if start - after > _NEAR:
                break
            if word != "land":
                return word if land is None or word == "cadastre" else land
            land = word
        if land is None:
            unit = self.word_after(end)
            if unit and unit[2] in ("cadastre", "land"):
                return unit[2]
        return land
