"""The schema of the licences."""

import pytest

from appealbus.core.replies.xmlschema import MessageSchema
from tests.core.replies.licences import NS, XSD, ByIin


@pytest.fixture(scope="session")
def licence_schema(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Have lookups of licences check replies against the schema, which stands in a file."""
    file = tmp_path_factory.mktemp("licences") / "licences.xsd"
    file.write_text(XSD)
    ByIin.schema = MessageSchema(file, f"{{{NS}}}Answer")
