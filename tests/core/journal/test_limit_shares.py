"""How a limit is divided: never more than it, nobody forgotten, nothing left lying."""

from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from appealbus.core.domain.limits import Need
from appealbus.core.journal.limits import Division, divide

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
LEASE = timedelta(seconds=20)
WANTS = st.lists(st.integers(0, 60), min_size=1, max_size=8).map(lambda each: {f"w{i}": n for i, n in enumerate(each)})


@given(st.integers(1, 100), WANTS)
def test_a_limit_is_divided_whole_and_fairly(limit, wants):
    """All of it is given; one that gets less than it wants has no less than any other, but for one left over."""
    shares = divide(limit, wants)
    assert sum(shares.values()) == limit
    standing = limit // (8 * len(wants))
    for name, wanted in wants.items():
        if shares[name] < wanted:
            others = [share for other, share in shares.items() if other != name]
            assert all(shares[name] >= share - 1 for share in others)
            assert shares[name] >= limit // len(wants)
    unused = sum(max(0, shares[name] - wanted) for name, wanted in wants.items())
    if any(shares[name] < wanted for name, wanted in wants.items()):
        assert unused <= standing * len(wants) <= limit / 8


def test_who_is_alone_has_it_all():
    """One worker has the whole limit, whatever it wants."""
    assert divide(7, {"a": 0}) == {"a": 7}
    assert divide(7, {"a": 700}) == {"a": 7}
    assert divide(7, {}) == {}


def test_who_wants_little_gets_it_and_the_rest_is_shared():
    """Max-min: small wishes are met first, the others have equal parts of what is left."""
    assert divide(50, {"a": 100, "b": 4, "c": 100}) == {"a": 23, "b": 4, "c": 23}
    assert divide(50, {"a": 100, "b": 0, "c": 0}) == {"a": 46, "b": 2, "c": 2}
    assert divide(5, {"a": 100, "b": 0, "c": 0}) == {"a": 5, "b": 0, "c": 0}


class Workers:
    """Workers that keep to what they are told and report in any order."""

    def __init__(self, limit, names):
        self.limit = limit
        self.now = NOW
        self.usable = dict.fromkeys(names, 0)
        self.used = dict.fromkeys(names, 0)
        self.wanted = dict.fromkeys(names, 0)
        self.holdings = {}

    def report(self, name):
        need = Need(self.limit, self.usable[name], self.used[name], self.wanted[name], 0.5)
        for gone in [other for other, each in self.holdings.items() if each.until <= self.now]:
            del self.holdings[gone]
        if name in self.holdings:
            self.holdings[name].until = self.now + LEASE
        share = Division(self.limit, timedelta(seconds=0.5), self.now, LEASE, self.holdings).settle(name, need)
        self.usable[name] = share.usable
        return share

    def work(self, name):
        self.used[name] = max(self.used[name], min(self.wanted[name], self.usable[name]))


STEPS = st.lists(
    st.tuples(
        st.integers(0, 4),
        st.sampled_from(["report", "report", "work", "end", "end one", "want", "rest", "wait"]),
        st.integers(0, 9),
    ),
    max_size=80,
)


@given(st.integers(1, 12), st.integers(1, 5), STEPS)
def test_together_they_never_use_more_than_the_limit(limit, count, steps):
    """In whatever order workers report, start and end calls, the sum holds, and so does what the journal has noted."""
    workers = Workers(limit, [f"w{i}" for i in range(count)])
    for number, what, amount in steps:
        name = f"w{number % count}"
        if what == "report":
            workers.report(name)
        elif what == "work":
            workers.work(name)
        elif what == "end":
            workers.used[name] = 0
        elif what == "end one":
            workers.used[name] = max(0, workers.used[name] - 1)
        elif what == "want":
            workers.wanted[name] = amount * 3
        elif what == "rest":
            workers.wanted[name] = 0
        else:
            workers.now += timedelta(seconds=amount / 10)
        assert sum(workers.used.values()) <= limit
        assert sum(each.held for each in workers.holdings.values()) <= limit
        assert sum(max(workers.used[each], workers.usable[each]) for each in workers.used) <= limit


@given(st.integers(1, 6), st.integers(2, 6), st.integers(0, 2**32))
def test_nobody_starves_even_where_there_is_less_than_one_for_each(limit, count, seed):
    """With calls of any length and reports in any order, everybody gets a turn, again and again."""
    random = Random(seed)  # one of hypothesis' own takes ten times as long over so many throws
    names = [f"w{i}" for i in range(count)]
    workers = Workers(limit, names)
    workers.wanted = dict.fromkeys(names, 10)
    ends = dict.fromkeys(names, NOW)
    turns = dict.fromkeys(names, 0)
    for _ in range(count * 60):
        workers.now += timedelta(seconds=0.1)
        for name in random.sample(names, count):
            if workers.used[name] and ends[name] <= workers.now:
                workers.used[name] = 0
            workers.report(name)
            if not workers.used[name] and workers.usable[name]:
                workers.work(name)
                turns[name] += 1
                ends[name] = workers.now + timedelta(seconds=random.uniform(0, 0.6))
            assert sum(workers.used.values()) <= limit
    assert min(turns.values()) >= 3


def test_what_a_silent_worker_holds_is_kept_until_its_lease_ends():
    """One that is not heard of gets nothing more at once; what it holds is free once its calls have ended for sure."""
    workers = Workers(4, ["a", "b"])
    workers.wanted = {"a": 10, "b": 10}
    workers.report("a")
    assert workers.report("b").usable == 0
    workers.report("a")
    workers.report("a")
    assert workers.report("b").usable == 2
    for _ in range(38):
        workers.now += timedelta(seconds=0.5)
        assert workers.report("b").usable == 2
    workers.now += timedelta(seconds=1)
    assert workers.report("b").usable == 4
    workers.used["a"] = 0
    assert workers.report("a").usable == 0


def test_who_comes_for_a_dead_one_gets_of_what_the_others_have():
    """What the dead one holds is nobody's to give; the newcomer need not wait for it."""
    workers = Workers(8, ["a", "b", "c"])
    workers.wanted = {"a": 8, "b": 8, "c": 1}
    for name in "ababab":
        workers.report(name)
    assert workers.usable["b"] == 4
    workers.wanted["b"] = 0
    for _ in range(10):
        workers.now += timedelta(seconds=0.5)
        workers.report("b")
    for name in "cbcbc":  # b stops using some, then says so, then c may
        workers.report(name)
    assert (workers.usable["b"], workers.usable["c"]) == (2, 2)
