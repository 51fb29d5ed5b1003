//! Keys in PKCS#11 tokens. The module that speaks with the token is code of others, which runs
//! in this process: only the end of the process stops a call that hangs.

mod module;
mod object;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cryptoki::context::Pkcs11;
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::object::ObjectHandle;
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::RawAuthPin;
use signing_crypto::{Signer, SignerError, SigningInput, VerifyingKey};
use zeroize::Zeroizing;

use super::deadline::within;
use crate::error::CliError;
use crate::key_source::{KeyAccess, TokenUri};
use crate::passphrase::{self, PassphraseSource};
use crate::signer_error::TokenError;

/// A key in a token, and a session in which it may be used.
pub(super) struct TokenSigner {
    session: Arc<Mutex<Session>>,
    private: ObjectHandle,
    key: VerifyingKey,
    limit: Duration,
}

impl TokenSigner {
    /// Loads the module, finds the token, logs in, and finds the key.
    pub(super) fn open(uri: &TokenUri, access: &KeyAccess) -> Result<Self, CliError> {
        let path = module::find(&uri.module)?;
        let limit = access.timeout;
        let named = uri.clone();
        let (module, slot, token) = limited(limit, move || module::connect(&path, &named))?;
        let login = match (token.login_required(), token.protected_authentication_path()) {
            (false, _) => Login::NotNeeded,
            (true, true) => Login::OnToken,
            (true, false) => Login::Pin(pin(uri, token.label(), &access.passphrase)?),
        };
        let uri = uri.clone();
        let (session, private, key) = limited(limit, move || {
            let session = logged_in(&module, slot, login)?;
            let (private, key) = object::find(&session, &uri)?;
            Ok((session, private, key))
        })?;
        Ok(Self { session: Arc::new(Mutex::new(session)), private, key, limit })
    }
}

impl Signer for TokenSigner {
    fn verifying_key(&self) -> VerifyingKey {
        self.key
    }

    fn sign(&self, input: &SigningInput) -> Result<[u8; 64], SignerError> {
        let (session, private) = (self.session.clone(), self.private);
        let message = input.as_bytes().to_owned();
        let signed = limited(self.limit, move || {
            let session = session.lock().unwrap_or_else(PoisonError::into_inner);
            let pure = Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Ed25519));
            let signature = session.sign(&pure, private, &message)?;
            let found = signature.len();
            signature.try_into().map_err(|_| TokenError::SignatureLength { found })
        });
        signed.map_err(|error| SignerError::Failed(Box::new(error)))
    }
}

impl fmt::Debug for TokenSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSigner").field("key", &self.key).finish_non_exhaustive()
    }
}

fn limited<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> Result<T, TokenError> + Send + 'static,
) -> Result<T, TokenError> {
    within(limit, work).unwrap_or(Err(TokenError::TimedOut { seconds: limit.as_secs() }))
}

/// How the token is told that its user is there.
enum Login {
    NotNeeded,
    /// On its own keys, or by touching it.
    OnToken,
    Pin(RawAuthPin),
}

/// The PIN: from the URI's file, or as a passphrase is given, or asked for.
fn pin(uri: &TokenUri, token: &str, source: &PassphraseSource) -> Result<RawAuthPin, CliError> {
    let given = match &uri.pin_file {
        Some(path) => PassphraseSource::File(path.clone()).given_bytes()?,
        None => source.given_bytes()?,
    };
    let typed = match given {
        Some(pin) => Some(pin),
        None => passphrase::ask(&format!("PIN of the token {token}: "))?,
    };
    let mut pin: Zeroizing<Vec<u8>> = typed.ok_or(TokenError::PinNeeded)?;
    Ok(RawAuthPin::new(Box::new(std::mem::take(&mut *pin))))
}

fn logged_in(module: &Pkcs11, slot: Slot, login: Login) -> Result<Session, TokenError> {
    let session = module.open_ro_session(slot)?;
    let done = match login {
        Login::NotNeeded => Ok(()),
        Login::OnToken => session.login(UserType::User, None),
        Login::Pin(pin) => session.login_with_raw(UserType::User, &pin),
    };
    match done {
        // For another key of the same command.
        Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(session),
        Err(error) => Err(error.into()),
    }
}
