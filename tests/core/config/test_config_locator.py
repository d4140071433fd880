"""Which line a key of a TOML document stands in."""

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appealbus.core.config.environment import KeyPath, Locator

TEXT = '''# a comment with [brackets] and = signs
top = "a # no comment" # a = 1
[a]
"quoted key" = 1
'literal.key' = [
  "]", # ]
  { inline = "}" },
]
dotted . "b c".d = 2
text = """
fake = 1
[not.a.table]
a "quote" \\""" and more""""
raw = \'\'\'
it's = 'fake' \'\'\'\'
after = true
[a.b]   # header
x = 1
[[list]]
n = 1
[list.sub]
m = 1
[[list]]
n = 2
[[list.deep]]
k = 1
[[list.deep]]
k = 2
[ "sp aced" . x ]
y = 1
"\\u0061" = 1
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("top",), 2),
        (("a",), 3),
        (("a", "quoted key"), 4),
        (("a", "literal.key"), 5),
        (("a", "dotted"), 9),
        (("a", "dotted", "b c", "d"), 9),
        (("a", "text"), 10),
        (("a", "fake"), None),
        (("not",), None),
        (("a", "raw"), 14),
        (("a", "after"), 16),
        (("a", "b"), 17),
        (("a", "b", "x"), 18),
        (("list",), 19),
        (("list", 0), 19),
        (("list", 0, "n"), 20),
        (("list", 0, "sub", "m"), 22),
        (("list", 1), 23),
        (("list", 1, "n"), 24),
        (("list", 1, "deep", 0, "k"), 26),
        (("list", 1, "deep", 1, "k"), 28),
        (("sp aced", "x", "y"), 30),
        (("sp aced", "x", "a"), 31),
    ],
)
def test_keys_are_found_in_every_form_that_toml_has(path: KeyPath, line: int | None) -> None:
    """Tables, arrays of tables, dotted and quoted keys; what is inside texts is none."""
    tomllib.loads(TEXT)
    assert Locator(TEXT).line(path) == line


bare = st.text("abcXYZ019_-", min_size=1, max_size=4)
quoted = st.text("ab #=[]'.\t\"\\\u0416", max_size=4).map(
    lambda text: '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t") + '"'
)
values = st.recursive(
    st.sampled_from(["1", "true", "1979-05-27T07:32:00Z", "'#]'", '"""\n#"]\n"""', "'''\n[x]\n'''", '"\\""']),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: "[\n" + ",# ]\n".join(items) + "\n]")
        | inner.filter(lambda value: "\n" not in value).map(lambda value: f"{{ k = {value} }}")
    ),
    max_leaves=4,
)


@given(
    tables=st.lists(
        st.tuples(bare | quoted, st.dictionaries(bare | quoted, values, max_size=3)),
        max_size=3,
        unique_by=lambda t: t[0],
    )
)
def test_every_key_that_tomllib_reads_is_found(tables: list[tuple[str, dict[str, str]]]) -> None:
    """Whatever the values hold, each key is found in the line that it was written to."""
    text, written = "", []
    for table, entries in tables:
        text += f"[t.{table}]\n"
        for key, value in entries.items():
            written.append((table, key, text.count("\n") + 1))
            text += f"{key} = {value}\n"
    try:
        document: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return  # the same key in two forms
    locator = Locator(text)
    for table, key, line in written:
        names = [next(iter(tomllib.loads(f"{name} = 1"))) for name in (table, key)]
        assert names[1] in document["t"][names[0]]
        assert locator.line(("t", *names)) == line
