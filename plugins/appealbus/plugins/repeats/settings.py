"""Settings of repeats."""

from appealbus.core import Settings


class RepeatsSettings(Settings):
    """The table `[plugins.repeats]`."""

    compare: bool = False
    """Whether each appeal is compared with those before it. The journal then keeps a sketch of each text, some 1.5 kB
    an appeal."""
