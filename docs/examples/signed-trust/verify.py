"""Verifies a bundle of signed trust: verify.py BUNDLE PINNED-ROOT TIME

Needs Python 3.11 and the program openssl (3.0), which checks Ed25519 signatures.
"""

import base64
import hashlib
import json
import re
import subprocess
import sys
import tempfile
from datetime import datetime, timezone
from pathlib import Path

TYPE = "application/vnd.cloacina.trust-"
HEADER = ["organization", "version", "issuedAt", "expiresAt"]
FIELDS = {
    "root": HEADER + ["keys", "roles"],
    "statement": HEADER
    + ["rootVersion", "revocationsVersion", "keys", "denied", "grants", "floors"],
    "revocations": HEADER + ["rootVersion", "denied"],
}
ROLES = {"root": "root", "statement": "trust", "revocations": "revocation"}
LIMITS = {"root": 64 * 1024, "statement": 4 * 1024 * 1024, "revocations": 4 * 1024 * 1024}


def require(condition, otherwise):
    if not condition:
        sys.exit("refused: " + otherwise)


def read_json(text):
    """Reads JSON in which no object has a field twice."""

    def once(pairs):
        require(len(dict(pairs)) == len(pairs), "a field is there twice")
        return dict(pairs)

    return json.loads(text, object_pairs_hook=once)


def read_time(text):
    form = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"
    require(re.fullmatch(form, text, re.ASCII), "a time is not RFC 3339 in UTC")
    return datetime.fromisoformat(text).astimezone(timezone.utc)


def fingerprint(public_key):
    """The fingerprint of a public key in base64."""
    return hashlib.sha256(base64.b64decode(public_key, validate=True)).hexdigest()


def is_signed(public_key, message, signature):
    # The fixed bytes before an Ed25519 key in DER (RFC 8410).
    der = bytes.fromhex("302a300506032b6570032100") + base64.b64decode(public_key)
    files = {"-inkey": der, "-in": message, "-sigfile": base64.b64decode(signature)}
    with tempfile.TemporaryDirectory() as directory:
        command = ["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-rawin"]
        for option, content in files.items():
            path = Path(directory, option)
            path.write_bytes(content)
            command += [option, path]
        return subprocess.run(command, capture_output=True).returncode == 0


class Document:
    """One document in its envelope. Nothing in it is believed before `require_signed`."""

    def __init__(self, kind, envelope):
        self.kind = kind
        payload_type = TYPE + kind + "+json"
        require(envelope["payloadType"] == payload_type, "it is not a " + kind + " document")
        payload = base64.b64decode(envelope["payload"], validate=True)
        require(len(payload) <= LIMITS[kind], "the " + kind + " document is too large")
        self.fields = read_json(payload.decode())
        require(sorted(self.fields) == sorted(FIELDS[kind]), "fields are missing or unknown")
        self.org = self.fields["organization"]["id"]
        self.version = self.fields["version"]
        self.digest = hashlib.sha256(payload).hexdigest()
        self.signatures = envelope["signatures"]
        require(1 <= len(self.signatures) <= 16, "it has no signatures, or too many")
        encoded = payload_type.encode()
        self.signed = b"DSSEv1 %d %s %d %s" % (len(encoded), encoded, len(payload), payload)

    def require_signed(self, root):
        """Checks that as many distinct keys of the role have signed as must."""
        role = root.fields["roles"][ROLES[self.kind]]
        require(1 <= role["threshold"] <= 16, "a threshold is not allowed")
        signers = set()
        for public_key in root.fields["keys"]:
            keyid = fingerprint(public_key)
            named = [one["sig"] for one in self.signatures if one.get("keyid") == keyid]
            require(len(named) <= 1, "a keyid is there twice")
            if keyid in role["keyids"] and named:
                if is_signed(public_key, self.signed, named[0]):
                    signers.add(keyid)
        enough = len(signers) >= role["threshold"]
        require(enough, "too few keys of the " + ROLES[self.kind] + " role have signed")


def newest_root(org, documents, digest):
    """Follows the root documents from the one with this digest to the newest."""
    roots = [Document("root", envelope) for envelope in documents["roots"]]
    roots.sort(key=lambda root: root.version)
    require(all(root.org == org for root in roots), "another organization's root document")
    pinned = [root for root in roots if root.digest == digest]
    require(pinned, "the pinned root document is not there")
    newest = pinned[0]
    newest.require_signed(newest)
    for root in roots:
        if root.version == newest.version:
            require(root.digest == newest.digest, "two root documents of one version")
        elif root.version > newest.version:
            require(root.version == newest.version + 1, "a root document is missing")
            root.require_signed(newest)
            root.require_signed(root)
            newest = root
    return newest


def verify(org, documents, digest, now):
    """The statement of an organization, and the keys that it denies."""
    root = newest_root(org, documents, digest)
    statement = Document("statement", documents["statement"])
    revocations = Document("revocations", documents["revocations"])
    for document in [statement, revocations]:
        require(document.org == org, "a document of another organization")
        document.require_signed(root)
    # Both say which documents they count with.
    for document in [statement, revocations]:
        require(root.version >= document.fields["rootVersion"], "the root document is older")
    oldest = statement.fields["revocationsVersion"]
    require(revocations.version >= oldest, "the revocations are older")
    for document in [root, statement, revocations]:
        expires = read_time(document.fields["expiresAt"])
        require(now < expires, "the " + document.kind + " document has expired")
    denied = statement.fields["denied"] + revocations.fields["denied"]
    return statement.fields, {key["fingerprint"] for key in denied}


def trusted(statement, denied, now):
    for key in statement["keys"]:
        is_current = "expiresAt" not in key or now < read_time(key["expiresAt"])
        if is_current and fingerprint(key["publicKey"]) not in denied:
            yield fingerprint(key["publicKey"])


def main():
    bundle, pinned = (read_json(Path(file).read_text()) for file in sys.argv[1:3])
    now = read_time(sys.argv[3])
    require(bundle["type"] == "urn:cloacina:trust-bundle:v1", "it is not a bundle")
    org = bundle["organization"]
    documents = {one["id"]: one for one in bundle["organizations"]}
    require(org in documents, "the organization's own documents are missing")
    statement, denied = verify(org, documents[org], Document("root", pinned).digest, now)
    children = {grant["organization"]["id"] for grant in statement["grants"]}
    require(set(documents) == children | {org}, "documents are missing or extraneous")
    for key in trusted(statement, denied, now):
        print("any package:", key)
    for grant in statement["grants"]:
        if "expiresAt" in grant and now >= read_time(grant["expiresAt"]):
            continue
        child = grant["organization"]["id"]
        theirs, denied_by_child = verify(child, documents[child], grant["root"], now)
        for key in trusted(theirs, denied | denied_by_child, now):
            print(", ".join(grant.get("packages", ["any package"])) + ":", key)


main()
