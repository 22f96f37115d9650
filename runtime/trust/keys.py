"""Ed25519 keys in files.

A key ``NAME`` is two files of one folder: ``NAME.pem`` (PKCS8, mode 0600, encrypted if it has a
passphrase) and ``NAME.pub`` (SubjectPublicKeyInfo).  Its id is the SHA-256 of the 32 bytes of the public
key.  ``cryptography`` is imported when a key is first used, not before.  What becomes of a key that is
replaced: `runtime.trust.rotation`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
import shlex
import stat
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from runtime.trust.errors import BadSignature, KeyFileError, WrongPassphrase
from runtime.trust.files import private_folder, write_atomic
from runtime.trust.pkcs8 import encrypted_pem

Prompt = Callable[[str], str]
"""Asks the user for the passphrase of the key of that name."""

PASSPHRASE_FILE = "RTFSC_KEY_PASSPHRASE_FILE"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")
_KEY_FILE_LIMIT = 16384
_ENCRYPTED = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"


class PublicKey(NamedTuple):
    """The 32 bytes of an Ed25519 public key."""

    raw: bytes

    @property
    def key_id(self) -> str:
        return hashlib.sha256(self.raw).hexdigest()

    def verify(self, signature: bytes, message: bytes) -> None:
        """Raises `BadSignature` unless ``signature`` is this key's over ``message``."""
        from cryptography.exceptions import InvalidSignature

        try:
            _decoded(self.raw).verify(signature, message)
        except (InvalidSignature, ValueError):
            raise BadSignature(f"The signature of key {short(self.key_id)} does not fit") from None

    def pem(self) -> bytes:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        key = Ed25519PublicKey.from_public_bytes(self.raw)
        return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    @classmethod
    def from_pem(cls, data: bytes, what: str = "public key") -> PublicKey:
        """Raises `KeyFileError` for anything but an Ed25519 public key in PEM."""
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_public_key

        try:
            key = load_pem_public_key(data)
        except (ValueError, UnsupportedAlgorithm):
            raise KeyFileError(f"{what}: not a public key in PEM form") from None
        if not isinstance(key, Ed25519PublicKey):
            raise KeyFileError(f"{what}: not an Ed25519 key")
        return cls(key.public_bytes_raw())


@lru_cache(256)
def _decoded(raw: bytes) -> Any:
    """The point of the curve, which takes a fifth of a verification to find. Raises ``ValueError``."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    return Ed25519PublicKey.from_public_bytes(raw)


class SigningKey:
    """A private key, in memory for as long as it is needed."""

    __slots__ = ("_private", "public")

    def __init__(self, private: Any) -> None:
        self._private = private
        self.public = PublicKey(private.public_key().public_bytes_raw())

    @classmethod
    def generate(cls) -> SigningKey:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return cls(Ed25519PrivateKey.generate())

    def sign(self, message: bytes) -> bytes:
        """The 64 bytes of the signature; the same message always gives the same ones."""
        signature: bytes = self._private.sign(message)
        return signature

    def pem(self, passphrase: str | None) -> bytes:
        from cryptography.hazmat.primitives import serialization as s

        form = s.Encoding.PEM if passphrase is None else s.Encoding.DER
        data: bytes = self._private.private_bytes(form, s.PrivateFormat.PKCS8, s.NoEncryption())
        return data if passphrase is None else encrypted_pem(data, passphrase)

    @classmethod
    def from_pem(cls, data: bytes, passphrase: Callable[[], str], what: str = "key") -> SigningKey:
        """``passphrase`` is asked only for an encrypted key.  Raises `KeyFileError`, `WrongPassphrase`."""
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        encrypted = is_encrypted(data)
        if encrypted and not _is_whole(data):
            raise KeyFileError(f"{what}: the file is damaged", hint="restore it from a copy") from None
        word = passphrase().encode() if encrypted else None
        try:
            key = load_pem_private_key(data, word)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            if encrypted:
                raise WrongPassphrase(f"{what}: wrong passphrase") from None
            raise KeyFileError(f"{what}: not a private key in PEM form") from None
        if not isinstance(key, Ed25519PrivateKey):
            raise KeyFileError(f"{what}: not an Ed25519 key")
        return cls(key)


class KeyInfo(NamedTuple):
    name: str
    public: PublicKey
    path: Path


class KeyRing:
    """The keys of one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def new(self, name: str, *, passphrase: str | None = None) -> KeyInfo:
        """Makes a key.  Never overwrites: a name that is taken raises `KeyFileError`."""
        return self.add(name, SigningKey.generate(), passphrase=passphrase)

    def add(self, name: str, key: SigningKey, *, passphrase: str | None = None) -> KeyInfo:
        """Keeps a key that was made elsewhere.  Never overwrites."""
        path = self.path(name)
        refuse_empty(passphrase)
        try:
            private_folder(self.folder)
            write_atomic(path, key.pem(passphrase), replace=False)
            _write_public(path, key.public)
        except FileExistsError:
            raise KeyFileError(f"A key named {name!r} exists already", hint="choose another name") from None
        except OSError as error:
            raise KeyFileError(f"{path}: cannot write the key: {error.strerror}") from error
        return KeyInfo(name, key.public, path)

    def list(self) -> list[KeyInfo]:
        """All keys, by name.  Needs no passphrase."""
        names = sorted(path.stem for path in self.folder.glob("*.pub") if _NAME.fullmatch(path.stem))
        return [KeyInfo(name, self.public(name), self.path(name)) for name in names]

    def public(self, name: str) -> PublicKey:
        path = self.path(name).with_suffix(".pub")
        return PublicKey.from_pem(_read(path), str(path))

    def export(self, name: str) -> str:
        """The public key in PEM, to be given to others."""
        return self.public(name).pem().decode()

    def load(self, name: str, prompt: Prompt | None = None) -> SigningKey:
        """The private key; refuses a file that others can read, and one that is not of its public key."""
        path = self.path(name)
        key = SigningKey.from_pem(self.private_pem(name), lambda: _passphrase(name, prompt), str(path))
        self._confirm_public(name, key.public)
        return key

    def private_pem(self, name: str) -> bytes:
        """The file of the private key, as it is."""
        return _read(self.path(name), private=True)

    def is_encrypted(self, name: str) -> bool:
        """Whether the private key has a passphrase."""
        try:
            return is_encrypted(self.path(name).read_bytes()[:_KEY_FILE_LIMIT])
        except OSError:
            return False

    def replace(self, name: str, key: SigningKey, *, passphrase: str | None = None) -> KeyInfo:
        """``key`` in place of the one of that name, whose private half is gone then."""
        path = self.path(name)
        refuse_empty(passphrase)
        try:
            write_atomic(path, key.pem(passphrase))
            write_atomic(path.with_suffix(".pub"), key.public.pem(), mode=0o644)
        except OSError as error:
            raise KeyFileError(f"{path}: cannot write the key: {error.strerror}") from error
        return KeyInfo(name, key.public, path)

    def __contains__(self, name: str) -> bool:
        return self.path(name).exists()

    def _confirm_public(self, name: str, public: PublicKey) -> None:
        from runtime.trust.rotation import was_replaced

        path = self.path(name).with_suffix(".pub")
        if path.exists():
            said = self.public(name)
            if said == public:
                return
            if not was_replaced(self, name, said, public):
                raise KeyFileError(
                    f"{path}: not the public key of {name}.pem ({short(public.key_id)})",
                    hint=f"remove {path}; it is made anew from the private key",
                )
        with suppress(OSError):  # lost, or left behind when a rotation was interrupted
            write_atomic(path, public.pem(), mode=0o644)

    def path(self, name: str) -> Path:
        """Of the private key."""
        if not _NAME.fullmatch(name):
            raise KeyFileError(f"{name!r} is no name for a key", hint="use letters, digits, '.', '_' and '-'")
        return self.folder / f"{name}.pem"


def is_encrypted(pem: bytes) -> bool:
    return _ENCRYPTED in pem


def _is_whole(pem: bytes) -> bool:
    """Whether it is base64 of one DER value: then only the passphrase can be wrong."""
    body, end, _ = pem.partition(_ENCRYPTED)[2].partition(_ENCRYPTED.replace(b"BEGIN", b"END"))
    try:
        data = base64.b64decode(b"".join(body.split()), validate=True)
    except binascii.Error:
        return False
    if not end or len(data) < 4 or data[0] != 0x30:
        return False
    size = data[1] & 0x7F if data[1] & 0x80 else 0
    length = int.from_bytes(data[2 : 2 + size], "big") if size else data[1]
    return len(data) == 2 + size + length


def refuse_empty(passphrase: str | None) -> None:
    if passphrase == "":
        raise KeyFileError("The passphrase is empty", hint="leave it out for a key without one")


def short(key_id: str) -> str:
    """A key id for display."""
    return key_id[:16]


def _write_public(path: Path, public: PublicKey) -> None:
    try:
        write_atomic(path.with_suffix(".pub"), public.pem(), mode=0o644)
    except OSError:
        path.unlink()  # just made, of no use without its other half
        raise


def _maker(path: Path) -> str:
    """The command that makes the key of this file."""
    return "rtfsc init --home" if path.stem == "local" else f"rtfsc keys new {shlex.quote(path.stem)}"


def _read(path: Path, *, private: bool = False) -> bytes:
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise KeyFileError(f"{path}: not a regular file")
            if private and status.st_mode & 0o077:
                raise KeyFileError(f"{path}: others can read this key", hint=f"chmod 600 {path}")
            return file.read(_KEY_FILE_LIMIT)
    except FileNotFoundError:
        raise KeyFileError(f"{path}: no such key", hint=f"make one with: {_maker(path)}") from None
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}") from error


def passphrase_from_file() -> str | None:
    """The first line of the file that ``RTFSC_KEY_PASSPHRASE_FILE`` names; None if it names none."""
    file = os.environ.get(PASSPHRASE_FILE)
    if not file:
        return None
    try:
        return Path(file).read_text(encoding="utf-8").split("\n", 1)[0].rstrip("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise KeyFileError(f"{PASSPHRASE_FILE}={file}: cannot be read ({error})") from None


def _passphrase(name: str, prompt: Prompt | None) -> str:
    given = passphrase_from_file()
    if given is not None:
        return given
    if prompt is None:
        raise WrongPassphrase(f"The key {name!r} needs a passphrase", hint=f"set {PASSPHRASE_FILE}")
    return prompt(name)
