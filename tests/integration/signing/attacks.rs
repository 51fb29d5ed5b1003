//! What attackers tried, one folder each, with the untouched sibling that is accepted.

mod weak_roles;
