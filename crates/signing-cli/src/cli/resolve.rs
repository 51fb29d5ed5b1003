use clap::error::ErrorKind;
use clap::{ArgMatches, Args, Command, FromArgMatches, Id};

/// Options as they are typed, of which some combinations mean nothing.
pub(crate) trait Resolve: Args {
    /// The valid combinations.
    type To;

    /// # Errors
    ///
    /// A usage error, as for a value that is wrong by itself.
    fn resolve(self) -> Result<Self::To, clap::Error>;
}

/// Options after [`Resolve::resolve`]; commands see only this form.
pub(crate) struct Resolved<T: Resolve>(pub(crate) T::To);

impl<T: Resolve> FromArgMatches for Resolved<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        T::from_arg_matches(matches)?.resolve().map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl<T: Resolve> Args for Resolved<T> {
    fn group_id() -> Option<Id> {
        T::group_id()
    }

    fn augment_args(command: Command) -> Command {
        T::augment_args(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        T::augment_args_for_update(command)
    }
}

/// A value that is wrong beside the other options, in clap's words for one that is wrong by
/// itself.
pub(super) fn wrong(given: &str, option: &str, why: impl std::fmt::Display) -> clap::Error {
    let message = format!("invalid value '{given}' for '{option}': {why}");
    clap::Error::raw(ErrorKind::ValueValidation, message)
}

/// An option that is missing. The groups of the command line report it first.
pub(super) fn missing(options: &str) -> clap::Error {
    let message = format!("expected one of {options}");
    clap::Error::raw(ErrorKind::MissingRequiredArgument, message)
}
