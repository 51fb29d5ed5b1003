//! A host that is a command, in any language.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::NamedTempFile;

use crate::error::KitError;
use crate::host::{Capability, Host, HostError, Outcome, Signer};
use crate::process::{Ended, Limits, run_within};
use crate::words::{Template, TemplateError};

/// A host that is made of two commands, one that signs and one that loads.
///
/// A command is split into words at white space; `'…'`, `"…"` and a backslash quote. No shell is
/// involved. `{package}`, `{key}` and `{packages}` stand for single arguments, the last for as
/// many as there are packages. The command that loads ends with 0 if it has loaded all packages,
/// and with another exit code if it has refused one, but 126 and 127 are no refusal.
#[derive(Debug)]
pub struct CommandHost {
    name: String,
    sign: Template,
    load: Template,
    trusted_key: PathBuf,
    stranger_key: PathBuf,
    capabilities: Vec<Capability>,
}

/// A [`CommandHost`] without a command that loads.
#[derive(Debug)]
pub struct CommandHostBuilder {
    name: String,
}

/// A [`CommandHost`] that can sign, but not load yet.
#[derive(Debug)]
pub struct SigningCommand {
    name: String,
    sign: Template,
    trusted_key: PathBuf,
    stranger_key: PathBuf,
}

impl CommandHost {
    /// Starts with the name in the report.
    pub fn builder(name: impl Into<String>) -> CommandHostBuilder {
        CommandHostBuilder { name: name.into() }
    }

    /// Withdraws a claim: the cases that need it are not applicable.
    #[must_use]
    pub fn without(mut self, capability: Capability) -> Self {
        self.capabilities.retain(|claimed| *claimed != capability);
        self
    }
}

impl CommandHostBuilder {
    /// The command that signs `{package}` with the private key in the file `{key}`.
    ///
    /// # Errors
    ///
    /// The command is not a template, or lacks one of the two placeholders.
    pub fn sign(
        self,
        command: &str,
        trusted_key: impl Into<PathBuf>,
        stranger_key: impl Into<PathBuf>,
    ) -> Result<SigningCommand, KitError> {
        let sign = Template::parse(command)?;
        if !sign.has_package() {
            return Err(TemplateError::NoPackage.into());
        }
        if !sign.has_key() {
            return Err(TemplateError::NoKey.into());
        }
        let (trusted_key, stranger_key) = (trusted_key.into(), stranger_key.into());
        Ok(SigningCommand { name: self.name, sign, trusted_key, stranger_key })
    }
}

impl SigningCommand {
    /// The command that loads `{packages}`, or only one `{package}`, and trusts the first of the
    /// two keys. The host claims every [`Capability`], except that a command with `{package}`
    /// loads no [several packages](Capability::SeveralPackages).
    ///
    /// # Errors
    ///
    /// The command is not a template, or lacks the placeholder.
    pub fn load(self, command: &str) -> Result<CommandHost, KitError> {
        let load = Template::parse(command)?;
        if !load.has_package() {
            return Err(TemplateError::NoPackage.into());
        }
        let mut capabilities = Capability::ALL.to_vec();
        if !load.takes_several() {
            capabilities.retain(|claimed| *claimed != Capability::SeveralPackages);
        }
        let Self { name, sign, trusted_key, stranger_key } = self;
        Ok(CommandHost { name, sign, load, trusted_key, stranger_key, capabilities })
    }
}

impl Host for CommandHost {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> &[Capability] {
        &self.capabilities
    }

    fn sign(&self, package: &Path, signer: Signer) -> Result<(), HostError> {
        let key = match signer {
            Signer::Trusted => &self.trusted_key,
            Signer::Stranger => &self.stranger_key,
        };
        let (ended, message) = run(&self.sign, &[package.into()], Some(key), &Limits::default())?;
        match ended {
            Ended::Exited(0) => Ok(()),
            Ended::Exited(code) => {
                Err(HostError::Sign { message: format!("exit code {code}: {}", message.trim()) })
            }
            other => Err(HostError::Sign { message: format!("{other:?}") }),
        }
    }

    fn load(&self, packages: &[PathBuf], limits: &Limits) -> Result<Outcome, HostError> {
        let (ended, message) = run(&self.load, packages, None, limits)?;
        Ok(Outcome::of(ended, message.trim().into()))
    }
}

fn run(
    template: &Template,
    packages: &[PathBuf],
    key: Option<&Path>,
    limits: &Limits,
) -> Result<(Ended, String), HostError> {
    let mut words = template.fill(packages, key).into_iter();
    let program = words.next().unwrap_or_default();
    let failed = |source| HostError::Run { program: program.display().to_string(), source };
    let stderr = NamedTempFile::new().map_err(failed)?;
    run_within(Command::new(&program).args(words), limits, stderr.path()).map_err(failed)
}
