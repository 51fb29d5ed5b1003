use std::fmt;
use std::process::Command;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Result, bail, ensure};

use crate::process::{line, output_within, say, stream};

/// How long the engine may take to answer a question.
pub(super) const ENGINE_LIMIT: Duration = Duration::from_secs(20);

/// The engines whose command line is docker's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum EngineName {
    /// Docker.
    Docker,
    /// Podman.
    Podman,
}

/// A container engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Engine(&'static str);

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Reads what [`Display`](fmt::Display) writes.
impl FromStr for Engine {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "docker" => Ok(EngineName::Docker.into()),
            "podman" => Ok(EngineName::Podman.into()),
            other => bail!("{other:?} is no container engine: expected docker or podman"),
        }
    }
}

impl From<EngineName> for Engine {
    fn from(name: EngineName) -> Self {
        Self(match name {
            EngineName::Docker => "docker",
            EngineName::Podman => "podman",
        })
    }
}

impl Engine {
    /// The engine asked for, or else the first that answers.
    ///
    /// # Errors
    ///
    /// None answers.
    pub fn find(wanted: Option<EngineName>) -> Result<Self> {
        let all = [EngineName::Docker, EngineName::Podman];
        let mut reasons = Vec::new();
        for name in all.into_iter().filter(|name| wanted.is_none_or(|wanted| wanted == *name)) {
            let engine = Self::from(name);
            match engine.ask(&["version"]) {
                Ok(_) => return Ok(engine),
                Err(reason) => reasons.push(format!("  {engine}: {reason:#}")),
            }
        }
        bail!(
            "no container engine answers:\n{}\nstart one, or give --database-url the URL of a \
             Postgres server for tests, by a superuser's name",
            reasons.join("\n")
        )
    }

    /// Fetches the image when it is not here, outside the time for starting it.
    ///
    /// # Errors
    ///
    /// The image is neither here nor to be had.
    pub fn provide(self, image: &str) -> Result<()> {
        if self.ask(&["image", "inspect", image]).is_ok() {
            return Ok(());
        }
        let pull = self.command(&["pull", image]);
        let status = stream(&pull, say)?;
        ensure!(
            status.success(),
            "`{}` failed ({status}). Where no registry can be reached, .ci/postgres-image builds \
             an image from Debian's packages: then use --image cloacina-postgres:local",
            line(&pull)
        );
        Ok(())
    }

    pub(super) fn command(self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.0);
        command.args(arguments);
        command
    }

    pub(super) fn ask(self, arguments: &[&str]) -> Result<String> {
        output_within(&mut self.command(arguments), ENGINE_LIMIT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engine_is_read_as_it_is_written() {
        for name in [EngineName::Docker, EngineName::Podman] {
            let engine = Engine::from(name);
            assert_eq!(engine.to_string().parse::<Engine>().unwrap(), engine);
        }
        let error = "dockr".parse::<Engine>().unwrap_err().to_string();
        assert!(error.contains("dockr"), "{error}");
    }
}
