"""A part of a third party: the length of each text, and its words; its second version tells capital letters too."""

import time

from sqlalchemy import BigInteger, Column, Integer, MetaData, Table, Text, text

from appealbus.core import JournalPart

_metadata = MetaData()
LENGTH = Table(
    "acme_length",
    _metadata,
    Column("appeal_id", BigInteger, primary_key=True, autoincrement=False),
    Column("characters", Integer),
)
WORD = Table(
    "acme_word", _metadata, Column("appeal_id", BigInteger, primary_key=True), Column("word", Text, primary_key=True)
)
CAPITALS = LENGTH.to_metadata(MetaData())
CAPITALS.append_column(Column("capitals", Integer))


def make(connection):
    _metadata.create_all(connection)


def count_capitals(connection):
    connection.execute(text("ALTER TABLE acme_length ADD COLUMN capitals INTEGER"))
    connection.execute(text("UPDATE acme_length SET capitals = -1"))


class Words(JournalPart):
    """Its first version."""

    name = "acme"
    tables = (LENGTH, WORD)
    migrations = (make,)

    def __init__(self):
        self.heard = []

    def rows(self, appeal, secret_of):
        words = [{"word": word} for word in dict.fromkeys(appeal.text.split())]
        return {"acme_length": [{"characters": len(appeal.text)}], "acme_word": words}

    def filled(self, count, code=""):
        self.heard.append((count, code))


class Capitals(Words):
    """Its second version."""

    tables = (CAPITALS, WORD)
    migrations = (make, count_capitals)

    def rows(self, appeal, secret_of):
        rows = super().rows(appeal, secret_of)
        capitals = sum(map(str.isupper, appeal.text))
        return {**rows, "acme_length": [{**row, "capitals": capitals} for row in rows["acme_length"]]}


class Raises(Words):
    """One with defects: it raises, or returns rows with other columns, or none."""

    def rows(self, appeal, secret_of):
        match appeal.text:
            case "other":
                return {"acme_length": [{"letters": 5}]}
            case "none":
                return None
            case _:
                raise SystemExit(1)


class Bad(Words):
    """One whose rows no database takes, or not this one."""

    def __init__(self, given):
        super().__init__()
        self.given = given

    def rows(self, appeal, secret_of):
        return self.given if appeal.text == "bad" else super().rows(appeal, secret_of)


class Hangs(Words):
    """One that hangs, for some seconds, in texts that begin with an x."""

    def rows(self, appeal, secret_of):
        ends = time.monotonic() + (3.0 if appeal.text.startswith("x") else 0.0)
        while time.monotonic() < ends:
            time.sleep(0.01)
        return super().rows(appeal, secret_of)
