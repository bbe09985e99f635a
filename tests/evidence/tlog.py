"""The evidence log read a second time: tree, proofs, tiles, checkpoints, entries and exports.

Written from RFC 6962, RFC 8032, RFC 8785 and the C2SP texts, with nothing but the standard library,
and sharing no line with the program. Trees are folded from their leaves, not grown by an edge;
proofs are checked by walking down from the root, not up from the leaf.
"""

import base64
import hashlib
import json
import re


class Wrong(Exception):
    """The evidence does not hold."""


# Hashes -----------------------------------------------------------------------------------------


def leaf(entry):
    return hashlib.sha256(b"\x00" + entry).digest()


def node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def split(size):
    """The largest power of two below a size above one."""
    return 1 << (size - 1).bit_length() - 1


def root(leaves):
    """The tree's root: pairs are folded level by level, a last one without a pair goes up as it is."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    level = list(leaves)
    while len(level) > 1:
        paired = [node(*level[i : i + 2]) for i in range(0, len(level) - 1, 2)]
        level = paired + level[len(level) // 2 * 2 :]
    return level[0]


def root_by_inclusion(hash_of_leaf, index, size, proof):
    """The root that a proof of inclusion leads to: the last hash is the one next to the root."""
    if size == 1:
        if proof:
            raise Wrong("the proof is too long")
        return hash_of_leaf
    if not proof:
        raise Wrong("the proof is too short")
    half = split(size)
    *below, beside = proof
    if index < half:
        return node(root_by_inclusion(hash_of_leaf, index, half, below), beside)
    return node(beside, root_by_inclusion(hash_of_leaf, index - half, size - half, below))


def roots_by_consistency(old, size, proof, old_root, whole=True):
    """The roots of the old and the new tree that a proof of consistency leads to."""
    if old == size:
        if whole:
            if proof:
                raise Wrong("the proof is too long")
            return old_root, old_root
        if len(proof) != 1:
            raise Wrong("the proof has the wrong length")
        return proof[0], proof[0]
    if not proof:
        raise Wrong("the proof is too short")
    half = split(size)
    *below, beside = proof
    if old <= half:
        before, after = roots_by_consistency(old, half, below, old_root, whole)
        return before, node(after, beside)
    before, after = roots_by_consistency(old - half, size - half, below, old_root, False)
    return node(beside, before), node(beside, after)


def continues(old, old_root, size, new_root, proof):
    """Whether the proof leads from the one tree to the other."""
    if old == 0:
        return not proof and old_root == root([])
    try:
        return roots_by_consistency(old, size, proof, old_root) == (old_root, new_root)
    except Wrong:
        return False


def folded(size, roots):
    """The root over the roots of complete subtrees, largest first."""
    if bin(size).count("1") != len(roots):
        raise Wrong("the edge has the wrong number of hashes")
    if not roots:
        return root([])
    *before, last = roots
    for left in reversed(before):
        last = node(left, last)
    return last


# Tiles ------------------------------------------------------------------------------------------


def tile_path(level, index, width):
    """The path of a tile; a level of None is a bundle of entries."""
    digits = f"{index:03}"
    digits = digits.zfill((len(digits) + 2) // 3 * 3)
    parts = re.findall("...", digits)
    name = "/".join([*("x" + part for part in parts[:-1]), parts[-1]])
    partial = "" if width == 256 else f".p/{width}"
    return f"tile/{'entries' if level is None else level}/{name}{partial}"


# Ed25519, as RFC 8032 writes it -----------------------------------------------------------------

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)


def add(a, b):
    (ax, ay, az, at), (bx, by, bz, bt) = a, b
    e = (ay - ax) * (by - bx) % P
    f = (ay + ax) * (by + bx) % P
    g = 2 * at * bt * D % P
    h = 2 * az * bz % P
    left, middle, right, sum_ = f - e, h - g, h + g, f + e
    return left * middle % P, right * sum_ % P, middle * right % P, left * sum_ % P


def times(factor, point):
    result = (0, 1, 1, 0)
    while factor:
        if factor & 1:
            result = add(result, point)
        point = add(point, point)
        factor >>= 1
    return result


def same(a, b):
    return (a[0] * b[2] - b[0] * a[2]) % P == 0 and (a[1] * b[2] - b[1] * a[2]) % P == 0


def point_of(data):
    """The point that 32 bytes stand for; None if they stand for none."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_ONE % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


BASE = point_of((4 * pow(5, -1, P) % P).to_bytes(32, "little"))


def signed(key, message, signature):
    """Whether this Ed25519 key made the signature."""
    if len(key) != 32 or len(signature) != 64:
        return False
    public, nonce = point_of(key), point_of(signature[:32])
    scalar = int.from_bytes(signature[32:], "little")
    if public is None or nonce is None or scalar >= ORDER:
        return False
    digest = hashlib.sha512(signature[:32] + key + message).digest()
    challenge = int.from_bytes(digest, "little") % ORDER
    return same(times(scalar, BASE), add(nonce, times(challenge, public)))


# Notes and checkpoints --------------------------------------------------------------------------


def key_of(text):
    """Name, kind, id and key of a written public key."""
    name, shown, data = text.strip().split("+", 2)
    data = base64.b64decode(data, validate=True)
    identity = hashlib.sha256(name.encode() + b"\n" + data).digest()[:4]
    if identity.hex() != shown:
        raise Wrong("the key's id is not its own")
    return name, data[0], identity, data[1:]


def opened(note, key):
    """The text of a note that this key has signed, and the time if it is a witness's."""
    name, kind, identity, public = key_of(key)
    text, _, below = note.rpartition("\n\n")
    text += "\n"
    found = None
    for line in below.splitlines():
        dash, who, data = line.split(" ")
        if dash != "\u2014":
            raise Wrong("a line of signature begins with a dash")
        data = base64.b64decode(data, validate=True)
        if (who, data[:4]) != (name, identity):
            continue
        time, message, signature = None, text.encode(), data[4:]
        if kind == 4:
            time, signature = int.from_bytes(data[4:12], "big"), data[12:]
            message = b"cosignature/v1\ntime %d\n" % time + message
        if not signed(public, message, signature):
            raise Wrong(f"the signature of {name} is false")
        found = (text, time)
    if found is None:
        raise Wrong(f"{name} has not signed this")
    return found


def checkpoint(note, key):
    """Size and root of a signed checkpoint of the log of this key."""
    text, _ = opened(note, key)
    origin, size, digest = text.split("\n")[:3]
    if origin != key_of(key)[0]:
        raise Wrong("the checkpoint is of another log")
    return int(size), base64.b64decode(digest, validate=True)


# Entries and exports ----------------------------------------------------------------------------


def canonical(value):
    """RFC 8785, for what entries hold: texts, whole numbers, truth values, lists, objects."""
    if isinstance(value, dict):
        members = sorted(value.items(), key=lambda member: member[0].encode("utf-16-be"))
        return "{" + ",".join(canonical(name) + ":" + canonical(v) for name, v in members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, float):
        raise Wrong("an entry holds no fractions")
    return json.dumps(value, ensure_ascii=False)


def entry_bytes(value):
    return canonical(value).encode()


def read(lines, key):
    """Checks a whole file of evidence; answers how many entries and checkpoints hold."""
    documents = [json.loads(line) for line in lines]
    head, *body = documents
    if head["format"] != "countersign-evidence/v1" or head["key"] != key:
        raise Wrong("the head is not that of this log's evidence")
    if body.pop().get("end") != len(documents) - 1:
        raise Wrong("the file is not complete")
    return (read_tree if head["form"] == "tree" else read_proofs)(head, body, key)


def read_tree(head, body, key):
    roots, size = [base64.b64decode(text) for text in head["edge"]], head["from"]
    folded(size, roots)
    entries = checkpoints = 0
    covered = None
    for line in body:
        if "checkpoint" in line:
            if checkpoint(line["checkpoint"], key) != (size, folded(size, roots)):
                raise Wrong(f"the log is not what the checkpoint at {size} says")
            checkpoints, covered = checkpoints + 1, size
            continue
        if line["index"] != size:
            raise Wrong(f"entry {size} is missing")
        hash_of_leaf = base64.b64decode(line["hash"])
        if "entry" in line:
            entry = line["entry"]
            if leaf(entry_bytes(entry)) != hash_of_leaf or entry["index"] != size:
                raise Wrong(f"entry {size} was changed")
            entries += 1
        elif line.get("withheld") != "retention":
            raise Wrong(f"entry {size} is gone")
        # As adding one carries over the ones of a binary number.
        carry, place = hash_of_leaf, size
        while place & 1:
            carry, place = node(roots.pop(), carry), place >> 1
        roots.append(carry)
        size += 1
    if covered != size or size != head["size"]:
        raise Wrong("no checkpoint covers the end")
    return entries, checkpoints


def read_proofs(_, body, key):
    note, *body = body
    size, digest = checkpoint(note["checkpoint"], key)
    for line in body:
        proof = [base64.b64decode(text) for text in line["proof"]]
        index = line["index"]
        if line["entry"]["index"] != index or not index < size:
            raise Wrong(f"entry {index} says another place")
        found = root_by_inclusion(leaf(entry_bytes(line["entry"])), index, size, proof)
        if found != digest:
            raise Wrong(f"entry {index} is not in the log")
    return len(body), 1
