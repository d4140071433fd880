"""Streebog and GOST R 34.10 through libgcrypt: primitives over bytes and integers, without messages or files.

Callers encode numbers as bytes: a signer and a verifier that shared the encoding would share its errors. All functions
are thread-safe and release the interpreter while they run.
"""

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeAlias

from appealbus.core import ConfigError

Point: TypeAlias = tuple[int, int]
"""A point of a curve: x and y."""

_SONAME = "libgcrypt.so.20"
_OLDEST = b"1.9.0"  # the first that knows the curves by their present names; earlier ones also had an error in Streebog
_STREEBOG = {256: 309, 512: 310}
# Numbers of gcrypt.h and gpg-error.h.
_TEST_ALGO, _DISABLE_SECMEM, _FINISHED, _IS_FINISHED = 8, 37, 38, 39
_UNSIGNED = 5
_BAD_SIGNATURE, _CODE_MASK = 8, 0xFFFF

_UNFIT = "not the secret number of a key on this curve"


@dataclass(frozen=True, slots=True)
class Curve:
    """A curve: its name in libgcrypt, and the size of a coordinate in bytes (32 or 64)."""

    name: str
    size: int


CURVES: Final = {
    "1.2.643.2.2.35.0": Curve("GOST2001-test", 32),
    "1.2.643.2.2.35.1": Curve("GOST2001-CryptoPro-A", 32),
    "1.2.643.2.2.35.2": Curve("GOST2001-CryptoPro-B", 32),
    "1.2.643.2.2.35.3": Curve("GOST2001-CryptoPro-C", 32),
    "1.2.643.2.2.36.0": Curve("GOST2001-CryptoPro-A", 32),
    "1.2.643.2.2.36.1": Curve("GOST2001-CryptoPro-C", 32),
    "1.2.643.7.1.2.1.1.1": Curve("GOST2012-256-A", 32),
    "1.2.643.7.1.2.1.1.2": Curve("GOST2001-CryptoPro-A", 32),
    "1.2.643.7.1.2.1.1.3": Curve("GOST2001-CryptoPro-B", 32),
    "1.2.643.7.1.2.1.1.4": Curve("GOST2001-CryptoPro-C", 32),
    "1.2.643.7.1.2.1.2.0": Curve("GOST2012-512-test", 64),
    "1.2.643.7.1.2.1.2.1": Curve("GOST2012-512-tc26-A", 64),
    "1.2.643.7.1.2.1.2.2": Curve("GOST2012-512-tc26-B", 64),
    "1.2.643.7.1.2.1.2.3": Curve("GOST2012-512-tc26-C", 64),
}
"""Curves by the object identifiers of RFC 4357, RFC 7836 and RFC 9215."""


def load() -> None:
    """Load the library, once for the process. Raises ConfigError if it is missing, too old, or blocked for GOST."""
    _library()


def streebog(data: bytes, bits: int) -> bytes:
    """Return the hash of 256 or 512 bits, in the byte order of RFC 6986's octet strings. Raises ConfigError."""
    digest = ctypes.create_string_buffer(bits // 8)
    _library().gcry_md_hash_buffer(_STREEBOG[bits], digest, data, len(data))
    return digest.raw


def public_point(curve: Curve, secret: int) -> Point:
    """Return the public key of a secret number. Raises ValueError for an invalid number, and ConfigError."""
    library = _library()
    context = ctypes.c_void_p()
    with _expression(library, _private(curve, secret)) as key:
        if library.gcry_mpi_ec_new(ctypes.byref(context), key, None):
            raise ValueError(_UNFIT)
    try:
        return _point(library, context, curve)
    finally:
        library.gcry_ctx_release(context)


def sign(curve: Curve, secret: int, e: int) -> tuple[int, int]:
    """Return a signature (r, s) with a new random k (RFC 7091, section 6.1).

    `e` is the hash as a number with at most the curve's bits; 0 counts as 1. Raises ValueError for invalid numbers, and
    ConfigError.
    """
    library = _library()
    private, result = _list(b"private-key", _private(curve, secret)), ctypes.c_void_p()
    with _expression(library, _data(curve, e)) as data, _expression(library, private) as key:
        if library.gcry_pk_sign(ctypes.byref(result), data, key):
            raise ValueError(_UNFIT)
    try:
        return _part(library, result, b"r"), _part(library, result, b"s")
    finally:
        library.gcry_sexp_release(result)


def verify(curve: Curve, public: Point, e: int, signature: tuple[int, int]) -> bool:
    """Return whether the signature (r, s) matches e and the public key (RFC 7091, section 6.2).

    `e` is the hash as a number with at most the curve's bits. Out-of-range r and s give False; an invalid e or key
    raises ValueError. Raises ConfigError if the library cannot be used.
    """
    library = _library()
    if not all(0 < number < 1 << (8 * curve.size) for number in signature):
        return False
    r, s = (_octets(number, curve) for number in signature)
    point = b"\x04" + b"".join(_octets(number, curve) for number in public)
    given = _list(b"sig-val", _list(b"gost", _list(b"r", r), _list(b"s", s)))
    public_key = _list(b"public-key", _list(b"ecc", _list(b"curve", curve.name.encode()), _list(b"q", point)))
    with (
        _expression(library, given) as signed,
        _expression(library, _data(curve, e)) as data,
        _expression(library, public_key) as key,
    ):
        error: int = library.gcry_pk_verify(signed, data, key) & _CODE_MASK
    if error not in (0, _BAD_SIGNATURE):
        raise ValueError("not a public key of this curve")
    return not error


_lock = threading.Lock()
_loaded: list[ctypes.CDLL] = []


def _library() -> ctypes.CDLL:
    # The library wants its first call from one thread alone.
    with _lock:
        if not _loaded:
            _loaded.append(_initialised())
        return _loaded[0]


def _initialised() -> ctypes.CDLL:
    try:
        library = ctypes.CDLL(_SONAME)
    except OSError:
        raise ConfigError(f"GOST needs {_SONAME}: apt install libgcrypt20") from None
    pointer, size, to = ctypes.c_void_p, ctypes.c_size_t, ctypes.POINTER
    for name, result, arguments in (
        ("gcry_check_version", ctypes.c_char_p, [ctypes.c_char_p]),
        ("gcry_md_algo_info", ctypes.c_uint, [ctypes.c_int, ctypes.c_int, pointer, pointer]),
        ("gcry_md_hash_buffer", None, [ctypes.c_int, pointer, ctypes.c_char_p, size]),
        ("gcry_sexp_new", ctypes.c_uint, [to(pointer), ctypes.c_char_p, size, ctypes.c_int]),
        ("gcry_sexp_find_token", pointer, [pointer, ctypes.c_char_p, size]),
        ("gcry_sexp_nth_data", pointer, [pointer, ctypes.c_int, to(size)]),
        ("gcry_sexp_release", None, [pointer]),
        ("gcry_pk_sign", ctypes.c_uint, [to(pointer), pointer, pointer]),
        ("gcry_pk_verify", ctypes.c_uint, [pointer, pointer, pointer]),
        ("gcry_mpi_ec_new", ctypes.c_uint, [to(pointer), pointer, ctypes.c_char_p]),
        ("gcry_mpi_ec_get_mpi", pointer, [ctypes.c_char_p, pointer, ctypes.c_int]),
        ("gcry_mpi_print", ctypes.c_uint, [ctypes.c_int, pointer, size, to(size), pointer]),
        ("gcry_mpi_release", None, [pointer]),
        ("gcry_ctx_release", None, [pointer]),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    if library.gcry_check_version(_OLDEST) is None:
        raise ConfigError(f"GOST needs libgcrypt {_OLDEST.decode()} or newer: apt install libgcrypt20")
    if not library.gcry_control(_IS_FINISHED, 0):
        library.gcry_control(_DISABLE_SECMEM, 0)
        library.gcry_control(_FINISHED, 0)
    # Asked for a hash that is switched off, the library would end the process.
    if any(library.gcry_md_algo_info(algorithm, _TEST_ALGO, None, None) for algorithm in _STREEBOG.values()):
        raise ConfigError("GOST is switched off in this machine's libgcrypt, as it is where FIPS mode is on")
    return library


@contextmanager
def _expression(library: ctypes.CDLL, canonical: bytes) -> Iterator[ctypes.c_void_p]:
    """Hold an S-expression, libgcrypt's format of keys, hashes and signatures."""
    expression = ctypes.c_void_p()
    if library.gcry_sexp_new(ctypes.byref(expression), canonical, len(canonical), 0):
        raise MemoryError("libgcrypt took no expression")
    try:
        yield expression
    finally:
        library.gcry_sexp_release(expression)


def _private(curve: Curve, secret: int) -> "_List":
    if secret <= 0:
        raise ValueError(_UNFIT)
    return _list(b"ecc", _list(b"curve", curve.name.encode()), _list(b"d", _octets(secret, curve)))


def _data(curve: Curve, e: int) -> "_List":
    return _list(b"data", _list(b"flags", b"gost"), _list(b"value", _octets(e, curve)))


def _octets(number: int, curve: Curve) -> bytes:
    if number < 0 or number.bit_length() > 8 * curve.size:
        raise ValueError("a number is too large for this curve")
    return number.to_bytes(curve.size, "big")


def _list(name: bytes, *parts: "bytes | _List") -> "_List":
    """Return a list in canonical form: `(4:name5:value)`; nested lists are kept."""
    items = (part if isinstance(part, _List) else b"%d:%s" % (len(part), part) for part in (name, *parts))
    return _List(b"(" + b"".join(items) + b")")


class _List(bytes):
    """A serialized list. It has its own type because a number may begin with a bracket, too."""


def _part(library: ctypes.CDLL, expression: ctypes.c_void_p, name: bytes) -> int:
    token = library.gcry_sexp_find_token(expression, name, len(name))
    try:
        length = ctypes.c_size_t()
        data = library.gcry_sexp_nth_data(token, 1, ctypes.byref(length)) if token else None
        if not data:
            raise MemoryError("libgcrypt gave no signature")
        return int.from_bytes(ctypes.string_at(data, length.value), "big")
    finally:
        library.gcry_sexp_release(token)


def _point(library: ctypes.CDLL, context: ctypes.c_void_p, curve: Curve) -> Point:
    number = library.gcry_mpi_ec_get_mpi(b"q", context, 1)
    try:
        octets, length = ctypes.create_string_buffer(1 + 2 * curve.size), ctypes.c_size_t()
        # 04, x and y; the coordinates that the library also hands out by themselves are projective ones.
        if not number or library.gcry_mpi_print(_UNSIGNED, octets, len(octets), ctypes.byref(length), number):
            raise ValueError(_UNFIT)
        if length.value != len(octets):
            raise ValueError(_UNFIT)
        return int.from_bytes(octets.raw[1 : 1 + curve.size], "big"), int.from_bytes(
            octets.raw[1 + curve.size :], "big"
        )
    finally:
        library.gcry_mpi_release(number)
