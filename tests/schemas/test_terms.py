"""The statutory terms."""

from appealbus.schemas.appeal import AppealKind
from appealbus.schemas.terms import TERMS, Term


def test_every_kind_has_its_term():
    """No kind of appeal is without a term."""
    assert set(TERMS) == set(AppealKind)


def test_terms_of_the_common_kinds():
    """Complaints have twenty working days, applications fifteen, requests for information fifteen of the calendar."""
    assert TERMS[AppealKind.COMPLAINT] == Term(20, working=True)
    assert TERMS[AppealKind.APPLICATION] == Term(15, working=True)
    assert TERMS[AppealKind.INFORMATION_INQUIRY] == Term(15, working=False)
