use diesel::{allow_tables_to_appear_in_same_query, joinable, table};

table! {
    use diesel::sql_types::{BigInt, Nullable};
    use crate::sql_types::{Bytes, Id};

    store_state (singleton) {
        singleton -> BigInt,
        store_id -> Id,
        trust_epoch -> BigInt,
        kek_id -> Nullable<Bytes>,
        trust_state -> Id,
        schema_version -> BigInt,
    }
}

table! {
    use diesel::sql_types::BigInt;
    use crate::sql_types::Id;

    trust_history (epoch) {
        epoch -> BigInt,
        state -> Id,
    }
}

table! {
    use diesel::sql_types::Nullable;
    use crate::sql_types::{Id, Label, Instant};

    organizations (id) {
        id -> Id,
        name -> Label,
        created_at -> Instant,
        deleted_at -> Nullable<Instant>,
    }
}

table! {
    use diesel::sql_types::Nullable;
    use crate::sql_types::{Bytes, Id, Label, Instant};

    signing_keys (id) {
        id -> Id,
        org_id -> Id,
        name -> Label,
        fingerprint -> Bytes,
        public_key -> Bytes,
        wrapped_key -> Bytes,
        created_at -> Instant,
        revoked_at -> Nullable<Instant>,
        revocation_reason -> Nullable<Label>,
        revocation_note -> Nullable<Label>,
        predecessor_id -> Nullable<Id>,
    }
}

table! {
    use diesel::sql_types::Nullable;
    use crate::sql_types::{Bytes, Id, Label, Instant};

    trusted_keys (id) {
        id -> Id,
        org_id -> Id,
        fingerprint -> Bytes,
        public_key -> Nullable<Bytes>,
        name -> Nullable<Label>,
        created_at -> Instant,
        revoked_at -> Nullable<Instant>,
        revocation_reason -> Nullable<Label>,
        revocation_note -> Nullable<Label>,
        expires_at -> Nullable<Instant>,
    }
}

table! {
    use diesel::sql_types::Nullable;
    use crate::sql_types::{Id, Label, Instant};

    trust_grants (id) {
        id -> Id,
        parent_org_id -> Id,
        child_org_id -> Id,
        created_at -> Instant,
        revoked_at -> Nullable<Instant>,
        packages -> Nullable<Label>,
        expires_at -> Nullable<Instant>,
    }
}

table! {
    use diesel::sql_types::Nullable;
    use crate::sql_types::{Bytes, Id, Label, Instant};

    compromised_keys (fingerprint) {
        fingerprint -> Bytes,
        declared_by -> Id,
        declared_at -> Instant,
        note -> Nullable<Label>,
    }
}

table! {
    use diesel::sql_types::Nullable;
    use crate::sql_types::{Id, Label, Instant};

    version_floors (org_id, package_name) {
        org_id -> Id,
        package_name -> Label,
        floor -> Nullable<Label>,
        set_at -> Instant,
    }
}

table! {
    use diesel::sql_types::{BigInt, Text};
    use crate::sql_types::{Id, Instant};

    trust_documents (org_id, kind, version) {
        org_id -> Id,
        kind -> Text,
        version -> BigInt,
        envelope -> Text,
        created_at -> Instant,
    }
}

table! {
    use diesel::sql_types::Text;
    use crate::sql_types::{Bytes, Id, Instant};

    package_signatures (id) {
        id -> Id,
        org_id -> Id,
        package_digest -> Bytes,
        envelope -> Text,
        envelope_digest -> Bytes,
        created_at -> Instant,
    }
}

table! {
    use diesel::sql_types::{BigInt, Binary};
    use crate::sql_types::Id;

    audit_heads (org_id) {
        org_id -> Id,
        sequence -> BigInt,
        entry_hash -> Binary,
    }
}

table! {
    use diesel::sql_types::{BigInt, Binary, Text};
    use crate::sql_types::{Id, Instant};

    audit_log (org_id, sequence) {
        org_id -> Id,
        sequence -> BigInt,
        occurred_at -> Instant,
        event_type -> Text,
        details -> Text,
        previous_hash -> Binary,
        entry_hash -> Binary,
    }
}

joinable!(trusted_keys -> organizations (org_id));
joinable!(compromised_keys -> organizations (declared_by));
joinable!(package_signatures -> organizations (org_id));
joinable!(trust_grants -> organizations (child_org_id));

allow_tables_to_appear_in_same_query!(
    organizations,
    trusted_keys,
    trust_grants,
    store_state,
    compromised_keys,
    version_floors
);
allow_tables_to_appear_in_same_query!(store_state, trust_history);
allow_tables_to_appear_in_same_query!(package_signatures, trust_grants);
allow_tables_to_appear_in_same_query!(package_signatures, organizations);
