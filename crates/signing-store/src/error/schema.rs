use thiserror::Error;

/// Why a schema is not the store's alone.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SchemaFault {
    /// It belongs to another role than the one that migrates, or than the other schema.
    #[error("it belongs to the role {owner:?}")]
    OwnedByAnother {
        /// Its owner.
        owner: String,
    },
    /// A role that is not its owner may create objects in it.
    #[error("{role:?} may create objects in it")]
    OpenTo {
        /// The role, or `PUBLIC`.
        role: String,
    },
    /// It has an object of a role that is not its owner.
    #[error("{object:?} in it belongs to another role")]
    ForeignObject {
        /// The table, view, function or operator.
        object: String,
    },
    /// It has a table, an index, a trigger or a view that no migration made, or that was changed.
    #[error("{object:?} in it was not made by this program, or was changed")]
    UnknownObject {
        /// What it is called.
        object: String,
    },
    /// It lacks what a migration made.
    #[error("{object:?} is missing in it")]
    MissingObject {
        /// What it is called.
        object: String,
    },
    /// The tables and their indexes do not agree, pages are damaged or used twice, or the history of
    /// trust does not end at the present state.
    #[error("its tables are damaged: {found}")]
    Damaged {
        /// One thing that is wrong.
        found: String,
    },
}
