"""What tests of GOST share."""

import pytest

from appealbus.connectors.wssec.gost import libgcrypt
from appealbus.core import ConfigError


def _absent() -> bool:
    try:
        libgcrypt.load()
    except ConfigError:
        return True
    return False


needs_libgcrypt = pytest.mark.skipif(_absent(), reason="libgcrypt is not installed")
