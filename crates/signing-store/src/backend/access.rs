use crate::error::StoreError;

/// What a store's connections are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

impl Access {
    pub(crate) fn require_write(self) -> Result<(), StoreError> {
        match self {
            Self::Read => Err(StoreError::OpenedReadOnly),
            Self::Write => Ok(()),
        }
    }
}
