"""Encryption of a private key at rest: PKCS8 with PBES2, scrypt and AES-256-CBC (RFC 5958, 8018, 7914).

The common libraries write 2,048 rounds of PBKDF2 in their place, which a stolen file does not withstand
for long; they read this form all the same, so that no key is bound to this program.
"""

from __future__ import annotations

import base64
import hashlib
import os

SCRYPT_N = 1 << 17
"""Cost of one try: 128 MiB and some tenths of a second."""
SCRYPT_R, SCRYPT_P = 8, 1
_MEMORY_LIMIT = 256 << 20
_BLOCK = 16

_PBES2 = bytes.fromhex("2a864886f70d01050d")
_SCRYPT = bytes.fromhex("2b06010401da47040b")
_AES_256_CBC = bytes.fromhex("60864801650304012a")
_OID, _INTEGER, _OCTETS, _SEQUENCE = 0x06, 0x02, 0x04, 0x30


def encrypted_pem(private_key: bytes, passphrase: str) -> bytes:
    """``private_key``: PKCS8 in DER. The PEM file ``ENCRYPTED PRIVATE KEY``."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    salt, start = os.urandom(16), os.urandom(_BLOCK)
    key = hashlib.scrypt(
        passphrase.encode(), salt=salt, n=SCRYPT_N, r=SCRYPT_R, p=SCRYPT_P, maxmem=_MEMORY_LIMIT, dklen=32
    )
    encryptor = Cipher(algorithms.AES(key), modes.CBC(start)).encryptor()
    padding = _BLOCK - len(private_key) % _BLOCK
    body = encryptor.update(private_key + bytes([padding]) * padding) + encryptor.finalize()
    costs = _sequence(_der(_OCTETS, salt), _integer(SCRYPT_N), _integer(SCRYPT_R), _integer(SCRYPT_P))
    derivation = _sequence(_der(_OID, _SCRYPT), costs)
    cipher = _sequence(_der(_OID, _AES_256_CBC), _der(_OCTETS, start))
    scheme = _sequence(_der(_OID, _PBES2), _sequence(derivation, cipher))
    return _pem("ENCRYPTED PRIVATE KEY", _sequence(scheme, _der(_OCTETS, body)))


def _pem(label: str, data: bytes) -> bytes:
    text = base64.b64encode(data).decode()
    lines = [text[i : i + 64] for i in range(0, len(text), 64)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""]).encode()


def _sequence(*parts: bytes) -> bytes:
    return _der(_SEQUENCE, b"".join(parts))


def _integer(value: int) -> bytes:
    return _der(_INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _der(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + content
