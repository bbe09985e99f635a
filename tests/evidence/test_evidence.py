"""Another language reads the evidence: what Go made, and what a running instance exports.

    python3 -m unittest discover -s tests/evidence

With EVIDENCE_DIR set, the exports in that folder are read as well: `key.txt`, and files `*.jsonl`.
`cargo xtask test` sets it to a folder that a real instance has filled.
"""

import base64
import copy
import json
import os
import pathlib
import unittest

import tlog

HERE = pathlib.Path(__file__).resolve().parent
VECTORS = HERE.parent.parent / "crates" / "audit" / "tests" / "vectors" / "vectors.txt"


def rows(kind):
    lines = VECTORS.read_text().splitlines()
    found = [line.split(" ")[1:] for line in lines if line.startswith(kind + " ")]
    assert found, f"there are vectors of {kind}"
    return found


def hashes(text):
    return [base64.b64decode(part) for part in text.split(",") if part]


LEAVES = [tlog.leaf(b"entry %d" % index) for index in range(600)]


class Vectors(unittest.TestCase):
    """This reader and Go's agree, so that it may judge."""

    def test_roots(self):
        for size, digest in rows("root"):
            self.assertEqual(tlog.root(LEAVES[: int(size)]), base64.b64decode(digest))

    def test_inclusion(self):
        for index, size, proof in rows("inclusion"):
            index, size, proof = int(index), int(size), hashes(proof)
            found = tlog.root_by_inclusion(LEAVES[index], index, size, proof)
            self.assertEqual(found, tlog.root(LEAVES[:size]))
            with self.assertRaises(tlog.Wrong):
                tlog.root_by_inclusion(LEAVES[index], index, size, proof + [LEAVES[0]])

    def test_consistency(self):
        for old, size, proof in rows("consistency"):
            old, size, proof = int(old), int(size), hashes(proof)
            if old == size:
                continue
            before, after = tlog.root(LEAVES[:old]), tlog.root(LEAVES[:size])
            self.assertTrue(tlog.continues(old, before, size, after, proof))
            self.assertFalse(tlog.continues(old, after, size, before, proof))
            self.assertFalse(tlog.continues(old, before, size, after, proof[1:]))

    def test_tiles(self):
        for level, index, width, path in rows("tile"):
            level = None if level == "-1" else int(level)
            self.assertEqual(tlog.tile_path(level, int(index), int(width)), path)

    def test_notes(self):
        for _, key, note in rows("note"):
            note = base64.b64decode(note).decode()
            self.assertEqual(tlog.checkpoint(note, key), (600, tlog.root(LEAVES)))
            with self.assertRaises(tlog.Wrong):
                tlog.checkpoint(note.replace("600", "601"), key)


@unittest.skipUnless(os.environ.get("EVIDENCE_DIR"), "needs what an instance has exported")
class Exports(unittest.TestCase):
    """What an instance exports holds, and whatever is changed in it does not."""

    @classmethod
    def setUpClass(cls):
        folder = pathlib.Path(os.environ["EVIDENCE_DIR"])
        cls.key = (folder / "key.txt").read_text().strip()
        cls.files = {path.name: path.read_text().splitlines() for path in folder.glob("*.jsonl")}

    def test_every_export_holds(self):
        self.assertTrue(self.files)
        for name, lines in self.files.items():
            with self.subTest(name):
                entries, checkpoints = tlog.read(lines, self.key)
                self.assertGreater(entries, 0)
                self.assertGreater(checkpoints, 0)

    def test_entries_stand_there_in_canonical_form(self):
        for lines in self.files.values():
            for line in lines:
                entry = json.loads(line).get("entry")
                if entry is not None:
                    self.assertIn(tlog.canonical(entry), line)
                    self.assertEqual(entry["redaction"], "keys-v1")

    def test_nothing_can_be_changed(self):
        for name, lines in self.files.items():
            places = [at for at, line in enumerate(lines) if '"entry"' in line]
            for at in (places[0], places[len(places) // 2], places[-1]):
                for change in (self.edited, self.gone, self.moved):
                    with self.subTest(name, line=at, change=change.__name__):
                        with self.assertRaises(tlog.Wrong):
                            tlog.read(change(lines, at), self.key)

    def edited(self, lines, at):
        changed = list(lines)
        document = json.loads(lines[at])
        # Every entry names its scheme; outcomes name no organisation.
        document["entry"]["redaction"] += "x"
        changed[at] = json.dumps(document)
        return changed

    def gone(self, lines, at):
        return lines[:at] + lines[at + 1 :]

    def moved(self, lines, at):
        changed = list(lines)
        document = json.loads(lines[at])
        document["index"] += 1
        changed[at] = json.dumps(document)
        return changed

    def test_another_key_has_signed_nothing(self):
        other = rows("note")[0][1]
        for lines in self.files.values():
            changed = copy.copy(lines)
            head = json.loads(changed[0])
            head["key"] = other
            changed[0] = json.dumps(head)
            with self.assertRaises(tlog.Wrong):
                tlog.read(changed, other)


if __name__ == "__main__":
    unittest.main()
