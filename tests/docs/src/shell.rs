use std::fmt::Write as _;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use crate::compare::mismatch;
use crate::page::{Block, Fault, Kind, Page};

/// Far longer than a page takes, so that only one that hangs is ended.
const LIMIT: Duration = Duration::from_secs(600);

/// Where a page is run.
pub struct Place {
    /// The directory that the shell starts in.
    pub directory: PathBuf,
    /// What the shell finds in its environment, beside a home and a place for
    /// temporary files.
    pub environment: Vec<(String, String)>,
}

/// What was done with a page's blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Shell blocks that were run.
    pub run: usize,
    /// Commands in them.
    pub commands: usize,
    /// Files that were written.
    pub files: usize,
    /// Blocks that a reason excuses.
    pub excused: usize,
}

/// Runs the shell blocks of some pages, in order, by one shell, and compares.
///
/// # Errors
///
/// The first thing that is not as shown; what comes after it follows from it.
pub fn run(pages: &[&Page], place: &Place) -> Result<Counts, Fault> {
    let mut counts = Counts::default();
    let mut steps = Vec::new();
    for page in pages {
        for block in &page.blocks {
            plan(page, block, &mut steps, &mut counts)?;
        }
    }
    let Some((first, _)) = steps.first() else { return Ok(counts) };
    let failed = |what: String| first.fault(1, what);
    let records = tempfile::tempdir().map_err(|error| failed(error.to_string()))?;
    let script = script(&steps, records.path()).map_err(|error| failed(error.to_string()))?;
    execute(&script, place, records.path()).map_err(failed)?;
    for (number, (page, step)) in steps.iter().enumerate() {
        step.judge(page, records.path(), number)?;
    }
    Ok(counts)
}

/// Something that the shell does.
enum Step {
    Write { line: usize, name: String, text: String },
    Command(Typed),
}

/// A command with what it is shown to come to.
struct Typed {
    line: usize,
    command: String,
    shown: Vec<String>,
    /// The line of the first of `shown`.
    shown_line: usize,
    code: i32,
    /// The width of the terminal that it is run on, if it is.
    columns: Option<u16>,
}

fn plan<'a>(
    page: &'a Page,
    block: &Block,
    steps: &mut Vec<(&'a Page, Step)>,
    counts: &mut Counts,
) -> Result<(), Fault> {
    match (&block.kind, &*block.language) {
        (Kind::NotRun(_), _) => counts.excused += 1,
        (Kind::File(name), _) => {
            counts.files += 1;
            let (name, text) = (name.clone(), block.text.clone());
            steps.push((page, Step::Write { line: block.line, name, text }));
        }
        (Kind::Plain | Kind::Terminal(_), "console") => {
            counts.run += 1;
            let commands = commands(page, block)?;
            counts.commands += commands.len();
            steps.extend(commands.into_iter().map(|typed| (page, Step::Command(typed))));
        }
        (Kind::Plain, "sh" | "bash" | "shell" | "zsh") => {
            let what =
                "a shell block that nobody runs: make it `console`, or say `file:` or `not-run:`";
            return Err(page.fault(block.line, what));
        }
        (Kind::Terminal(_), _) => {
            return Err(page.fault(block.line, "only a `console` block is run on a terminal"));
        }
        (Kind::Plain, _) => {}
    }
    Ok(())
}

fn commands(page: &Page, block: &Block) -> Result<Vec<Typed>, Fault> {
    let columns = match block.kind {
        Kind::Terminal(columns) => Some(columns),
        _ => None,
    };
    let mut commands: Vec<Typed> = Vec::new();
    for (line, text) in (block.line..).zip(block.text.lines()) {
        if let Some(command) = text.strip_prefix("$ ") {
            let command = command.into();
            let (shown, shown_line) = (Vec::new(), line + 1);
            commands.push(Typed { line, command, shown, shown_line, code: 0, columns });
            continue;
        }
        let Some(typed) = commands.last_mut() else {
            return Err(page.fault(line, "a shell block begins with `$ ` and a command"));
        };
        if typed.code != 0 {
            return Err(page.fault(line, "nothing follows an exit code but the next command"));
        }
        let code = text.strip_prefix("? ").map(str::parse);
        match (code, text.strip_prefix("> ")) {
            (Some(Ok(code @ 1..=255)), _) => typed.code = code,
            (Some(_), _) => return Err(page.fault(line, "no exit code from 1 to 255 after `? `")),
            (None, Some(more)) if typed.shown.is_empty() => {
                let _ = write!(typed.command, "\n{more}");
                typed.shown_line = line + 1;
            }
            (None, _) => typed.shown.push(text.into()),
        }
    }
    Ok(commands)
}

/// One script, so that what one command sets the next one finds. Each command's
/// output and exit code go to files of their own.
fn script(steps: &[(&Page, Step)], records: &Path) -> std::io::Result<String> {
    let mut script = String::new();
    for (number, (_, step)) in steps.iter().enumerate() {
        let record = records.join(number.to_string());
        let record = record.display();
        let _ = match step {
            Step::Write { name, text, .. } => {
                fs::write(records.join(format!("{number}.in")), text)?;
                writeln!(script, "cp '{record}.in' '{name}' >'{record}.out' 2>&1")
            }
            Step::Command(typed) => {
                fs::write(records.join(format!("{number}.in")), &typed.command)?;
                match typed.columns {
                    None => writeln!(
                        script,
                        "eval \"$(cat '{record}.in')\" >'{record}.out' 2>&1 </dev/null"
                    ),
                    // A terminal ends lines with two characters.
                    Some(columns) => writeln!(
                        script,
                        "NO_COLOR=1 script --quiet --return --command \"stty cols {columns} rows 24; \
                         . '{record}.in'\" /dev/null </dev/null | tr -d '\\r' >'{record}.out'; \
                         (exit ${{PIPESTATUS[0]}})"
                    ),
                }
            }
        };
        let _ = writeln!(script, "echo $? >'{record}.code'");
    }
    Ok(script)
}

fn execute(script: &str, place: &Place, records: &Path) -> Result<(), String> {
    let file = records.join("script");
    fs::write(&file, script).map_err(|error| error.to_string())?;
    let mut command = Command::new("bash");
    command.arg(&file).current_dir(&place.directory).env_clear();
    command.envs(place.environment.iter().map(|(name, value)| (name, value)));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    let child = command.spawn().map_err(|error| format!("bash does not run: {error}"))?;
    let pid = Pid::from_child(&child);
    match ended_within(child, LIMIT) {
        true => Ok(()),
        false => {
            // What of the group has ended meanwhile needs no signal.
            let _ = kill_process_group(pid, Signal::KILL);
            Err(format!("the page did not come to its end within {} s", LIMIT.as_secs()))
        }
    }
}

fn ended_within(mut child: Child, limit: Duration) -> bool {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(child.wait()));
    receiver.recv_timeout(limit).is_ok()
}

impl Step {
    fn judge(&self, page: &Page, records: &Path, number: usize) -> Result<(), Fault> {
        let read = |what: &str| fs::read(records.join(format!("{number}.{what}")));
        let output = read("out").unwrap_or_default();
        let output = String::from_utf8_lossy(&output);
        let code = read("code").ok().and_then(|code| String::from_utf8(code).ok());
        let code: Option<i32> = code.and_then(|code| code.trim().parse().ok());
        let typed = match self {
            Self::Write { line, name, .. } if code != Some(0) => {
                return Err(page.fault(*line, format!("cannot write {name}: {output}")));
            }
            Self::Write { .. } => return Ok(()),
            Self::Command(typed) => typed,
        };
        let shown: Vec<_> = typed.shown.iter().map(String::as_str).collect();
        let told = format!("`{}` printed:\n{output}", typed.command);
        if let Some((at, found)) = mismatch(&shown, &output) {
            let expected = shown.get(at).map_or("nothing".into(), |line| format!("{line:?}"));
            let what = format!("expected {expected}, found {found}\n{told}");
            return Err(page.fault(typed.shown_line + at, what));
        }
        match code {
            Some(code) if code == typed.code => Ok(()),
            Some(code) => {
                let what = format!("expected exit code {}, found {code}\n{told}", typed.code);
                Err(page.fault(typed.line, what))
            }
            None => Err(page.fault(typed.line, format!("the shell ended here\n{told}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(text: &str) -> Result<Counts, (usize, String)> {
        let page = Page::parse("a.md", text, |_| None).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let path = std::env::var("PATH").unwrap();
        let place =
            Place { directory: directory.path().into(), environment: vec![("PATH".into(), path)] };
        run(&[&page], &place).map_err(|fault| (fault.line, fault.what))
    }

    #[test]
    fn a_page_that_is_true_passes() {
        let text = "# T\n\n```console\n$ export A=1\n$ echo $A; pwd >where\n1\n$ (exit 3)\n? 3\n\
                    $ printf 'a\\nb\\n' |\n> cat\na\nb\n```\n\n<!-- file: f -->\n```text\nin f\n```\n\
                    \n```console\n$ cat f\nin f\n```\n\n<!-- not-run: it would\nnever end -->\n";
        let text = text.replace("<!-- not-run: it would\nnever end -->\n", "");
        let counts = Counts { run: 2, commands: 5, files: 1, excused: 0 };
        assert_eq!(outcome(&text), Ok(counts));
    }

    #[test]
    fn a_terminal_has_the_width_that_the_page_says() {
        let block = "```console\n$ stty size; test -t 1\n24 40\n$ (exit 3)\n? 3\n```\n";
        let counts = Counts { run: 1, commands: 2, files: 0, excused: 0 };
        assert_eq!(outcome(&format!("<!-- terminal: 40 columns -->\n{block}")), Ok(counts));
        let (line, what) = outcome(&format!("<!-- terminal: 41 columns -->\n{block}")).unwrap_err();
        assert_eq!((line, what.starts_with("expected \"24 40\"")), (4, true), "{what}");
        assert!(outcome(block).is_err());
    }

    #[test]
    fn what_is_not_as_shown_is_named_with_its_line() {
        for (block, line, what) in [
            ("$ echo a\nb", 3, "expected \"b\", found \"a\""),
            ("$ echo a", 3, "expected nothing, found \"a\""),
            ("$ true\na", 3, "expected \"a\", found nothing"),
            ("$ true\n$ false", 3, "expected exit code 0, found 1"),
            ("$ true\n? 1", 2, "expected exit code 1, found 0"),
            ("$ exit 4\n$ true", 2, "the shell ended here"),
            ("$ echo 'a", 3, "expected nothing, found"),
            ("echo a", 2, "a shell block begins with"),
            ("$ false\n? 0", 3, "no exit code"),
            ("$ false\n? 1\na", 4, "nothing follows an exit code"),
        ] {
            let (found, told) = outcome(&format!("```console\n{block}\n```\n")).unwrap_err();
            assert_eq!(found, line, "{block}: {told}");
            assert!(told.starts_with(what), "{block}: {told}");
        }
    }

    #[test]
    fn a_shell_block_that_nobody_runs_is_refused() {
        for language in ["sh", "bash", "shell"] {
            let text = format!("a\n\n```{language}\nls\n```\n");
            assert_eq!(outcome(&text).unwrap_err().0, 4);
        }
        let excused = outcome("<!-- not-run: slow -->\n```sh\nls\n```\n").unwrap();
        assert_eq!((excused.run, excused.excused), (0, 1));
    }

    #[test]
    fn a_file_that_cannot_be_written_is_a_fault() {
        let text = "<!-- file: no/such/f -->\n```text\na\n```\n";
        assert!(outcome(text).unwrap_err().1.starts_with("cannot write no/such/f"));
    }
}
