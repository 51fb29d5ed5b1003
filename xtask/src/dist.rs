//! `cargo xtask dist`: what a release consists of, built from a commit, signed, and verified in
//! the same step. `--check` only checks the crates, for the gate.

mod archive;
mod build;
mod crates;
mod image;
mod sbom;
mod signatures;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use self::build::{Program, Source, Target};
use self::signatures::Signer;
use crate::process::{output, say, workspace_root};

/// What `cargo xtask dist` takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Check that the crates can be published, and build nothing.
    #[arg(long)]
    check: bool,

    /// With --check: compile each crate from its package, as `cargo publish` does.
    #[arg(long, requires = "check")]
    verify: bool,

    /// The key that signs the release, in any form of `cloacina sign --key`.
    #[arg(long, value_name = "KEY", requires = "trust_key")]
    key: Option<String>,

    /// Its public half, which the release is verified with.
    #[arg(long, value_name = "FILE", requires = "key")]
    trust_key: Option<PathBuf>,

    /// Sign with a key that is made for this run and thrown away: a trial, no release.
    #[arg(long, conflicts_with = "key")]
    trial: bool,

    /// What to build for (may be repeated) [default: both].
    #[arg(long, value_enum, value_name = "TARGET")]
    target: Vec<Target>,

    /// Build each program once more, in another directory, and compare.
    #[arg(long)]
    twice: bool,
}

/// Runs the task.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if arguments.check {
        return crates::check(arguments.verify);
    }
    let signer = match (&arguments.key, &arguments.trust_key) {
        (Some(key), Some(trust_key)) => Signer::Key { key, trust_key },
        _ => Signer::Trial,
    };
    ensure!(
        arguments.trial || arguments.key.is_some(),
        "name the key that signs the release, by --key and --trust-key, or try it with --trial"
    );
    let targets = match &*arguments.target {
        [] => vec![Target::Static, Target::Glibc],
        some => some.to_vec(),
    };
    release(signer, &targets, arguments.twice)
}

fn release(signer: Signer<'_>, targets: &[Target], twice: bool) -> Result<()> {
    targets.iter().try_for_each(|target| target.require())?;
    let directory = workspace_root().join("target/dist");
    if directory.exists() {
        fs::remove_dir_all(&directory).context("cannot remove target/dist")?;
    }
    fs::create_dir_all(&directory)?;
    let work = workspace_root().join("target/dist-work");
    let source = Source::export(&work.join("source"))?;
    say(&format!("dist: version {} of commit {}", source.version, source.commit))?;
    let mut artifacts = Vec::new();
    let mut built = Vec::new();
    let mut programs = Vec::new();
    for &target in targets {
        let program = source.build(target, &work.join("build"))?;
        say(&format!("dist: built for {}: {}", target.triple(), program.sha256()?))?;
        if twice {
            let again = Source::export(&work.join("elsewhere/source"))?;
            let again = again.build(target, &work.join("build-again"))?;
            let (first, second) = (program.sha256()?, again.sha256()?);
            ensure!(
                first == second,
                "two builds for {} differ: {first}, {second}",
                target.triple()
            );
            say(&format!("dist: a second build for {} is the same", target.triple()))?;
        }
        let stem = format!("cloacina-{}-{}", source.version, target.triple());
        artifacts.push(archive::program(&source, &program, &stem, &directory)?);
        artifacts.push(sbom::write(&source, target, &stem, &directory)?);
        built.push(facts(&program, twice)?);
        programs.push(program);
    }
    let mut image = Value::Null;
    if let Some(program) = programs.iter().find(|program| program.target == Target::Glibc) {
        let (file, facts) = image::write(&source, program, &work.join("image"), &directory)?;
        artifacts.push(file);
        image = facts;
    }
    let facts = json!({
        "version": source.version,
        "commit": source.commit,
        "sourceDateEpoch": source.epoch,
        "rustc": output(Command::new("rustc").arg("--version").current_dir(workspace_root()))?.trim(),
        "programs": built,
        "image": image,
    });
    let file = "BUILD.json".to_owned();
    fs::write(directory.join(&file), format!("{facts:#}\n"))?;
    artifacts.push(file);
    let sums = signatures::write_sums(&directory, &artifacts)?;
    artifacts.push(sums);
    let program = programs.first().context("nothing was built")?;
    signatures::sign_and_verify(signer, &program.path, &source.version, &directory, &artifacts)?;
    for name in &artifacts {
        say(&format!("  {name}, {name}.sig"))?;
    }
    say("dist: signed and verified, in target/dist")
}

/// What a user may want to know of a program before it runs.
fn facts(program: &Program, twice: bool) -> Result<Value> {
    let needs = program.needs()?;
    Ok(json!({
        "target": program.target.triple(),
        "features": program.target.features(),
        "sha256": program.sha256()?,
        "builtTwice": twice,
        "libraries": needs.libraries,
        "glibc": needs.glibc,
    }))
}

/// The SHA-256 of a file, in hexadecimal.
fn sha256(path: &Path) -> Result<String> {
    let printed = output(Command::new("sha256sum").arg("--").arg(path))?;
    // A name with a backslash or a line feed is marked by one before the digest.
    let digest = printed.trim_start_matches('\\').get(..64);
    Ok(digest.context("sha256sum prints no digest")?.to_owned())
}
