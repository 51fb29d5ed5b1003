//! A host on `fidius-host`, as its documentation says: signatures are required, one key is
//! trusted, and a plugin is loaded by its name from the directory that holds it.
//!
//! ```text
//! adopter-fidius sign KEY PACKAGE
//! adopter-fidius load KEY PACKAGE…
//! ```
//!
//! A key is a file of 32 random bytes.

#![forbid(unsafe_code)]

use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use ed25519_dalek::{Signer, SigningKey};
use fidius_host::signing::sig_path_for;
use fidius_host::{PluginHandle, PluginHost};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args_os().skip(1);
    let command = arguments.next().ok_or("give a command")?;
    let seed = fs::read(arguments.next().ok_or("give a key")?)?;
    let key = SigningKey::from_bytes(&seed.try_into().map_err(|_| "a key has 32 bytes")?);
    let mut packages = arguments.map(PathBuf::from);
    match command.to_str() {
        Some("sign") => sign(&key, &packages.next().ok_or("give a package")?),
        Some("load") => {
            // A plugin stays loaded as long as it has a handle.
            packages.map(|package| load(&key, &package)).collect::<Result<Vec<_>, _>>()?;
            Ok(())
        }
        _ => Err("there is no such command".into()),
    }
}

/// A signature is 64 bytes over the whole file.
fn sign(key: &SigningKey, package: &Path) -> Result<(), Box<dyn Error>> {
    let signature = key.sign(&fs::read(package)?);
    Ok(fs::write(sig_path_for(package), signature.to_bytes())?)
}

fn load(key: &SigningKey, package: &Path) -> Result<PluginHandle, Box<dyn Error>> {
    let name = package.file_stem().and_then(|name| name.to_str()).ok_or("a plugin has a name")?;
    let name = name.strip_prefix("lib").unwrap_or(name);
    let host = PluginHost::builder()
        .search_path(package.parent().ok_or("a plugin is in a directory")?)
        .require_signature(true)
        .trusted_keys(&[key.verifying_key()])
        .build()?;
    Ok(PluginHandle::from_loaded(host.load(name)?))
}
