"""HTTP/1.1 without what h11 forgives: a proxy before us may read it otherwise, and take one request for two."""

import re

import h11

_ODD = re.compile(rb"(?<!\r)\n|\n[ \t]")
"""In a head: the end of a line without CR, and a line that goes on in the next (both RFC 9112, 2.2 and 5.2)."""


_FEW = 1000
_SMALL = 256
"""Bytes of a part of a body, on average, once there are more than a few: each costs the loop of all as much as a
hundred kilobytes of a large one."""


class Strict(h11.Connection):
    """The protocol of one connection."""

    _parts = _size = 0

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        """Return the next event; raise RemoteProtocolError where a head or a body is not as it should be."""
        if self.their_state is h11.IDLE:
            begun = self.trailing_data[0]
            end = begun.find(b"\r\n\r\n")
            if _ODD.search(begun, 0, end if end >= 0 else len(begun)):
                raise h11.RemoteProtocolError("a line of the head ends without CRLF, or goes on in the next")
        event = super().next_event()
        if isinstance(event, h11.Request):
            self._parts = self._size = 0
        elif isinstance(event, h11.Data):
            self._parts += 1
            self._size += len(event.data)
            if self._parts > _FEW + self._size // _SMALL:
                raise h11.RemoteProtocolError("the body comes in too many small parts")
        return event
