/// What a store's connections are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// To look at it: nothing is written, not even to undo the change of a program that was
    /// killed.
    Inspect,
    Read,
    Write,
}
