use std::env::consts::ARCH;
use std::path::{Path, PathBuf};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::slot::{Slot, TokenInfo};
use signing_loader::Protection;

use crate::error::CliError;
use crate::files;
use crate::key_source::{Module, TokenName, TokenUri};
use crate::signer_error::TokenError;

/// The module's file. Its code runs in this process, so others must not be able to change it, or
/// to replace it before it is opened a second time, by its path.
pub(super) fn find(module: &Module) -> Result<PathBuf, CliError> {
    let path = match module {
        Module::Path(path) => path.clone(),
        Module::Name(name) => candidates(name)
            .find(|path| path.exists())
            .ok_or_else(|| TokenError::NoModule { name: name.clone() })?,
    };
    files::open(&path, Some(Protection::Integrity))?;
    Ok(path)
}

/// Where distributions put modules.
fn candidates(name: &str) -> impl Iterator<Item = PathBuf> {
    let multiarch = format!("/usr/lib/{ARCH}-linux-gnu");
    let roots = [&multiarch, "/usr/lib64", "/usr/lib", "/usr/local/lib"].map(PathBuf::from);
    let directories = roots
        .into_iter()
        .flat_map(|root| ["pkcs11", "softhsm", ""].map(|directory| root.join(directory)));
    let names = [format!("{name}.so"), format!("lib{name}.so")];
    directories.flat_map(move |directory| names.clone().map(|name| directory.join(name)))
}

/// Loads the module, and finds the token.
pub(super) fn connect(
    path: &Path,
    uri: &TokenUri,
) -> Result<(Pkcs11, Slot, TokenInfo), TokenError> {
    let failed = |source| TokenError::Load { path: path.into(), source };
    let module = Pkcs11::new(path).map_err(failed)?;
    match module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        // By another key of the same command.
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
        Err(source) => return Err(failed(source)),
    }
    let mut found = Vec::new();
    let slots = module.get_slots_with_initialized_token()?;
    let count = slots.len();
    for slot in slots {
        let token = module.get_token_info(slot)?;
        if is_named(&token, &uri.token) {
            found.push((slot, token));
        }
    }
    let given = || uri.as_str().to_owned();
    match <[_; 1]>::try_from(found) {
        Ok([(slot, token)]) => Ok((module, slot, token)),
        Err(found) if found.is_empty() => {
            Err(TokenError::NoSuchToken { given: given(), found: count })
        }
        Err(_) => Err(TokenError::SeveralTokens { given: given() }),
    }
}

fn is_named(token: &TokenInfo, name: &TokenName) -> bool {
    [
        (&name.label, token.label()),
        (&name.manufacturer, token.manufacturer_id()),
        (&name.model, token.model()),
        (&name.serial, token.serial_number()),
    ]
    .into_iter()
    .all(|(wanted, found)| wanted.as_ref().is_none_or(|wanted| wanted == found))
}
