"""How many files the process may have open: each connection is one, and without one for it nobody is answered."""

import resource

import structlog

log = structlog.get_logger(__name__)

_OTHERS = 128
"""Files that are no connections of clients: those of the journal, of a decoding process and of Python. With fewer, a
crowd of clients takes from the journal what it needs to answer them."""


def room_for(connections: int) -> int:
    """Have the process allowed as many files as so many connections need; return for how many there is room."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    endless, wanted = resource.RLIM_INFINITY, connections + _OTHERS
    if soft != endless and soft < wanted:
        soft = wanted if hard == endless else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    room = connections if soft == endless else min(connections, max(1, soft - _OTHERS))
    if room < connections:
        log.warning("api.few_files", total=room)
    return room
