use std::path::PathBuf;
use std::str::FromStr;

use signing_crypto::{KeyName, NameError, OrgName};

use crate::cli::InitStore;
use crate::context::Context;
use crate::error::CliError;
use crate::key_source::{KeyAccessArgs, KeySource};
use crate::places::configuration_file;
use crate::select::usual_key_name;
use crate::terminal;

/// What is to be made.
pub(super) struct Plan {
    pub(super) org: OrgName,
    pub(super) key: KeyName,
    /// Whether somebody chose the key's name.
    pub(super) key_is_chosen: bool,
    root_output: Option<PathBuf>,
    pub(super) signed_trust: Option<SignedTrustPlan>,
}

pub(super) struct SignedTrustPlan {
    pub(super) root_key: KeySource,
    pub(super) access: KeyAccessArgs,
}

impl Plan {
    /// What the command line says. If it names no organization, somebody at a terminal is asked,
    /// also about the rest.
    pub(super) fn of(context: &Context, command: InitStore) -> Result<Self, CliError> {
        let InitStore {
            org, key: named_key, mut signed_trust, root_key, root_output, access, ..
        } = command;
        let named = match org {
            Some(org) => Some(org),
            None => context.default_organization()?,
        };
        let mut key_is_chosen = named_key.is_some();
        let mut key = named_key.unwrap_or_else(usual_key_name);
        let org = match named {
            Some(org) => org,
            None => {
                let org = ask("organization: ", None)?;
                let answer = ask(&format!("signing key [{key}]: "), Some(key.clone()))?;
                key_is_chosen |= answer != key;
                key = answer;
                signed_trust = signed_trust || asks_for_signed_trust()?;
                org
            }
        };
        let signed_trust = match signed_trust {
            true => Some(SignedTrustPlan {
                root_key: match root_key {
                    Some(source) => source,
                    None => KeySource::File(configuration_file(&format!("{org}-root.pem"))?),
                },
                access,
            }),
            false => None,
        };
        Ok(Self { org, key, key_is_chosen, root_output, signed_trust })
    }

    /// Where the root document of the organization's signed trust is, or is to be.
    pub(super) fn root(&self) -> Result<PathBuf, CliError> {
        match &self.root_output {
            Some(path) => Ok(path.clone()),
            None => configuration_file(&format!("{}-root.json", self.org)),
        }
    }
}

/// Asks until the answer is a name, or nothing where there is a default.
fn ask<N: FromStr<Err = NameError>>(question: &str, default: Option<N>) -> Result<N, CliError> {
    let mut prompt = question.to_owned();
    loop {
        let answer = answer(&prompt)?;
        if answer.is_empty()
            && let Some(default) = default
        {
            return Ok(default);
        }
        match answer.parse() {
            Ok(name) => return Ok(name),
            Err(error) => prompt = format!("{error}; {question}"),
        }
    }
}

fn asks_for_signed_trust() -> Result<bool, CliError> {
    const QUESTION: &str = "signed trust, from a root key of its own? [yes/no] (no) ";
    let mut prompt = QUESTION.to_owned();
    loop {
        match &*answer(&prompt)? {
            "yes" => return Ok(true),
            "no" | "" => return Ok(false),
            _ => prompt = format!("type yes or no; {QUESTION}"),
        }
    }
}

fn answer(question: &str) -> Result<String, CliError> {
    terminal::ask_line(question)?.ok_or(CliError::ArgumentNeeded { argument: "<ORG>" })
}
