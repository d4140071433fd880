"""What commands of plugins share: output, languages, exit codes, and noting who looks at what as whom."""

from appealbus.core.cli.as_whom import As, Purpose, look_as
from appealbus.core.cli.audit_reads import Copy, look
from appealbus.core.cli.client import name_of, role_of
from appealbus.core.cli.context import Cli, New, cli_of, started_again
from appealbus.core.cli.exits import EXIT_ABSENT, EXIT_PROBLEMS
from appealbus.core.cli.languages import Lang, reader
from appealbus.core.cli.paging import AsJson
from appealbus.core.cli.person import person
from appealbus.core.cli.render import local

__all__ = ["EXIT_ABSENT", "EXIT_PROBLEMS", "As", "AsJson", "Cli", "Copy", "Lang", "New", "Purpose"]
__all__ += ["cli_of", "local", "look", "look_as", "name_of", "person", "reader", "role_of", "started_again"]
