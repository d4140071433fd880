"""The journal's key: made once, kept apart, found wrong or gone, never open to others."""

import asyncio
import os
import re
import shutil
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, text

from appealbus.core.errors import ConfigError
from appealbus.core.journal import store
from appealbus.core.journal.appeals import lists
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.key import JournalKey
from appealbus.core.journal.naming import PARSES
from appealbus.schemas.identifiers import control_digit
from tests.services.asking import appeals_of

DIGITS = re.compile("[0-9a-f]{64}\n")


@pytest.fixture
def new(request, tmp_path):
    """A journal that is not there yet, of each kind, and where its key goes."""
    return f"sqlite:///{tmp_path}/new.db", tmp_path / "new.db.key"


@pytest.fixture(params=["sqlite", "postgresql"])
def keyless(request, tmp_path):
    """A journal of each kind that has no key yet, as a migration leaves it."""
    if request.param == "postgresql":
        return request.getfixturevalue("journal_database")
    url = f"sqlite:///{tmp_path}/j.db"
    asyncio.run(opened(url, tmp_path / "other"))
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE standing SET key_check = NULL"))
    engine.dispose()
    return url


async def opened(url: str, key: Path) -> bytes:
    async with await Journal.open(url, key=key) as journal:
        return journal.key.check


async def test_the_key_is_made_once_for_its_owner_alone(keyless, tmp_path):
    """32 random bytes as one line, mode 0600, whatever the umask; the next start has the same."""
    file, before = tmp_path / "k", os.umask(0)
    try:
        first = await opened(keyless, file)
    finally:
        os.umask(before)
    assert DIGITS.fullmatch(file.read_text())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert await opened(keyless, file) == first
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith("k")] == ["k"]


async def test_beside_an_sqlite_journal(tmp_path):
    """Where nobody says where, it lies beside the file."""
    async with await Journal.open(f"sqlite:///{tmp_path}/new.db") as journal:
        assert journal.key.check == JournalKey(bytes.fromhex((tmp_path / "new.db.key").read_text())).check


async def test_two_that_start_at_once_have_one_key(keyless, tmp_path):
    """Whoever is second takes what the first has made."""
    assert len(set(await asyncio.gather(*(opened(keyless, tmp_path / "k") for _ in range(4))))) == 1


async def test_two_machines_that_start_at_once(keyless, tmp_path):
    """One makes the key; the other makes none of its own, and says to copy it."""
    ends = await asyncio.gather(*(opened(keyless, tmp_path / name) for name in "kl"), return_exceptions=True)
    (error,) = [each for each in ends if isinstance(each, ConfigError)]
    assert "from another machine that works this journal" in str(error)
    assert sum((tmp_path / name).exists() for name in "kl") == 1


async def test_a_key_that_is_there_counts(keyless, tmp_path):
    """One that a person or a keeper of secrets has laid there, in a folder that may not be written."""
    folder = tmp_path / "secrets"
    folder.mkdir()
    (folder / "k").write_text("ab" * 32)
    (folder / "k").chmod(0o400)
    folder.chmod(0o500)
    assert await opened(keyless, folder / "k") == JournalKey(b"\xab" * 32).check
    folder.chmod(0o700)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda file: file.unlink(), "is not at"),
        (lambda file: file.write_text("cd" * 32), "is not this journal's"),
        (lambda file: file.write_text("cd" * 31), "is no key of a journal"),
        (lambda file: file.write_text("x" * 100_000), "is no key of a journal"),
        (lambda file: (file.unlink(), os.mkfifo(file, 0o600)), "is no key of a journal"),
        (lambda file: file.chmod(0o666), "may be written by others"),
    ],
)
async def test_a_wrong_key_is_told_with_what_to_do(keyless, tmp_path, spoil, says):
    """Nothing is done with it, nothing is made in its place; the journal can still be read."""
    file = tmp_path / "k"
    await opened(keyless, file)
    spoil(file)
    there = file.exists()
    with pytest.raises(ConfigError, match=says) as failure:
        await opened(keyless, file)
    assert file.exists() is there
    assert "0666" in str(failure.value) or "appealbus key renew" in str(failure.value)
    assert "cd" * 8 not in str(failure.value)
    async with await Journal.open(keyless, key=file, read_only=True) as journal:
        assert await journal.ask(lists.appeals) == []
        with pytest.raises(ConfigError, match=says):
            await appeals_of(journal, "iin", "120101500016")


async def test_no_place_for_a_key(keyless, tmp_path):
    """A folder that is not there, or not ours to write in."""
    with pytest.raises(ConfigError, match=r"cannot be made at .*: No such file or directory; name another place"):
        await opened(keyless, tmp_path / "gone" / "k")


async def test_a_restored_journal_has_its_old_key(tmp_path, make):
    """A copy knows whose it is, wherever it lies."""
    url = f"sqlite:///{tmp_path}/j.db"
    async with await Journal.open(url) as journal:
        check = journal.key.check
    shutil.copy(tmp_path / "j.db", tmp_path / "copy.db")
    with pytest.raises(ConfigError, match="is not at"):
        await opened(f"sqlite:///{tmp_path}/copy.db", tmp_path / "copy.db.key")
    assert await opened(f"sqlite:///{tmp_path}/copy.db", tmp_path / "j.db.key") == check


def holders(kind):
    """Numbers that are valid, by their first eleven digits."""
    middle = {"iin": "0101300", "bin": "0140000"}[kind]
    made = st.builds("{:02}{}{:03}".format, st.integers(0, 99), st.just(middle[:6]), st.integers(0, 999))
    return made.filter(lambda text: control_digit(text) is not None).map(lambda text: f"{text}{control_digit(text)}")


IDENTIFIERS = st.one_of(
    st.tuples(st.just("iin"), holders("iin")),
    st.tuples(st.just("bin"), holders("bin")),
    st.tuples(st.just("cadastral_number"), st.from_regex(r"\A[0-9]{2}-[0-9]{3}-[0-9]{3}-[0-9]{3,5}\Z")),
)
KEYS = st.binary(min_size=32, max_size=32)
BLANKS = st.sampled_from(["", " ", "-", "\u00a0", "\u2013", "\u200b", "  "])


@given(KEYS, IDENTIFIERS, st.lists(BLANKS, min_size=16, max_size=16))
def test_a_mark_is_the_same_in_all_spellings(secret, identifier, blanks):
    """Whatever stands between the digits."""
    kind, value = identifier
    digits = value.replace("-", "")
    spelt = "".join(f"{digit}{blank}" for digit, blank in zip(digits, blanks, strict=False)).strip()
    key = JournalKey(secret)
    assert key.mark(kind, PARSES[kind](spelt)) == key.mark(kind, PARSES[kind](value))


@given(KEYS, KEYS, IDENTIFIERS, IDENTIFIERS)
def test_marks_differ_by_key_kind_and_identifier(one, other, first, second):
    """And never hold what they stand for, in clear or as a hash without the key."""
    mark = JournalKey(one).mark(*first)
    assert len(mark) == 16
    assert (mark == JournalKey(other).mark(*first)) == (one == other)
    assert (mark == JournalKey(one).mark(*second)) == (first == second)
    assert JournalKey(one).mark("iin", first[1]) != JournalKey(one).mark("bin", first[1])
    assert first[1].encode() not in mark
    assert first[1][-4:] not in JournalKey(one).question("0123456789abcdef")


@given(KEYS)
def test_keys_of_questions_are_as_long_as_before(secret):
    """The keys that are words stay."""
    key = JournalKey(secret)
    assert re.fullmatch("[0-9a-f]{16}", key.question("0123456789abcdef"))
    assert key.question("0123456789abcdef") != key.question("0123456789abcdee")
    assert [key.question(word) for word in ("", "overflow")] == ["", "overflow"]


def test_nothing_secret_is_shown():
    """Neither its repr nor the store's shows the key."""
    key = JournalKey(b"s" * 32)
    assert "ss" not in repr(key)
    assert not hasattr(key, "secret")
    assert store.UNNAMED_KEY.name == "appealbus.key"
