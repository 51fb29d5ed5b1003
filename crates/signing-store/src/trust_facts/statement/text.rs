//! The question about trust, as text: diesel's query language has no way to say in
//! which order tables are read, and no limit within a condition. What is in braces is put
//! in where it is used.

macro_rules! origin {
    () => {
        "s.store_id, s.schema_version, s.trust_epoch, s.trust_state, {in recovery},
         {server time}, "
    };
}

/// What the organization says itself, about some keys or all.
macro_rules! own {
    ($keys:literal, $compromised:literal) => {
        concat!(
            "SELECT ",
            origin!(),
            "f.floor, o.id, o.name, o.deleted_at, NULL, NULL, NULL, ",
            word!(),
            "c.declared_at FROM organizations o
             CROSS JOIN store_state s
             LEFT JOIN version_floors f ON f.org_id = o.id AND f.package_name = {package}
             LEFT JOIN trusted_keys k ON k.org_id = o.id ",
            $keys,
            " LEFT JOIN compromised_keys c ON c.fingerprint ",
            $compromised,
            " WHERE o.id = {org} AND s.singleton = 1 "
        )
    };
}

macro_rules! word {
    () => {
        "k.id, k.fingerprint, k.public_key, k.name, k.revoked_at, k.expires_at, "
    };
}

/// Where it comes from is said once, with what the organization says itself.
macro_rules! granted {
    () => {
        concat!(
            "SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, o.id, o.name, o.deleted_at,
             g.id, g.packages, g.expires_at, ",
            word!()
        )
    };
}

/// What the organization says itself, then what all others say that hold the key, with the
/// grants by which it counts, if there are any: of those without one nothing counts. Since
/// when the key is compromised is said once, as where the answer comes from.
///
/// This is what is asked nearly always. It costs a fifth less than [`ABOUT_FEW`], which is
/// asked if as many hold the key as are looked at.
pub(super) const ABOUT_ONE: &str = concat!(
    own!("AND k.fingerprint {is}", "{is}"),
    "UNION ALL ",
    granted!(),
    "NULL FROM (SELECT id, org_id, fingerprint, public_key, name, revoked_at, expires_at
                FROM trusted_keys
                WHERE fingerprint {is} AND public_key IS NOT NULL LIMIT 101) k
     CROSS JOIN organizations o
     LEFT JOIN trust_grants g
       ON g.parent_org_id = {org} AND g.child_org_id = k.org_id AND g.revoked_at IS NULL
     WHERE o.id = k.org_id AND k.org_id <> {org}"
);

/// As [`ABOUT_ONE`], for each of several organizations, keys and packages; which one, the
/// first column says. `LIMIT` keeps Postgres to look-ups one after the other.
#[cfg(feature = "postgres")]
pub(super) const ABOUT_EACH: &str = concat!(
    "WITH asked AS (SELECT * FROM unnest({orgs}::uuid[], {keys}::bytea[], {packages}::text[])
                    WITH ORDINALITY AS asked (org, key, package, number))
     SELECT q.number, ",
    origin!(),
    "f.floor, o.id, o.name, o.deleted_at, NULL, NULL, NULL, ",
    word!(),
    "c.declared_at FROM asked q
     CROSS JOIN store_state s
     CROSS JOIN LATERAL (SELECT * FROM organizations WHERE id = q.org LIMIT 1) o
     LEFT JOIN LATERAL (SELECT * FROM version_floors
                        WHERE org_id = q.org AND package_name = q.package LIMIT 1) f ON TRUE
     LEFT JOIN LATERAL (SELECT * FROM trusted_keys
                        WHERE org_id = q.org AND fingerprint = q.key LIMIT 1) k ON TRUE
     LEFT JOIN LATERAL (SELECT * FROM compromised_keys
                        WHERE fingerprint = q.key LIMIT 1) c ON TRUE
     WHERE s.singleton = 1
     UNION ALL
     SELECT q.number, NULL, NULL, NULL, NULL, NULL, NULL, NULL, o.id, o.name, o.deleted_at,
            g.id, g.packages, g.expires_at, ",
    word!(),
    "NULL FROM asked q
     CROSS JOIN LATERAL (SELECT * FROM trusted_keys
                         WHERE fingerprint = q.key AND public_key IS NOT NULL LIMIT 101) k
     CROSS JOIN LATERAL (SELECT * FROM organizations WHERE id = k.org_id LIMIT 1) o
     LEFT JOIN LATERAL (SELECT * FROM trust_grants
                        WHERE parent_org_id = q.org AND child_org_id = k.org_id
                          AND revoked_at IS NULL LIMIT 1) g ON TRUE
     WHERE k.org_id <> q.org"
);

/// How many others may hold a key that is asked about so: with the organization itself,
/// one fewer than are looked at.
pub(in crate::trust_facts) const FEW_HOLDERS: usize = 99;

/// What the organization says itself, then what those say that it granted trust.
///
/// A key that at most a hundred organizations hold is looked up by its holders; where
/// more do, the grants are gone through, of which an organization makes fewer. So what a
/// question costs grows neither with how many organizations there are nor with how many
/// hold a key. `LIMIT` keeps Postgres to that order, and `CROSS JOIN` SQLite; the index by
/// holders serves only where `public_key IS NOT NULL` is asked for.
macro_rules! about_named {
    ($held:literal) => {
        concat!(
            own!("AND k.fingerprint {is}", "= k.fingerprint"),
            "UNION ALL ",
            granted!(),
            "c.declared_at FROM (",
            $held,
            ") k
             CROSS JOIN trust_grants g
             CROSS JOIN organizations o
             LEFT JOIN compromised_keys c ON c.fingerprint = k.fingerprint
             WHERE NOT EXISTS (SELECT 1 FROM trusted_keys
                               WHERE fingerprint {is} AND public_key IS NOT NULL
                               LIMIT 1 OFFSET 100)
               AND g.parent_org_id = {org} AND g.child_org_id = k.org_id AND g.revoked_at IS NULL
               AND o.id = k.org_id
             UNION ALL ",
            granted!(),
            "c.declared_at FROM trust_grants g
             CROSS JOIN trusted_keys k
             CROSS JOIN organizations o
             LEFT JOIN compromised_keys c ON c.fingerprint = k.fingerprint
             WHERE EXISTS (SELECT 1 FROM trusted_keys
                           WHERE fingerprint {is} AND public_key IS NOT NULL
                           LIMIT 1 OFFSET 100)
               AND g.parent_org_id = {org} AND g.revoked_at IS NULL
               AND k.org_id = g.child_org_id AND k.fingerprint {is}
               AND o.id = k.org_id"
        )
    };
}

pub(super) const ABOUT_FEW: &str = about_named!(
    "SELECT * FROM trusted_keys
         WHERE fingerprint {is} AND public_key IS NOT NULL LIMIT 101"
);

/// Not knowing how many keys there are, Postgres would look for them again for each grant,
/// unless it is told not to.
pub(super) const ABOUT_MANY: &str = about_named!(
    "WITH held AS MATERIALIZED (
             SELECT * FROM trusted_keys WHERE fingerprint {is} AND public_key IS NOT NULL LIMIT 101
         )
         SELECT * FROM held"
);

pub(super) const ABOUT_ALL: &str = concat!(
    own!("", "= k.fingerprint"),
    "UNION ALL ",
    granted!(),
    "c.declared_at FROM trust_grants g
     CROSS JOIN trusted_keys k
     CROSS JOIN organizations o
     LEFT JOIN compromised_keys c ON c.fingerprint = k.fingerprint
     WHERE g.parent_org_id = {org} AND g.revoked_at IS NULL
       AND k.org_id = g.child_org_id AND o.id = g.child_org_id
     LIMIT {most}"
);
