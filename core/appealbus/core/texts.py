"""Texts compared whatever their language: what does not matter is made the same, the rest is cut into shingles.

Case, `ё` and `е`, punctuation, spaces and line breaks do not matter, nor in which form of Unicode a letter is written.
Nor do signs that nobody sees, or Latin letters that stand for Cyrillic ones: many type Kazakh with a Latin `i`.
Words, digits and their order do. Nothing here knows a grammar: Kazakh and Russian mix within a letter.
"""

import re
import unicodedata

LENGTH = 5
"""Characters of a shingle: with fewer, texts that have nothing in common share many; with more, one letter that is
another changes more of them."""
ALIKE = 0.8
"""From this similarity on texts are about the same: one letter, but for names, numbers and a sentence."""
SHORTEST = 50
"""Shingles of a text that is worth comparing, as in some ten words: shorter ones are alike by chance."""
_BREAKS = re.compile(r"[\W_]+")
_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]+")
_LATIN = re.compile("(?<![a-z])[a-z]++(?=[\u0400-\u04ff])|(?<=[\u0400-\u04ff])[a-z]++")
"""Latin letters within a Cyrillic word. Looked for once where they begin: else a text of nothing else took a minute."""
_CYRILLIC = str.maketrans("aceopxyihkmtb", "асеорхуіһкмтв")


def normal(text: str) -> str:
    """Return words and numbers of a text in lower case, with one space between two."""
    seen = unicodedata.normalize("NFKC", _UNSEEN.sub("", text)).casefold().replace("ё", "е")
    return _BREAKS.sub(" ", _LATIN.sub(lambda some: some[0].translate(_CYRILLIC), seen)).strip()


def shingles(normal_text: str) -> set[str]:
    """Return all pieces of five characters of a normal text; a shorter one itself, and nothing of an empty one."""
    if len(normal_text) < LENGTH:
        return {normal_text} if normal_text else set()
    return {normal_text[at : at + LENGTH] for at in range(len(normal_text) - LENGTH + 1)}


def similarity(one: set[str], other: set[str]) -> float:
    """Return which share of all shingles of two texts both have, from 0.0 to 1.0 (Jaccard); of two empty ones 0.0."""
    both = len(one & other)
    return both / (len(one) + len(other) - both) if both else 0.0
