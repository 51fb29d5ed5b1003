//! A runner with one fault, on which the corpus is tried. Do not copy it.
//!
//! ```text
//! broken_runner FAULT PUBLIC_KEY PACKAGE…
//! ```

use std::env;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use signing_loader::{
    LoadedPackage, Offline, PackageError, PackagePath, Verifier, VerifyingKey,
    danger_load_unsigned, read_signature,
};

/// What is wrong with the runner.
enum Fault {
    /// Nothing.
    None,
    /// It verifies the file, and then opens it again to load it.
    OpensTwice,
    /// It expects whatever name the signature names.
    IgnoresName,
    /// It loads a package that has no signature.
    SignatureIsOptional,
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut arguments = env::args_os().skip(1);
    let fault = match arguments.next().ok_or("give a fault")?.to_str() {
        Some("none") => Fault::None,
        Some("opens-twice") => Fault::OpensTwice,
        Some("ignores-name") => Fault::IgnoresName,
        Some("signature-is-optional") => Fault::SignatureIsOptional,
        _ => return Err("there is no such fault".into()),
    };
    let key = fs::read(arguments.next().ok_or("give a public key")?)?;
    let verifier = Verifier::pinned(VerifyingKey::from_pem(&key)?);
    for package in arguments {
        fault.load(&verifier, Path::new(&package))?;
    }
    Ok(ExitCode::SUCCESS)
}

impl Fault {
    fn load(
        &self,
        verifier: &Verifier<Offline>,
        path: &Path,
    ) -> Result<LoadedPackage, PackageError> {
        let package = PackagePath::new(path);
        match self {
            Self::None => verifier.verify(package)?.load(),
            Self::OpensTwice => {
                // The verified bytes are thrown away.
                drop(verifier.verify(package)?);
                danger_load_unsigned(path)
            }
            Self::IgnoresName => {
                let envelope = read_signature(&package.signature_path())?;
                let statement = envelope.and_then(|envelope| envelope.unverified_statement().ok());
                let package = match statement {
                    Some(statement) => package.expect_name(statement.name().clone()),
                    None => package,
                };
                verifier.verify(package)?.load()
            }
            Self::SignatureIsOptional => match read_signature(&package.signature_path())? {
                Some(_) => verifier.verify(package)?.load(),
                None => danger_load_unsigned(path),
            },
        }
    }
}
