"""What the state of a source tells of its wire's certificates."""

from datetime import UTC, datetime

from appealbus.core import CertificateState
from appealbus.core.journal.workers import SOURCE, merged

BEGINS, ENDS = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)


def test_certificates_are_told_without_their_owners(virtual, bench):
    """A file and its purpose are told, printable; whom it belongs to may be a person, and stays out of the journal."""

    async def scenario():
        test = bench()
        test.wire.certificates = lambda: [CertificateState("ours\x1b.crt", "signs", "Person", BEGINS, ENDS)]
        state = test.guard.state()
        (told,) = SOURCE.read(SOURCE.write(state)).certificates
        assert (told.name.isprintable(), told.purpose, told.subject) == (True, "signs", "")
        assert (told.not_before, told.not_after) == (BEGINS, ENDS)
        assert b"Person" not in SOURCE.write(state)
        (together,) = merged([state, state])
        assert together.certificates == (told,)

    virtual(scenario)


def test_names_of_files_hold_nobodys_number(virtual, bench):
    """Whoever named a file after its owner's ИИН has not put that into the journal and the metrics."""

    async def scenario():
        test = bench()
        test.wire.certificates = lambda: [CertificateState("sign-750301100019.crt", "signs", "", BEGINS, ENDS)]
        assert test.guard.state().certificates[0].name == "sign-*0019.crt"

    virtual(scenario)


def test_a_wire_that_raises_over_them_has_none(virtual, bench):
    """That is its plugin's defect, and is counted; the state is there all the same."""

    async def scenario():
        test = bench()
        for wrong in (lambda: 1 / 0, lambda: None, lambda: ["crt"]):
            test.wire.certificates = wrong
            assert test.guard.state().certificates == ()
        assert test.guard.context.defects["source.test"] == 3

    virtual(scenario)
