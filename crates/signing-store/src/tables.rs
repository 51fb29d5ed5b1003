//! What is asked of each table, and how it is changed.

pub(crate) mod audit;
pub(crate) mod compromised_keys;
pub(crate) mod kek_rotation;
pub(crate) mod organizations;
pub(crate) mod revocation;
pub(crate) mod signatures;
pub(crate) mod signing_keys;
pub(crate) mod store_state;
pub(crate) mod trust_documents;
pub(crate) mod trust_grants;
pub(crate) mod trusted_keys;
pub(crate) mod version_floors;
