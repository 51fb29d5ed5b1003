use thiserror::Error;

/// The operating system gave no random numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the operating system gave no random numbers")]
pub struct NoRandomness(#[from] getrandom::Error);

impl NoRandomness {
    /// What programs call this error. Stable.
    pub fn code(&self) -> &'static str {
        "NoRandomness"
    }
}

/// Fills `bytes` with the operating system's random numbers.
pub(crate) fn fill_random(bytes: &mut [u8]) -> Result<(), NoRandomness> {
    Ok(getrandom::fill(bytes)?)
}
