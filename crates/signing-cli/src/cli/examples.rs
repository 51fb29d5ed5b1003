//! Examples of every command, for its help and its manual page. A test runs each of them.

/// What an example does, and its command line.
type Example = (&'static str, &'static str);

/// The examples of a command, such as `keys list`.
pub(crate) fn examples_of(command: &str) -> Vec<(&'static str, String)> {
    let short = match command {
        "package sign" => "sign",
        "package verify" => "verify",
        _ => command,
    };
    let examples = EXAMPLES.iter().filter(|(name, _)| *name == short).flat_map(|(_, all)| *all);
    let [short, full] = [short, command].map(|name| format!("cloacina {name}"));
    examples.map(|(what, line)| (*what, line.replace(&short, &full))).collect()
}

const EXAMPLES: &[(&str, &[Example])] = &[
    (
        "init",
        &[
            ("Make all that it takes to sign and verify", "cloacina init acme"),
            ("Show what would be made", "cloacina init acme --key nightly --dry-run"),
        ],
    ),
    (
        "doctor",
        &[
            ("Check this machine and the store", "cloacina doctor"),
            (
                "Show the problems only",
                "cloacina doctor --json | jq '.result.checks[] | select(.verdict == \"problem\")'",
            ),
        ],
    ),
    ("orgs create", &[("Create an organization", "cloacina orgs create plugins")]),
    (
        "orgs list",
        &[
            ("List the organizations", "cloacina orgs list"),
            (
                "Print their names for a script",
                "cloacina orgs list --json | jq -r '.result[].name'",
            ),
        ],
    ),
    ("orgs show", &[("Show an organization", "cloacina orgs show acme")]),
    (
        "orgs delete",
        &[
            ("Show what would no longer be accepted", "cloacina orgs delete retired --dry-run"),
            ("Delete an organization without a question", "cloacina orgs delete retired --yes"),
        ],
    ),
    (
        "orgs grant-trust",
        &[
            (
                "Show what would be accepted",
                "cloacina orgs grant-trust --from acme --to vendor --dry-run",
            ),
            ("Accept the keys of a vendor", "cloacina orgs grant-trust --from acme --to vendor"),
            (
                "Accept them for some packages, for a year",
                "cloacina orgs grant-trust --from acme --to vendor --packages 'vendor-*' --expires 52w",
            ),
        ],
    ),
    (
        "orgs revoke-trust",
        &[("Withdraw the grant", "cloacina orgs revoke-trust --from acme --to vendor")],
    ),
    (
        "keys generate",
        &[
            ("Make a key in the store", "cloacina keys generate --name staging --org acme"),
            ("Make a key in two files", "cloacina keys generate --name laptop --output laptop.pem"),
        ],
    ),
    (
        "keys import",
        &[(
            "Put a key from a file into the store",
            "cloacina keys import --name dev --org acme --key dev.pem",
        )],
    ),
    (
        "keys list",
        &[
            ("List the keys that acme has and accepts", "cloacina keys list --org acme"),
            ("List the compromised keys", "cloacina keys list --compromised"),
        ],
    ),
    (
        "keys show",
        &[("Show where a key counts, and what it has signed", "cloacina keys show acme/release")],
    ),
    (
        "keys timeline",
        &[(
            "Draw which keys counted when",
            "cloacina keys timeline --org acme --format svg > keys.svg",
        )],
    ),
    (
        "keys export",
        &[(
            "Write a public key to a file",
            "cloacina keys export acme/release --output release.pub.pem",
        )],
    ),
    ("keys fingerprint", &[("Print what people compare", "cloacina keys fingerprint dev.pub.pem")]),
    (
        "keys trust",
        &[
            (
                "Show what would be accepted",
                "cloacina keys trust --org acme --import dev.pub.pem --dry-run",
            ),
            ("Trust a key of the store", "cloacina keys trust --org acme --key-id acme/nightly"),
            (
                "Trust the key in a file for 30 days",
                "cloacina keys trust --org acme --import dev.pub.pem --name dev --expires 30d",
            ),
        ],
    ),
    (
        "keys deny",
        &[
            (
                "Show what would no longer be accepted",
                "cloacina keys deny vendor/release --org acme --dry-run",
            ),
            (
                "Refuse the key, whatever is granted",
                "cloacina keys deny vendor/release --org acme --note 'audit of May'",
            ),
        ],
    ),
    (
        "keys revoke",
        &[
            (
                "Show what would no longer be accepted",
                "cloacina keys revoke acme/release --signing --reason compromised --dry-run",
            ),
            (
                "Refuse a stolen key in every organization",
                "cloacina keys revoke acme/release --signing --reason compromised",
            ),
        ],
    ),
    (
        "keys reinstate",
        &[
            ("Show what would be accepted", "cloacina keys reinstate acme/old --dry-run"),
            (
                "Take back a revocation",
                "cloacina keys reinstate acme/old --note 'retired by mistake'",
            ),
        ],
    ),
    (
        "keys rotate",
        &[
            (
                "Show what would be made, and accepted",
                "cloacina keys rotate acme/release --resign --dry-run",
            ),
            (
                "Replace a key, and re-sign what it has signed",
                "cloacina keys rotate acme/release --resign --yes",
            ),
        ],
    ),
    (
        "keys rotate-kek",
        &[("Re-wrap every private key", "cloacina keys rotate-kek --new-kek-file new.kek")],
    ),
    ("sign", SIGN),
    ("verify", VERIFY),
    (
        "package cosign",
        &[
            (
                "Add a second signature to what another key has signed",
                "cloacina package cosign libworkflow.so --org acme --key-id acme/release --yes",
            ),
            (
                "Add one to the signature in the store",
                "cloacina package cosign libstored.so --org acme --key dev.pem --store --yes",
            ),
        ],
    ),
    (
        "package install",
        &[(
            "Verify a package, and put it where a runner loads it",
            "cloacina package install libworkflow.so --to installed --org acme",
        )],
    ),
    (
        "package list",
        &[
            ("List the signatures that acme stores", "cloacina package list --org acme"),
            (
                "List what a key has signed",
                "cloacina package list --org acme --signed-by acme/release",
            ),
        ],
    ),
    (
        "package inspect",
        &[
            ("Show what a signature states", "cloacina package inspect libworkflow.so"),
            (
                "Show whether a key has made it",
                "cloacina package inspect libworkflow.so --trust-key dev.pub.pem",
            ),
        ],
    ),
    (
        "package unstore",
        &[(
            "Remove the first signature that is found for a package",
            "cloacina package unstore $(cloacina verify libstored.so --org acme --explain --json | jq -r '.result[0].explanation[0].source.signature_id')",
        )],
    ),
    (
        "package floor set",
        &[
            (
                "Show what would no longer be accepted",
                "cloacina package floor set 1.4.0 --org acme --name libworkflow.so --dry-run",
            ),
            (
                "Refuse versions before 1.4.0",
                "cloacina package floor set 1.4.0 --org acme --name libworkflow.so",
            ),
        ],
    ),
    (
        "package floor unset",
        &[(
            "Accept every version again",
            "cloacina package floor unset --org acme --name libworkflow.so",
        )],
    ),
    ("package floor list", &[("List the floors", "cloacina package floor list --org acme")]),
    (
        "trust graph",
        &[
            ("Show who accepts which keys", "cloacina trust graph"),
            (
                "Make a picture for Graphviz",
                "cloacina trust graph --org acme --format dot > trust.dot",
            ),
        ],
    ),
    (
        "trust init",
        &[(
            "Turn on signed trust",
            "cloacina trust init --org acme --root-key root.pem --revocation-key online.pem --root-output acme-root.json --yes",
        )],
    ),
    (
        "trust status",
        &[(
            "Show what was published",
            "cloacina trust status --org vendor --trust-root vendor-root.json",
        )],
    ),
    (
        "trust publish",
        &[(
            "Publish what the rows trust",
            "cloacina trust publish --org vendor --key root.pem --trust-root vendor-root.json --yes",
        )],
    ),
    (
        "trust cosign",
        &[(
            "Add a signature to a draft",
            "cloacina trust cosign draft.json --key second.pem --trust-root vendor-root.json --yes",
        )],
    ),
    (
        "trust rotate-root",
        &[(
            "Replace the root key",
            "cloacina trust rotate-root --org vendor --trust-root vendor-root.json --key root.pem --root-key second.pem --yes",
        )],
    ),
    (
        "trust export",
        &[(
            "Write a bundle for hosts without the store",
            "cloacina trust export --org vendor --trust-root vendor-root.json --output vendor.bundle.json",
        )],
    ),
    ("trust show", &[("Show what a bundle says", "cloacina trust show bundle.json")]),
    (
        "trust verify",
        &[("Verify a bundle", "cloacina trust verify bundle.json --trust-root vendor-root.json")],
    ),
    (
        "audit list",
        &[
            (
                "List the changes of keys in the last week",
                "cloacina audit list --org acme --since 7d --event 'key.*'",
            ),
            (
                "Print the newest entry for a program",
                "cloacina audit list --org acme --limit 1 --jsonl",
            ),
        ],
    ),
    (
        "audit verify",
        &[
            ("Check every log", "cloacina audit verify"),
            (
                "Check that the logs continue from a checkpoint",
                "cloacina audit verify --checkpoint checkpoints.jsonl --trust-key dev.pub.pem",
            ),
        ],
    ),
    (
        "audit checkpoint",
        &[(
            "Sign the state of every log",
            "cloacina audit checkpoint --all --key dev.pem --output today.jsonl",
        )],
    ),
    ("db migrate", &[("Bring the tables up to date", "cloacina db migrate")]),
    ("db status", &[("Show which store is used", "cloacina db status")]),
    (
        "db grants",
        &[("Print the rights of a runner's role", "cloacina db grants --role runner --as runner")],
    ),
    (
        "completions",
        &[("Complete command lines in this bash", "eval \"$(cloacina completions bash)\"")],
    ),
    ("man", &[("Read a manual page", "cloacina man keys generate | man --local-file -")]),
];

const SIGN: &[Example] = &[
    (
        "Sign a package with the key in a file",
        "cloacina sign libnew.so --key dev.pem --package-version 1.4.0",
    ),
    (
        "Keep signatures by a key of the store in the store",
        "cloacina sign plugins/*.so --key-id acme/release --store",
    ),
];

const VERIFY: &[Example] = &[
    ("Verify a package by a key", "cloacina verify libworkflow.so --trust-key dev.pub.pem"),
    ("Verify a directory by an organization's trust", "cloacina verify plugins --org acme"),
    (
        "Show why a package is accepted or refused",
        "cloacina verify libstored.so --org acme --explain",
    ),
];
