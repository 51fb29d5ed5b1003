use rustix::{process, system};
use signing_crypto::{ActorName, printable};
use signing_store::user_name;

/// Who makes a change, according to this program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Actor {
    /// Whom the caller named.
    Named(ActorName),
    /// The user that this process acts as, and the machine that it runs on.
    Process { user: String, host: String },
}

impl Actor {
    pub(crate) fn of_this_process() -> Self {
        let number = process::geteuid().as_raw();
        let name = user_name(number).filter(|name| ActorName::new(name).is_ok());
        let user = name.unwrap_or_else(|| number.to_string());
        let host = printable(&system::uname().nodename().to_string_lossy());
        Self::Process { user, host }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn process_has_a_user_and_a_host() {
        let Actor::Process { user, host } = Actor::of_this_process() else { panic!() };
        assert!(!user.is_empty());
        assert!(!host.is_empty());
    }
}
