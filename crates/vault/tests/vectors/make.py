"""Writes vectors.txt: what the vault must produce, worked out without any of its code.

Needs Python 3.10 or newer and the `cryptography` package, of which only AES and AES-GCM are used.
HKDF, base62, CRC-32 and the formats are written out here, from the descriptions in the crate's
documentation. Run in this folder: python3 make.py > vectors.txt
"""

import base64
import hashlib
import hmac
import zlib

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

LABEL = b"countersign/seal/v1"


def drawn(name: str, count: int = 32) -> bytes:
    """Repeatable bytes that look random."""
    out = b""
    while len(out) < count:
        out += hashlib.sha256(f"{name}/{len(out)}".encode()).digest()
    return out[:count]


def hkdf(key: bytes, salt: bytes, info: bytes, count: int) -> bytes:
    prk = hmac.new(salt or bytes(32), key, hashlib.sha256).digest()
    out, block, number = b"", b"", 1
    while len(out) < count:
        block = hmac.new(prk, block + info + bytes([number]), hashlib.sha256).digest()
        out, number = out + block, number + 1
    return out[:count]


def framed(parts: list[bytes]) -> bytes:
    return b"".join(len(part).to_bytes(8, "big") + part for part in parts)


# Sealed records


def head_of(key_id: int, salt: bytes) -> bytes:
    return b"\x01\x01" + key_id.to_bytes(4, "big") + salt


def derived(key: bytes, key_id: int, salt: bytes) -> tuple[bytes, bytes, bytes]:
    okm = hkdf(key, salt, LABEL + b"\x01" + key_id.to_bytes(4, "big"), 76)
    return okm[:32], okm[32:44], okm[44:]


def associated(head: bytes, place: tuple) -> bytes:
    org, table, record, field, generation = place
    names = [name.encode() for name in (org, table, record, field)]
    return framed([LABEL, head, *names, generation.to_bytes(8, "big")])


def sealed(key: bytes, key_id: int, salt: bytes, place: tuple, plaintext: bytes) -> bytes:
    head = head_of(key_id, salt)
    aes, nonce, commitment = derived(key, key_id, salt)
    return head + commitment + AESGCM(aes).encrypt(nonce, plaintext, associated(head, place))


def ring_row(root: bytes, key: bytes, key_id: int, state: str, name: str) -> dict:
    def at(field):
        return ("", "keyring", str(key_id), field, 0)

    wrapped = sealed(root, 0, drawn(f"{name} wrapped {key_id}"), at("key"), key)
    check = sealed(key, key_id, drawn(f"{name} check {key_id}"), at("check"), b"countersign/check/v1")
    return {"root": root, "id": key_id, "state": state, "wrapped": wrapped, "check": check}


# Tokens

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def base62(number: int, width: int) -> str:
    out = ""
    for _ in range(width):
        number, rest = divmod(number, 62)
        out = DIGITS[rest] + out
    return out


def token(prefix: str, random: bytes) -> str:
    identity = base62(int.from_bytes(random[:16], "big"), 12)
    secret = base62(int.from_bytes(random[16:], "big"), 43)
    body = f"{prefix}_{identity}_{secret}"
    return f"{body}_{base62(zlib.crc32(body.encode()), 6)}"


# State


def state(key: bytes, context: list[bytes], plaintext: bytes, random: bytes) -> str:
    label = b"countersign/state/v1"
    head = b"\x01" + random
    aes = hmac.new(key, framed([label, random[:12]]), hashlib.sha256).digest()
    body = AESGCM(aes).encrypt(random[12:], plaintext, framed([label, head, *context]))
    return base64.urlsafe_b64encode(head + body).rstrip(b"=").decode()


# One ciphertext that opens under two keys


def times(a: int, b: int) -> int:
    """Multiplication in GCM's field, whose bits run from the left."""
    product = 0
    for bit in range(127, -1, -1):
        if b >> bit & 1:
            product ^= a
        a = (a >> 1) ^ (0xE1 << 120 if a & 1 else 0)
    return product


def power(a: int, n: int) -> int:
    product = 1 << 127
    while n:
        if n & 1:
            product = times(product, a)
        a, n = times(a, a), n >> 1
    return product


def blocks(data: bytes) -> list[int]:
    padded = data + bytes(-len(data) % 16)
    return [int.from_bytes(padded[at : at + 16], "big") for at in range(0, len(padded), 16)]


def two_faced(one: tuple[bytes, bytes], two: tuple[bytes, bytes], aad: bytes) -> bytes:
    """Ciphertext and tag that AES-GCM accepts under both (key, nonce) pairs.

    The tag is linear in each block of the ciphertext, so one free block is enough to make the tags
    under both keys the same.
    """
    start = blocks(drawn("two-faced ciphertext", 32))

    def tag(pair, middle):
        aes, nonce = pair
        ecb = Cipher(algorithms.AES(aes), modes.ECB()).encryptor()
        h = int.from_bytes(ecb.update(bytes(16)), "big")
        mask = int.from_bytes(ecb.update(nonce + b"\x00\x00\x00\x01"), "big")
        lengths = (len(aad) * 8) << 64 | 48 * 8
        total = 0
        for block in [*blocks(aad), *start, middle, lengths]:
            total = times(total ^ block, h)
        return total ^ mask, h

    (tag_one, h_one), (tag_two, h_two) = tag(one, 0), tag(two, 0)
    slope = power(h_one, 2) ^ power(h_two, 2)
    middle = times(tag_one ^ tag_two, power(slope, 2**128 - 2))
    ciphertext = b"".join(block.to_bytes(16, "big") for block in [*start, middle])
    body = ciphertext + tag(one, middle)[0].to_bytes(16, "big")
    for aes, nonce in (one, two):
        AESGCM(aes).decrypt(nonce, body, aad)
    return body


# The file


def section(name: str, **values) -> None:
    print(f"\n[{name}]")
    for key, value in values.items():
        print(f"{key} = {value.hex() if isinstance(value, bytes) else value}")


def main() -> None:
    print("# Made by make.py. Bytes in hex; numbers and names as they are; lists with | between.")

    root, base = drawn("root"), drawn("base")
    keys = {0: (base, "base"), 1: (drawn("key 1"), "decrypt_only"), 2: (drawn("key 2"), "active"),
            7: (drawn("key 7"), "pending")}
    for key_id, (key, name) in keys.items():
        section("ring main", **ring_row(root, key, key_id, name, "main"))

    places = [
        ("org-1", "credentials", "cred-1", "value", 1),
        ("org-1", "credentials", "cred-1", "value", 2**64 - 1),
        ("", "", "", "", 0),
        ("Bücher & Söhne", "t" * 300, "レコード", "a|b", 1 << 40),
    ]
    plaintexts = [b"Bearer sk_live_1", b"", bytes(range(256)), drawn("long", 5000)]
    for key_id in (1, 2, 7):
        for number, (place, plaintext) in enumerate(zip(places, plaintexts)):
            salt = drawn(f"salt {key_id} {number}")
            org, table, record, field, generation = place
            section("seal", key_id=key_id, org=org.encode(), table=table.encode(),
                    record=record.encode(), field=field.encode(), generation=generation, salt=salt,
                    plaintext=plaintext,
                    blob=sealed(keys[key_id][0], key_id, salt, place, plaintext))

    for number, (prefix, version) in enumerate([("csg1", 1), ("csg1", 2), ("csk1", 1)]):
        random = drawn(f"token {number}", 48) if number else bytes(48)
        text = token(prefix, random)
        pepper = hkdf(base, b"", b"countersign/derive/v1/token-pepper" + version.to_bytes(4, "big"), 32)
        section("token", prefix=prefix, random=random, token=text, pepper=version,
                hash=hmac.new(pepper, text.encode(), hashlib.sha256).digest())

    mac_key = hkdf(base, b"", b"countersign/derive/v1/row-mac" + (1).to_bytes(4, "big"), 32)
    for table, fields in [("grants", [b"g1", b"org-1", b"\x00\xff"]), ("limits", [b"", b""]), ("t", [])]:
        listed = framed([b"countersign/row/v1", table.encode(), *fields])
        section("row", table=table, count=len(fields), fields="|".join(f.hex() for f in fields),
                mac=hmac.new(mac_key, listed, hashlib.sha256).digest())

    state_key = hkdf(base, b"", b"countersign/derive/v1/state" + (1).to_bytes(4, "big"), 32)
    for number, (context, plaintext) in enumerate(
        [([b"session", b"g1", b"s1"], b"upstream-session"), ([], b""), ([b""], drawn("state", 100))]
    ):
        random = drawn(f"state random {number}", 24)
        section("state", count=len(context), context="|".join(c.hex() for c in context),
                plaintext=plaintext, random=random,
                state=state(state_key, context, plaintext, random))

    one, two, salt = drawn("two-faced 1"), drawn("two-faced 2"), drawn("two-faced salt")
    for name, key in (("one", one), ("two", two)):
        section(f"ring {name}", **ring_row(root, drawn(f"base {name}"), 0, "base", name))
        section(f"ring {name}", **ring_row(root, key, 1, "active", name))
    head = head_of(1, salt)
    (aes_one, nonce_one, first), (aes_two, nonce_two, second) = derived(one, 1, salt), derived(two, 1, salt)
    body = two_faced((aes_one, nonce_one), (aes_two, nonce_two), associated(head, places[0]))
    section("two-faced", blob_one=head + first + body, blob_two=head + second + body)


main()
