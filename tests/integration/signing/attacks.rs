//! What an attacker does, and must not get.

mod false_server;
