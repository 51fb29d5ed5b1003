//! What attackers try, one folder each, beside the untouched sibling that is accepted.

mod false_server;
mod weak_roles;
