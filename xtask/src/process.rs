//! Running other programs: errors that name the command, bounded waits, and
//! children that do not outlive this process.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};

/// The workspace's root directory.
pub fn workspace_root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_path_buf()
}

/// A cargo command in the workspace's root, of the same toolchain as this process.
///
/// It does not see what `cargo run` says about the package of this program: ring's build
/// script reads these variables, and would run again after each change between `cargo` and
/// `cargo xtask`, with all that depends on it compiled again.
pub fn cargo(arguments: &[&str]) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.current_dir(workspace_root()).args(arguments);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

/// Runs a command to its end and returns its standard output.
pub fn output(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| cannot_start(command))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        bail!("`{}` failed ({}): {}", line(command), output.status, stderr.trim());
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("`{}` printed something that is not UTF-8", line(command)))
}

/// Runs a command that says little, and kills it when it takes longer than `limit`.
///
/// What it prints must fit in a pipe, since it is read only at the end.
pub fn output_within(command: &mut Command, limit: Duration) -> Result<String> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| cannot_start(command))?;
    let Some(status) = wait_within(&mut child, limit)? else {
        child.kill()?;
        child.wait()?;
        bail!("`{}` did not end within {} s", line(command), limit.as_secs());
    };
    let (mut stdout, mut stderr) = (String::new(), String::new());
    child.stdout.take().context("no stdout")?.read_to_string(&mut stdout)?;
    child.stderr.take().context("no stderr")?.read_to_string(&mut stderr)?;
    ensure!(status.success(), "`{}` failed ({status}): {}", line(command), stderr.trim());
    Ok(stdout)
}

/// Waits for a child, but no longer than `limit`; `None` when it still runs.
pub fn wait_within(child: &mut Child, limit: Duration) -> Result<Option<ExitStatus>> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// Runs a command, hands each line of its standard output to `on_line` as it comes,
/// and returns how it ended.
///
/// The command and all that it starts end with this process, however this process
/// ends: they are a process group with a watcher in it, which kills the group when
/// the pipe closes that only this process holds open. Cargo alone could be tied to
/// its parent more simply, but not the test programs that it starts.
pub fn stream(
    command: &Command,
    on_line: impl FnMut(&str) -> Result<()> + Send,
) -> Result<ExitStatus> {
    let mut child = guarded(command).spawn().with_context(|| cannot_start(command))?;
    // Taken out, because `wait` closes what is left in the child, and closing this
    // is what kills it.
    let life_line = child.stdin.take();
    let stdout = child.stdout.take().context("no stdout")?;
    let (status, read) = thread::scope(|scope| {
        let reader = scope.spawn(move || each_line(stdout, on_line));
        let status = child.wait();
        // Ends what the command left running, which would keep its stdout open.
        drop(life_line);
        (status, reader.join())
    });
    read.map_err(|_panic| anyhow!("reading what `{}` printed panicked", line(command)))??;
    status.with_context(|| format!("cannot wait for `{}`", line(command)))
}

/// Writes one line to standard output; an error, not a panic, when nobody reads it.
pub fn say(text: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{text}").and_then(|()| stdout.flush()).context("cannot write to stdout")
}

/// A command as one would type it, without its environment, which may hold secrets.
pub fn line(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    let words = std::iter::once(name).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

const GUARD: &str = r#"
exec 3<&0 </dev/null
(cat <&3; kill -s KILL 0) >/dev/null 2>&1 &
exec 3<&-
exec "$@"
"#;

fn guarded(command: &Command) -> Command {
    let mut guarded = Command::new("sh");
    guarded.args(["-c", GUARD, "sh"]).arg(command.get_program()).args(command.get_args());
    if let Some(directory) = command.get_current_dir() {
        guarded.current_dir(directory);
    }
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => guarded.env(name, value),
            None => guarded.env_remove(name),
        };
    }
    guarded.stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0);
    guarded
}

fn each_line(from: impl Read, mut on_line: impl FnMut(&str) -> Result<()>) -> Result<()> {
    let mut from = BufReader::new(from);
    let mut bytes = Vec::new();
    while from.read_until(b'\n', &mut bytes)? > 0 {
        // Tests print what they like; a stray byte must not end the run.
        on_line(String::from_utf8_lossy(&bytes).trim_end_matches(['\n', '\r']))?;
        bytes.clear();
    }
    Ok(())
}

fn cannot_start(command: &Command) -> String {
    format!("cannot start `{}`", line(command))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_failing_command_is_named_with_what_it_said() {
        let error = output(&mut shell("echo broken >&2; exit 3")).unwrap_err().to_string();
        assert!(error.contains("sh -c") && error.contains("broken"), "{error}");
        assert_eq!(output(&mut shell("echo fine")).unwrap(), "fine\n");
    }

    #[test]
    fn a_command_that_hangs_is_given_up() {
        let error = output_within(&mut shell("exec sleep 60"), Duration::from_millis(50));
        assert!(error.unwrap_err().to_string().contains("did not end"));
        assert_eq!(output_within(&mut shell("echo a"), Duration::from_secs(20)).unwrap(), "a\n");
    }

    #[test]
    fn lines_come_through_with_the_status() {
        let mut lines = Vec::new();
        let collect = |line: &str| {
            lines.push(line.to_owned());
            Ok(())
        };
        let status = stream(&shell("printf 'a\\nb'; exit 7"), collect).unwrap();
        assert_eq!((status.code(), lines), (Some(7), vec!["a".to_owned(), "b".to_owned()]));
    }

    #[test]
    fn what_a_command_leaves_running_is_ended_with_it() {
        // Were it not, reading until the end of the output would take a minute.
        let start = Instant::now();
        stream(&shell("sleep 60 & echo started"), |_| Ok(())).unwrap();
        assert!(start.elapsed() < Duration::from_secs(30));
    }
}
