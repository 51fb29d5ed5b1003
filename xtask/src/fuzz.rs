//! `cargo xtask fuzz`: every parser against inputs that libFuzzer finds, by the oracles of
//! `tests/oracles`.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::process::{line, output, say, workspace_root};
use crate::tool::Tool;

const FOLDER: &str = "tests/fuzz";
const CARGO_FUZZ: Tool = Tool::new("cargo-fuzz", "0.13.2", "cargo-fuzz 0.13.");

/// What `cargo xtask fuzz` takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How long to look, for each target.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,

    /// Only these targets.
    targets: Vec<String>,
}

/// Runs the task.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let program = CARGO_FUZZ.provide()?;
    let all = targets()?;
    if let Some(unknown) = arguments.targets.iter().find(|&target| !all.contains(target)) {
        bail!("there is no target {unknown}; there are {}", Vec::from_iter(all).join(" "));
    }
    let fuzz = |task: &str| {
        let mut command = Command::new(&program);
        command.current_dir(workspace_root()).env("RUSTUP_TOOLCHAIN", "nightly");
        command.env("CARGO_TARGET_DIR", workspace_root().join("target/fuzz"));
        // Safe code needs no sanitizer, and is faster without.
        command.args([task, "--fuzz-dir", FOLDER, "--sanitizer", "none"]);
        command
    };
    output(&mut fuzz("build"))?;
    let chosen = all
        .iter()
        .filter(|&target| arguments.targets.is_empty() || arguments.targets.contains(target));
    let mut failed = Vec::new();
    say("fuzz: target                     executions   a second   new inputs   peak MiB")?;
    for target in chosen {
        let found = workspace_root().join("target/fuzz/corpus").join(target);
        fs::create_dir_all(&found).with_context(|| format!("cannot make {}", found.display()))?;
        let mut command = fuzz("run");
        command.arg(target).arg(&found).arg(format!("{FOLDER}/corpus/{target}")).arg("--");
        command.arg(format!("-max_total_time={}", arguments.seconds));
        // A target that needs longer or more for one input has lost its bound.
        command.args(["-timeout=20", "-rss_limit_mb=1024", "-print_final_stats=1"]);
        let ended = command.output().with_context(|| format!("cannot start {}", line(&command)))?;
        let report = String::from_utf8_lossy(&ended.stderr);
        if !ended.status.success() {
            let start = report.lines().count().saturating_sub(40);
            let tail: Vec<_> = report.lines().skip(start).collect();
            say(&format!("fuzz: {target} FAILED\n{}", tail.join("\n")))?;
            failed.push(target.as_str());
            continue;
        }
        let number = |name| statistic(&report, name);
        say(&format!(
            "fuzz: {target:24} {:>12} {:>10} {:>12} {:>10}",
            number("number_of_executed_units")?,
            number("average_exec_per_sec")?,
            number("new_units_added")?,
            number("peak_rss_mb")?,
        ))?;
    }
    ensure!(failed.is_empty(), "fuzz: inputs that break a promise: {}", failed.join(" "));
    Ok(())
}

/// The targets, by their files.
fn targets() -> Result<BTreeSet<String>> {
    let folder = workspace_root().join(FOLDER).join("fuzz_targets");
    let entries =
        fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    entries
        .map(|entry| {
            let path = entry?.path();
            let stem = path.file_stem().and_then(|stem| stem.to_str());
            Ok(stem.context("a target whose name is not UTF-8")?.to_owned())
        })
        .collect()
}

/// One of libFuzzer's final statistics.
fn statistic(report: &str, name: &str) -> Result<u64> {
    let start = format!("stat::{name}:");
    let value = report.lines().find_map(|line| line.strip_prefix(&start));
    let value = value.with_context(|| format!("libFuzzer did not say its {name}"))?;
    value.trim().parse().with_context(|| format!("libFuzzer's {name} is {value:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_are_read_by_name() {
        let report = "Done 3 runs\nstat::number_of_executed_units: 367\nstat::peak_rss_mb: 44\n";
        assert_eq!(statistic(report, "number_of_executed_units").unwrap(), 367);
        assert_eq!(statistic(report, "peak_rss_mb").unwrap(), 44);
        assert!(statistic(report, "new_units_added").is_err());
    }

    #[test]
    fn the_targets_are_there() {
        assert!(targets().unwrap().contains("envelope"));
    }
}
