//! What attackers try through the library, one folder for each attack, beside the
//! untouched sibling that is accepted.

#[path = "arbitrary_trust/library.rs"]
mod arbitrary_trust;
#[path = "cleared_revocations/library.rs"]
mod cleared_revocations;
#[path = "endless_trust_documents/library.rs"]
mod endless_trust_documents;
#[path = "extraneous_fields/library.rs"]
mod extraneous_fields;
#[path = "false_server/library.rs"]
mod false_server;
#[path = "forged_rows/library.rs"]
mod forged_rows;
#[path = "frozen_trust/library.rs"]
mod frozen_trust;
#[path = "held_locks/library.rs"]
mod held_locks;
#[path = "hostile_inputs/library.rs"]
mod hostile_inputs;
#[path = "lifted_limits/library.rs"]
mod lifted_limits;
#[path = "mixed_versions/library.rs"]
mod mixed_versions;
#[path = "one_key_twice/library.rs"]
mod one_key_twice;
#[path = "planted_files/library.rs"]
mod planted_files;
#[path = "planted_signatures/library.rs"]
mod planted_signatures;
#[path = "planted_triggers/library.rs"]
mod planted_triggers;
#[path = "redirected_names/library.rs"]
mod redirected_names;
#[path = "removed_documents/library.rs"]
mod removed_documents;
#[path = "replaced_child_root/library.rs"]
mod replaced_child_root;
#[path = "reused_names/library.rs"]
mod reused_names;
#[path = "rolled_back_trust/library.rs"]
mod rolled_back_trust;
#[path = "root_without_predecessor/library.rs"]
mod root_without_predecessor;
#[path = "skipped_root/library.rs"]
mod skipped_root;
#[path = "stopped_revocations/library.rs"]
mod stopped_revocations;
#[path = "threshold_not_met/library.rs"]
mod threshold_not_met;
#[path = "trust_of_another_organization/library.rs"]
mod trust_of_another_organization;
#[path = "trust_of_another_store/library.rs"]
mod trust_of_another_store;
#[path = "unrooted_child/library.rs"]
mod unrooted_child;
#[path = "unverified_dependencies/library.rs"]
mod unverified_dependencies;
#[path = "wrong_role/library.rs"]
mod wrong_role;
