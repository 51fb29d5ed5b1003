//! Validates documents against the schemas of the guides, by a validator from outside.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{LazyLock, Mutex, PoisonError};

use super::spawn;

const FOLDER: &str = "../../docs/content/reference/schemas";

/// Reads a schema's name and a document in each line, and answers with a line: nothing, or what
/// is wrong. It closes each object, but not the parts that make one up: programs may meet new
/// fields, and these tests must not meet any that a schema lacks.
const VALIDATOR: &str = r#"
import functools, json, sys
from jsonschema import Draft202012Validator

def close(schema, is_whole=True):
    if not isinstance(schema, dict):
        return
    for part in schema.get("properties", {}).values():
        close(part)
    close(schema.get("items"))
    for part in schema.get("$defs", {}).values():
        close(part, is_whole=False)
    for name in ("anyOf", "oneOf", "allOf"):
        for part in schema.get(name, []):
            close(part, is_whole=False)
    if is_whole:
        schema["unevaluatedProperties"] = False

@functools.cache
def validator(name):
    schema = json.load(open(f"{sys.argv[1]}/{name}"))
    Draft202012Validator.check_schema(schema)
    close(schema)
    return Draft202012Validator(schema)

for line in sys.stdin:
    name, document = line.split("\t", 1)
    document = json.loads(document)
    errors = list(validator(name).iter_errors(document))
    if isinstance(document, dict) and "error" in document:
        failure = {"schema_version": 1, "ok": False, "error": document["error"]}
        errors += validator("failure.json").iter_errors(failure)
    error = next(iter(errors), None)
    print("" if error is None else ascii(f"{error.json_path}: {error.message}"), flush=True)
"#;

static PROCESS: LazyLock<Mutex<Validator>> = LazyLock::new(|| Mutex::new(Validator::start()));

struct Validator {
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
    /// It ends with this process, which closes its input.
    _process: Child,
}

impl Validator {
    fn start() -> Self {
        let mut python = Command::new("python3");
        python.arg("-c").arg(VALIDATOR).arg(folder()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = spawn(&mut python);
        let requests = process.stdin.take().unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap());
        Self { requests, answers, _process: process }
    }
}

/// The schema of the command that these are the arguments of.
pub(crate) fn schema_of(arguments: &[&str]) -> Option<String> {
    if arguments.contains(&"--jsonl") {
        return Some("audit-list-line.json".into());
    }
    let longest = |from: usize| {
        let names = (1..=3).rev().filter_map(move |count| arguments.get(from..from + count));
        names.map(|words| format!("{}.json", words.join("-")))
    };
    let is_there = |name: &String| !name.contains('/') && folder().join(name).is_file();
    (0..arguments.len()).flat_map(longest).find(is_there)
}

/// Validates a document, which is one line.
pub(crate) fn validate(schema: &str, document: &str) -> Result<(), String> {
    assert_eq!(document.trim_end().lines().count(), 1, "{document}");
    let mut process = PROCESS.lock().unwrap_or_else(PoisonError::into_inner);
    writeln!(process.requests, "{schema}\t{}", document.trim_end()).unwrap();
    let mut answer = String::new();
    process.answers.read_line(&mut answer).unwrap();
    match answer.strip_suffix('\n') {
        Some("") => Ok(()),
        Some(fault) => Err(fault.to_owned()),
        None => panic!("this test needs Python's jsonschema, which does not run with python3"),
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(FOLDER)
}
