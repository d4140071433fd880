"""What is set for the whole process of a running bus, and never by the library for others."""

import gc


def relieve_collector() -> None:
    """Take what was loaded at start out of the garbage collector's sight, and let it look less often.

    A bus in full work makes and drops thousands of small objects an appeal, hardly any of them in a circle; with
    Python's defaults a quarter of its time went into walking over loaded modules and contracts again and again.
    Call it once, when everything is loaded.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(25_000, 30, 100)
