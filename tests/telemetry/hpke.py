"""Opens captures a second time: HPKE (RFC 9180) from its text, over the primitives of another library.

DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM, base mode, one message.
"""

import base64
import hashlib
import hmac

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEM, KDF, AEAD = 0x0020, 0x0001, 0x0002
KEM_SUITE = b"KEM" + KEM.to_bytes(2, "big")
SUITE = b"HPKE" + b"".join(part.to_bytes(2, "big") for part in (KEM, KDF, AEAD))


def labeled_extract(suite, salt, label, secret):
    return hmac.new(salt or bytes(32), b"HPKE-v1" + suite + label + secret, hashlib.sha256).digest()


def labeled_expand(suite, key, label, info, length):
    info = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    out, block, count = b"", b"", 1
    while len(out) < length:
        block = hmac.new(key, block + info + bytes([count]), hashlib.sha256).digest()
        out, count = out + block, count + 1
    return out[:length]


def open_record(written, call, part, record):
    """The document in a sealed record, with the private key as `countersign capture key` wrote it."""
    _, _, key = written.strip().removeprefix("PRIVATE+KEY+").split("+", 2)
    private = X25519PrivateKey.from_private_bytes(base64.b64decode(key))
    if record[0] != 1:
        raise ValueError("another version")
    encapsulated, ciphertext = record[1:33], record[33:]
    shared = private.exchange(X25519PublicKey.from_public_bytes(encapsulated))
    context = encapsulated + private.public_key().public_bytes_raw()
    prk = labeled_extract(KEM_SUITE, b"", b"eae_prk", shared)
    shared = labeled_expand(KEM_SUITE, prk, b"shared_secret", context, 32)
    psk_id = labeled_extract(SUITE, b"", b"psk_id_hash", b"")
    info = labeled_extract(SUITE, b"", b"info_hash", b"countersign/capture/v1")
    context = b"\x00" + psk_id + info
    secret = labeled_extract(SUITE, shared, b"secret", b"")
    key = labeled_expand(SUITE, secret, b"key", context, 32)
    nonce = labeled_expand(SUITE, secret, b"base_nonce", context, 12)
    return AESGCM(key).decrypt(nonce, ciphertext, f"{call}\n{part}\n".encode())
