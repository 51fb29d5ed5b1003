"""Writes the documents of an organization, by the specification alone: make.py DIRECTORY

Signatures are made by openssl. The payloads are indented, so that they differ from ours.
"""

import base64
import hashlib
import json
import subprocess
import sys
from pathlib import Path

directory = Path(sys.argv[1])
TYPE = "application/vnd.cloacina.trust-"


def openssl(*arguments):
    command = ["openssl", "pkeyutl" if "-rawin" in arguments else "pkey", *arguments]
    return subprocess.run(command, check=True, capture_output=True).stdout


class Key:
    def __init__(self, byte):
        self.file = directory / f"{byte}.der"
        # PKCS #8 (RFC 8410) around 32 equal bytes.
        self.file.write_bytes(bytes.fromhex("302e020100300506032b657004220420") + bytes([byte] * 32))
        public = openssl("-inform", "DER", "-in", self.file, "-pubout", "-outform", "DER")[-32:]
        self.public = base64.b64encode(public).decode()
        self.keyid = hashlib.sha256(public).hexdigest()

    def sign(self, message):
        file = directory / "message"
        file.write_bytes(message)
        signature = openssl("-sign", "-keyform", "DER", "-inkey", self.file, "-rawin", "-in", file)
        return {"keyid": self.keyid, "sig": base64.b64encode(signature).decode()}


def write(kind, payload, keys):
    payload_type = TYPE + kind + "+json"
    body = json.dumps(payload, indent=1).encode()
    head = "DSSEv1 %d %s %d " % (len(payload_type), payload_type, len(body))
    envelope = {
        "payload": base64.b64encode(body).decode(),
        "payloadType": payload_type,
        "signatures": [key.sign(head.encode() + body) for key in keys],
    }
    (directory / f"{kind}.json").write_text(json.dumps(envelope, indent=2))


def header(version):
    return {
        "organization": {"id": "936da01f-9abd-4d9d-80c7-02af85c822a8", "name": "acme"},
        "version": version,
        "issuedAt": "2026-01-28T12:00:00Z",
        "expiresAt": "2026-03-28T12:00:00.5Z",
    }


root, first, second, online, release = (Key(byte) for byte in (1, 4, 5, 6, 32))
roles = {
    "root": {"keyids": [root.keyid], "threshold": 1},
    "trust": {"keyids": [first.keyid, second.keyid], "threshold": 2},
    "revocation": {"keyids": [online.keyid], "threshold": 1},
}
keys = [root.public, first.public, second.public, online.public]
denied = [{"fingerprint": first.keyid, "at": "2026-01-28T12:00:00Z"}]
grants = [
    {
        "organization": {"id": "67e55044-10b1-426f-9247-bb680e5fe0c8", "name": "vendor"},
        "root": "00" * 32,
    }
]
# Names that JSON writes in several ways.
floors = [{"package": 'ワークフロー "a\\b".so', "version": "1.4.0-rc.1+build"}]
statement = {
    "rootVersion": 1,
    "revocationsVersion": 1,
    "keys": [{"publicKey": release.public, "name": "release"}],
    "denied": [],
    "grants": grants,
    "floors": floors,
}
write("root", header(1) | {"keys": keys, "roles": roles}, [root])
write("statement", header(1) | statement, [second, first])
write("revocations", header(1) | {"rootVersion": 1, "denied": denied}, [online])
