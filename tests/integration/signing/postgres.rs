//! What only a server does: it is reached over a network, it has roles, it fails
//! while others go on, and it tells of changes.

mod clocks;
mod faults;
mod own_server;
mod plans;
mod roles;
mod tls;
mod triggers;
