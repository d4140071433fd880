"""What is packed comes back as it was; whatever became of it on disk ends in one error, and in few bytes of memory."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import zstandard

from appealbus.core import packing
from appealbus.core.packing import DOCUMENTS, REPLIES, is_packed, pack, unpack

TEXT = '{"record":{"type":"Person","surname":"ТЕСТОВ","citizenship":{"code":"398","name_ru":"КАЗАХСТАН"}}}'.encode()


@pytest.mark.parametrize("dictionary", [DOCUMENTS, REPLIES])
@pytest.mark.parametrize("text", [TEXT, b"", b"{}", TEXT * 1000, bytes(range(256))])
def test_it_comes_back(dictionary, text):
    """Whatever it is, and whichever dictionary it was packed by."""
    assert is_packed(pack(text, dictionary))
    assert unpack(pack(text, dictionary)) == text


def test_what_was_not_packed_is_read_as_it_is():
    """What was written before there was any packing, and what is no shorter packed."""
    assert unpack(TEXT) == TEXT
    assert not is_packed(TEXT)


def test_it_is_much_shorter():
    """Though it is as short as a record is: the dictionary knows what stands in each."""
    assert len(pack(TEXT, DOCUMENTS)) < len(TEXT) / 2 < len(zstandard.compress(TEXT))


def test_damage_is_told():
    """Each byte that is another, or lacks, is noticed: there is a checksum."""
    packed = pack(TEXT, DOCUMENTS)
    damaged = [packed[:at] + bytes([packed[at] ^ 1]) + packed[at + 1 :] for at in range(4, len(packed))]
    damaged += [packed[:at] for at in range(4, len(packed))]
    damaged += [packed + b"x", packed + packed]
    empty = pack(b"", DOCUMENTS)
    damaged.append(empty[:-7] + packed[-40:])  # it says that there is nothing in it
    for each in damaged:
        with pytest.raises(ValueError, match="packed"):
            unpack(each)


def test_a_bomb_is_refused_unopened():
    """By what it says of itself; one that does not say is refused, too."""
    bomb = zstandard.ZstdCompressor(dict_data=_dictionary()).compress(bytes(packing.MOST + 1))
    silent = zstandard.ZstdCompressor(dict_data=_dictionary(), write_content_size=False).compress(TEXT)
    assert len(bomb) < 10_000
    for each in (bomb, silent):
        with pytest.raises(ValueError, match="too large"):
            unpack(each)
    with pytest.raises(ValueError, match="too large"):
        unpack(pack(TEXT, DOCUMENTS), len(TEXT) - 1)
    assert unpack(pack(TEXT, DOCUMENTS), len(TEXT)) == TEXT


def test_a_dictionary_that_is_not_here_is_told():
    """A later release may have packed by one."""
    later = zstandard.train_dictionary(2048, [TEXT[at:] * 3 for at in range(60)], dict_id=40_000)
    with pytest.raises(ValueError, match="later release"):
        unpack(zstandard.ZstdCompressor(dict_data=later).compress(TEXT))


def test_threads_do_not_meet():
    """Each has what packs and unpacks for itself: the writer's, readers', helpers'."""

    def work(number: int) -> bool:
        texts = [TEXT.replace(b"398", b"%03d" % ((number + each) % 1000)) * (each % 9 + 1) for each in range(300)]
        return all(unpack(pack(text, each)) == text for text in texts for each in (DOCUMENTS, REPLIES))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(16)))


def _dictionary() -> zstandard.ZstdCompressionDict:
    raw = (Path(packing.__file__).parent / f"{DOCUMENTS}.zdict").read_bytes()
    return zstandard.ZstdCompressionDict(raw)
