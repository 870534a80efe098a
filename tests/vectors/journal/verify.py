#!/usr/bin/env python3
"""A second reader of journals, written from docs/formats/journal.md alone, with nothing but Python's standard library.

verify.py DIRECTORY TRUST.toml prints {"exit": 0|1|2, "proven": N, "seq": first bad entry or null}. It is slow, and it
knows no clocks and no kept checkpoints: it shows that the document suffices, and judges the vectors.
"""
import base64, hashlib, json, pathlib, re, sys

# Ed25519 (RFC 8032, section 5.1), for verifying only.
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P

def add(a, b):
    (x, y, z, t), (u, v, w, s) = a, b
    e, f = (y - x) * (v - u) % P, (y + x) * (v + u) % P
    g, h = 2 * t * s * D % P, 2 * z * w % P
    i, j, k, l = f - e, h - g, h + g, f + e
    return i * j % P, k * l % P, j * k % P, i * l % P

def times(n, point):
    result = (0, 1, 1, 0)
    while n:
        result, point, n = add(result, point) if n & 1 else result, add(point, point), n >> 1
    return result

def point(raw):
    y, sign = int.from_bytes(raw, "little") & (2**255 - 1), raw[31] >> 7
    xx = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(xx, (P + 3) // 8, P)
    if (x * x - xx) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if y >= P or (x * x - xx) % P:
        raise ValueError("not a point")
    return ((x if x & 1 == sign else P - x), y, 1, x * y % P if x & 1 == sign else (P - x) * y % P)

BASE = point(bytes.fromhex("58" + "66" * 31))

def signed(key, message, signature):
    try:
        a, r, s = point(key), point(signature[:32]), int.from_bytes(signature[32:], "little")
    except ValueError:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    one, two = times(s, BASE), add(r, times(h, a))
    return s < L and all((one[i] * two[2] - two[i] * one[2]) % P == 0 for i in (0, 1))

# Keys and signed notes.
def vkey(text):
    name, key_id, encoded = text.split("+", 2)
    raw = base64.b64decode(encoded, validate=True)
    assert hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4].hex() == key_id, text
    return {"name": name, "id": bytes.fromhex(key_id), "kind": raw[0], "key": raw[1:]}

def note(text):
    body, _, lines = text.rpartition("\n\n")
    origin, size, root = body.split("\n")
    found = []
    for line in lines.rstrip("\n").split("\n"):
        dash, name, raw = line.split(" ")
        assert dash == "\u2014"
        raw = base64.b64decode(raw, validate=True)
        found.append((name, raw[:4], raw[4:]))
    return {"body": (body + "\n").encode(), "origin": origin, "size": int(size), "root": base64.b64decode(root), "by": found}

def by(note, key):
    return next((raw for name, key_id, raw in note["by"] if (name, key_id) == (key["name"], key["id"])), None)

# The tree (RFC 6962): the right edge, largest subtree first.
class Tree:
    size, edge = 0, []
    def push(self, leaf):
        edge, size = list(self.edge), self.size
        while size & 1:
            leaf, size = hashlib.sha256(b"\1" + edge.pop() + leaf).digest(), size >> 1
        self.edge, self.size = edge + [leaf], self.size + 1
    def root(self):
        *rest, right = self.edge
        for left in reversed(rest):
            right = hashlib.sha256(b"\1" + left + right).digest()
        return right

HEAD = re.compile(rb'\{"seq":(0|[1-9]\d*),"time":"(.{27})","boot":"[0-9a-f]{32}","mono":(0|[1-9]\d*),"salt":"[0-9a-f]{32}"[,}]')

class Tampered(Exception):
    pass

class Journal:
    def __init__(self, log, witnesses):
        # The log's key now, and those that it had.
        self.log, self.witnesses = vkey(log[0]), [vkey(key) for key in witnesses]
        self.logs = [self.log]
        # The epochs' keys: the one that seals, the next one, those that the batch being read announces.
        self.epoch, self.key, self.next = None, vkey(log[1]), None
        self.tree, self.sealed, self.last, self.roots = Tree(), 0, None, {}
        self.batch, self.ends, self.erased, self.retired, self.declared, self.cosigned = [], [], [], [], False, 0
        self.must_open, self.closed = True, False
        self.texts = []  # (entry, hash of a long text, whether it is said to be kept)

    def entry(self, line):
        head = HEAD.match(line)
        if not head or int(head[1]) != self.tree.size or len(line) > 65535:
            raise Tampered(self.tree.size)
        if self.batch and self.batch[0][1] not in (None, head[2] + head[3]):
            raise Tampered(self.sealed)  # A seal is missing in between.
        event = json.loads(line)
        self.batch.append((self.tree.size, head[2] + head[3], event if event.get("action", "").startswith("journal.") else {}))
        self.texts += [(self.tree.size, name.decode(), b'"blob":true' in line) for name in re.findall(rb'"sha256":"([0-9a-f]{64})"', line)]
        self.tree.push(hashlib.sha256(b"\0" + line).digest())

    def own(self, action):
        return [event["detail"] for _, _, event in self.batch if event.get("action") == action]

    def seal(self, text):
        first, seal = self.sealed, note(text)
        opens = self.own("journal.open") + self.own("journal.epoch")
        key, announced = self.key, self.own("journal.epoch.next")
        if opens:
            key = self.key if self.epoch is None else self.next
            right = opens[0]["epoch"] == (0 if self.epoch is None else self.epoch + 1) and key is not None
            if self.epoch is None:
                right &= vkey(opens[0].get("log_key", "")) == self.log
            else:
                right &= opens[0]["previous"] == self.last
            if not right or len(opens) > 1 or len(announced) != 1 or vkey(opens[0]["epoch_key"]) != key:
                raise Tampered(first)
        elif self.must_open or announced:
            raise Tampered(first)
        if [(name, len(raw)) for name, _, raw in seal["by"]] != [(self.log["name"], 64), (key["name"], 64)] \
                or (seal["origin"], seal["size"], seal["root"]) != (self.log["name"], self.tree.size, self.tree.root()) \
                or seal["size"] <= first or not all(by(seal, who) and signed(who["key"], seal["body"], by(seal, who)) for who in (self.log, key)):
            raise Tampered(first)
        # What a crash left must be told of, in this order.
        if [{k: end[k] for k in ("segment", "offset", "length", "sha256")} for end in self.own("journal.recovered")] != self.ends:
            raise Tampered(first)
        # Who seals next: an heir, named by the last entry and no other, of this log's name, and new to it.
        heirs = [vkey(event["log_key"]) for event in self.own("journal.log_key")]
        if len(heirs) > (self.batch[-1][2].get("action") == "journal.log_key") or any(heir["name"] != self.log["name"] or heir["kind"] != 1 or heir in self.logs for heir in heirs) \
                or len(self.logs + heirs) > 64:
            raise Tampered(first)
        self.logs += heirs
        self.log = self.logs[-1]
        if opens:
            self.epoch, self.key, self.next = opens[0]["epoch"], key, vkey(announced[0]["epoch_key"])
            self.declared = bool(opens[0].get("witnesses", self.declared))
        for runs in self.own("journal.erased"):
            self.erased = [seq for seq in self.erased if not any(a <= seq <= b for a, b in runs["entries"])]
        for old in self.own("journal.retired"):
            runs = [segment["entries"] for segment in old["segments"]]
            self.retired = [seq for seq in self.retired if not any(a <= seq <= b for a, b in runs)]
        self.must_open = self.closed = bool(self.own("journal.close"))
        self.sealed, self.batch, self.ends = seal["size"], [], []
        self.last = {"size": seal["size"], "root": base64.b64encode(seal["root"]).decode()}
        self.roots[seal["size"]] = seal["root"]

    def witness(self, text):
        cosigned = note(text)
        for key in self.witnesses:
            raw = by(cosigned, key)
            if raw and signed(key["key"], b"cosignature/v1\ntime %d\n" % int.from_bytes(raw[:8], "big") + cosigned["body"], raw[8:]):
                if self.roots.get(cosigned["size"]) != cosigned["root"]:
                    raise Tampered(0 if cosigned["size"] in self.roots else self.sealed)
                self.cosigned = max(self.cosigned, cosigned["size"])

    def leaf_only(self, leaf):
        self.batch.append((self.tree.size, self.batch[0][1] if self.batch else None, {}))
        self.tree.push(leaf)

    def segment(self, path):
        raw, offset, is_retired, torn = path.read_bytes(), 0, False, None
        lines = raw.split(b"\n")
        for number, line in enumerate(lines[:-1]):
            if torn:
                raise Tampered(self.tree.size)
            if b"\0" in line:
                break
            text = line.decode()
            if line.startswith(b'{"seq":'):
                self.entry(line)
            elif line.startswith(b'{"seal":"'):
                self.seal(text[9:-2].replace("\\n", "\n"))
            elif line.startswith(b'{"witness":"'):
                self.witness(text[12:-2].replace("\\n", "\n"))
            elif line.startswith(b'{"erased":') and json.loads(line)["erased"] == self.tree.size:
                self.erased.append(self.tree.size)
                self.leaf_only(base64.b64decode(json.loads(line)["leaf"]))
            elif line.startswith(b'{"retired":') and json.loads(line)["retired"] == self.tree.size:
                leaves, is_retired = base64.b64decode(json.loads(line)["leaves"], validate=True), True
                if not leaves or len(leaves) % 32 or len(leaves) > 32 * 1024:
                    raise Tampered(self.tree.size)
                for at in range(0, len(leaves), 32):
                    self.retired.append(self.tree.size)
                    self.leaf_only(leaves[at:at + 32])
            elif line.startswith(b'{"torn":') and is_retired:
                torn = json.loads(line)
                torn["offset"] = torn.pop("torn")
            else:
                raise Tampered(self.tree.size)
            offset += len(line) + 1
        if torn:
            self.ends.append({"segment": path.name, **torn})
            self.batch, self.must_open = [], True
        elif self.batch or offset < len(raw):
            # An end without a seal: what the next start tells of. Its entries are leaves and announce nothing.
            tail = raw[offset:]
            self.ends.append({"segment": path.name, "offset": offset, "length": len(tail), "sha256": hashlib.sha256(tail).hexdigest()})
            self.batch, self.must_open = [], True

def texts(blobs, journal):
    """Whether every long text is there that an entry says is kept. One that is another than its name says is tampering."""
    whole = True
    for seq, name, is_kept in journal.texts:
        if not (blobs / name).is_file():
            whole &= not is_kept
        elif seq < journal.sealed and hashlib.sha256((blobs / name).read_bytes()).hexdigest() != name:
            raise Tampered(seq)
    return whole

def verdict(directory, trust):
    trust, name = pathlib.Path(trust).read_text(), re.compile(r"(\d{20})(?:\.(\d+))?\.jsonl")
    paths = sorted(pathlib.Path(directory).glob("*.jsonl"), key=lambda path: [int(part or 0) for part in name.fullmatch(path.name).groups()])
    # The opening entry says whose journal it is; whether that is so, its seals say.
    origin = re.search(rb'"action":"journal.open".*?"origin":"([^"]*)"', paths[0].read_bytes()) if paths else None
    logs = re.findall(r'log_key = "(.*)"\nepoch_key = "(.*)"', trust)
    log = next((log for log in logs if origin and log[0].split("+")[0] == origin[1].decode()), None)
    if log is None:
        return {"exit": 2, "proven": 0, "seq": None}
    journal = Journal(log, re.findall(r'^key = "(.*)"', trust, re.M))
    try:
        for path in paths:
            if int(path.name[:20]) != journal.tree.size:
                raise Tampered(journal.tree.size)
            journal.segment(path)
        if journal.erased or journal.retired:
            raise Tampered(min(journal.erased + journal.retired))
        are_texts_there = texts(pathlib.Path(directory) / "blobs", journal)
    except Tampered as bad:
        return {"exit": 1, "proven": min(journal.sealed, bad.args[0]), "seq": bad.args[0]}
    except (ValueError, KeyError, AssertionError):
        return {"exit": 1, "proven": journal.sealed, "seq": journal.sealed}
    whole = journal.sealed and are_texts_there and not journal.ends and (not journal.declared or journal.cosigned == journal.sealed)
    return {"exit": 0 if whole else 2, "proven": journal.sealed, "seq": None}

if __name__ == "__main__":
    print(json.dumps(verdict(*sys.argv[1:])))
