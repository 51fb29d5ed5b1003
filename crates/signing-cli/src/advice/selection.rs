//! What to do if a command cannot tell which key is meant.

use signing_crypto::{KeyId, KeyName, OrgName, shell_word};

use super::{Advice, LIST_KEYS, undecided};

pub(super) fn organization_needed(key: &str) -> Advice {
    let next = format!(
        "name the organization: <org>/{}, --org <org>, or CLOACINA_ORG in the environment",
        shell_word(key)
    );
    undecided("OrganizationNeeded", next)
}

pub(super) fn no_such_key(org: Option<&OrgName>, similar: Option<&(OrgName, KeyName)>) -> Advice {
    let code = "NoSuchKey";
    match (org, similar) {
        (_, Some((owner, key))) => undecided(code, format!("did you mean {owner}/{key}?")),
        (Some(org), None) => {
            undecided(code, format!("list the keys: cloacina keys list --org {org}"))
        }
        (None, _) => undecided(code, LIST_KEYS),
    }
}

pub(super) fn no_signing_key(org: &OrgName, revoked: &[String], free_name: &KeyName) -> Advice {
    let make = format!(
        "make a key: cloacina keys generate --name {free_name} --org {org}; then trust it: cloacina \
         keys trust --org {org} --key-id {free_name}"
    );
    let next = match revoked.first() {
        Some(key) => format!(
            "if it was revoked by mistake: cloacina keys reinstate {key} --signing --note '<why>'; \
             otherwise {make}"
        ),
        None => make,
    };
    undecided("NoSigningKey", next)
}

pub(super) fn name_taken(holder: &KeyId) -> Advice {
    let next = format!(
        "if that key is not to sign: cloacina keys revoke {holder} --signing; then reinstate this \
         one again"
    );
    undecided("NameTaken", next)
}

pub(super) fn signing_key_needed(org: &OrgName, newest: Option<&KeyName>) -> Advice {
    let key = newest.map_or("<key>", KeyName::as_str);
    let next = format!("name the key, such as: --key-id {org}/{key}");
    undecided("SigningKeyNeeded", next)
}

pub(super) fn signing_key_held(
    org: &OrgName,
    name: &KeyName,
    id: &KeyId,
    is_revoked: bool,
) -> Advice {
    let next = match is_revoked {
        true => format!(
            "to let it sign again, unless it is compromised: cloacina keys reinstate {id} --signing \
             --note '<why>'"
        ),
        false => format!("sign with it: --key-id {org}/{name}"),
    };
    undecided("SigningKeyExists", next)
}

pub(super) fn ambiguous_key(kinds_differ: bool) -> Advice {
    let next = match kinds_differ {
        true => {
            "add --signing or --trusted, or give what is in parentheses after the key that is meant"
        }
        false => "give what is in parentheses after the key that is meant",
    };
    undecided("AmbiguousKey", next)
}

pub(super) fn key_of_another_organization(given: &str, org: &OrgName) -> Advice {
    let next = format!(
        "find the key among those of {org}: cloacina keys list --org {org}; to refuse one that {org} \
         accepts by a grant: cloacina keys deny {given} --org {org}"
    );
    undecided("KeyOfAnotherOrganization", next)
}
