//! `cargo xtask bench --programs`: verifying a package as a whole process, beside what a user
//! would use instead.
//!
//! In each round every program runs once, and its time is divided by that of
//! `openssl dgst -sha256` in the same round: what else the machine does meanwhile slows both.

mod rivals;

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::picture::{Bar, picture};
use crate::process::{cargo, line, output, say, workspace_root};
use rivals::rivals;

const MIB: usize = 1 << 20;
/// The sizes of packages in MiB, and how many rounds each takes.
const SIZES: [(usize, usize); 3] = [(1, 31), (64, 11), (1024, 5)];
/// How many packages of 1 MiB one command verifies.
const MANY: usize = 1000;
const PICTURE: &str = "docs/content/reference/benchmarks.svg";

/// What runs in each round.
pub(super) struct Contender {
    pub(super) name: &'static str,
    pub(super) command: Command,
}

/// Runs the benchmark.
pub(super) fn run() -> Result<()> {
    let programs = build()?;
    let scratch = tempfile::tempdir()?;
    let directory = scratch.path();
    let key = directory.join("key.pem");
    let cloacina = programs.join("cloacina");
    output(
        Command::new(&cloacina).args(["keys", "generate", "--name", "bench", "--output"]).arg(&key),
    )?;
    let public_key = directory.join("key.pub.pem");

    let mut bars = Vec::new();
    say(
        "| MiB | program | median | ÷ openssl dgst -sha256 | peak MiB |\n|---:|---|---:|---:|---:|",
    )?;
    for (size, rounds) in SIZES {
        let package = directory.join(format!("libpackage-{size}.so"));
        library(&programs, &package, size * MIB)?;
        output(
            Command::new(&cloacina).args(["package", "sign"]).arg(&package).arg("--key").arg(&key),
        )?;
        let mut contenders = vec![
            Contender {
                name: "openssl dgst -sha256",
                command: words("openssl dgst -sha256", &package),
            },
            Contender { name: "cp into memory", command: copy(&package, directory)? },
        ];
        let mut verify = Command::new(&cloacina);
        verify.args(["package", "verify", "--trust-key"]).arg(&public_key).arg(&package);
        contenders.push(Contender { name: "cloacina package verify", command: verify });
        let mut load = Command::new(programs.join("examples/my_runner"));
        load.args(["--require-signatures", "--trust-key"]).arg(&public_key).arg(&package);
        contenders.push(Contender { name: "verify, load and call", command: load });
        contenders.extend(rivals(directory, &package)?);

        let times = measure(&mut contenders, rounds)?;
        for (contender, own) in contenders.iter_mut().zip(&times) {
            let ratio = ratio(own, &times[0]);
            let peak = peak_memory(&mut contender.command)?;
            say(&row(size, contender.name, own, ratio, peak))?;
            bars.push(Bar { group: format!("{size} MiB"), name: contender.name, ratio });
        }
        let copied: Vec<_> =
            times[0].iter().zip(&times[1]).map(|(hash, copy)| *hash + *copy).collect();
        let ratio = ratio(&times[3], &copied);
        say(&format!("| {size} | verify, load and call ÷ (openssl + cp) | | {ratio:.2} | |"))?;
        fs::remove_file(&package)?;
    }
    many(&cloacina, &programs, directory, &key, &public_key)?;
    let path = workspace_root().join(PICTURE);
    fs::write(&path, picture("time ÷ openssl dgst -sha256", &bars))
        .with_context(|| format!("cannot write {}", path.display()))?;
    say(&format!("bench: wrote {PICTURE}"))
}

/// One command for many packages, beside one that hashes them on one processor.
fn many(
    cloacina: &Path,
    programs: &Path,
    directory: &Path,
    key: &Path,
    public_key: &Path,
) -> Result<()> {
    let packages: Vec<_> =
        (0..MANY).map(|number| directory.join(format!("lib{number}.so"))).collect();
    library(programs, &packages[0], MIB)?;
    for package in &packages[1..] {
        fs::copy(&packages[0], package)?;
    }
    output(Command::new(cloacina).args(["package", "sign", "--key"]).arg(key).args(&packages))?;
    let mut hash = Command::new("openssl");
    hash.args(["dgst", "-sha256"]).args(&packages);
    let mut verify = Command::new(cloacina);
    verify.args(["package", "verify", "--trust-key"]).arg(public_key).args(&packages);
    let mut contenders = [
        Contender { name: "openssl dgst -sha256", command: hash },
        Contender { name: "cloacina package verify", command: verify },
    ];
    let times = measure(&mut contenders, 7)?;
    let processors = thread::available_parallelism()?.get();
    let ratio = ratio(&times[1], &times[0]);
    let peak = peak_memory(&mut contenders[1].command)?;
    say(&row(MANY, "cloacina package verify, 1,000 packages of 1 MiB", &times[1], ratio, peak))?;
    say(&format!(
        "| {MANY} | the same ÷ (openssl / {processors} processors) | | {:.2} | |",
        ratio * processors as f64
    ))
}

fn row(size: usize, name: &str, times: &[Duration], ratio: f64, peak: f64) -> String {
    let median = median(times.iter().map(Duration::as_secs_f64).collect()) * 1000.0;
    format!("| {size} | {name} | {median:.1} ms | {ratio:.2} | {peak:.1} |")
}

/// The programs as users have them, and a package: where they are.
pub(super) fn build() -> Result<PathBuf> {
    for what in [
        &["--package", "signing-cli"][..],
        &["--package", "signing-loader", "--features", "clap", "--example", "my_runner"],
        &["--package", "fixture-workflow"],
    ] {
        let mut command = cargo(&["build", "--quiet", "--locked", "--release"]);
        command.args(what);
        let status = command.status().context("cannot start cargo")?;
        ensure!(status.success(), "`{}` failed", line(&command));
    }
    let metadata =
        output(&mut cargo(&["metadata", "--locked", "--no-deps", "--format-version=1"]))?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata)?;
    let target =
        metadata["target_directory"].as_str().context("cargo names no target directory")?;
    Ok(Path::new(target).join("release"))
}

/// A library of `size` bytes: what follows its last section is not mapped, but signed.
pub(super) fn library(programs: &Path, path: &Path, size: usize) -> Result<()> {
    let workflow = programs.join("libworkflow.so");
    let mut content =
        fs::read(&workflow).with_context(|| format!("cannot read {}", workflow.display()))?;
    ensure!(content.len() < size, "the library of the tests is larger than {size} bytes");
    // Bytes that no file system and no hash treats in a special way.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    while content.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        content.extend(state.to_le_bytes());
    }
    content.truncate(size);
    File::create(path)?.write_all(&content)?;
    Ok(())
}

fn words(words: &str, file: &Path) -> Command {
    let mut words = words.split(' ');
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words).arg(file);
    command
}

/// Copies to memory, as sealing does.
fn copy(package: &Path, directory: &Path) -> Result<Command> {
    let memory = Path::new("/dev/shm");
    let place = if memory.is_dir() { memory } else { directory };
    let target = place.join(format!("cloacina-bench-{}", std::process::id()));
    let mut command = Command::new("sh");
    command.args(["-c", "cp \"$1\" \"$2\" && rm \"$2\"", "sh"]).arg(package).arg(target);
    Ok(command)
}

/// How long each took in each round. The order changes from round to round.
fn measure(contenders: &mut [Contender], rounds: usize) -> Result<Vec<Vec<Duration>>> {
    let mut times = vec![Vec::new(); contenders.len()];
    for contender in contenders.iter_mut() {
        // What is read is in the cache from here on.
        time(&mut contender.command)?;
    }
    for round in 0..rounds {
        for turn in 0..contenders.len() {
            let index = (round + turn) % contenders.len();
            times[index].push(time(&mut contenders[index].command)?);
        }
    }
    Ok(times)
}

fn time(command: &mut Command) -> Result<Duration> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let begun = Instant::now();
    let ended = command.output().with_context(|| format!("cannot start `{}`", line(command)))?;
    let took = begun.elapsed();
    let stderr = String::from_utf8_lossy(&ended.stderr);
    ensure!(ended.status.success(), "`{}` failed: {}", line(command), stderr.trim());
    Ok(took)
}

/// The most memory that the process itself had, in MiB. One that ends soon is run again for half a
/// second: it may have ended before anything could be read.
fn peak_memory(command: &mut Command) -> Result<f64> {
    let (begun, mut peak) = (Instant::now(), 0.0);
    loop {
        peak = f64::max(peak, watched_peak_memory(command)?);
        if begun.elapsed() > Duration::from_millis(500) {
            return Ok(peak);
        }
    }
}

/// The kernel's high-water mark, as it was read last before the process ended.
fn watched_peak_memory(command: &mut Command) -> Result<f64> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn()?;
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0.0;
    while child.try_wait()?.is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let mark = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = mark.and_then(|mark| mark.split_whitespace().next()?.parse::<f64>().ok());
        peak = f64::max(peak, kib.unwrap_or_default() / 1024.0);
    }
    Ok(peak)
}

/// The median over the rounds of one time divided by another.
fn ratio(own: &[Duration], others: &[Duration]) -> f64 {
    let pairs = own.iter().zip(others);
    median(pairs.map(|(own, other)| own.as_secs_f64() / other.as_secs_f64()).collect())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_medians_of_pairs_of_one_round() {
        let seconds =
            |all: &[u64]| all.iter().copied().map(Duration::from_secs).collect::<Vec<_>>();
        assert_eq!(ratio(&seconds(&[2, 40, 6]), &seconds(&[1, 10, 2])), 3.0);
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
    }
}
