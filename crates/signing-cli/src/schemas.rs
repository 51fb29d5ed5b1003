//! The JSON Schemas of what commands print with `--json`, in
//! `docs/content/reference/schemas/`, and the page that lists them. They are made from
//! the views, so they cannot state anything else than what is printed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Command;
use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use crate::generated::{assert_current, is_written};
use crate::output::{ErrorView, SCHEMA_VERSION, USAGE};
use crate::{cli, commands, view};

const FOLDER: &str = "../../docs/content/reference/schemas";
const PAGE: &str = "../../docs/content/reference/json.md";
const GOLDEN: &str = "src/error/golden";

const HEAD: &str = include_str!("schemas/page.txt");

/// What a command prints as its `result`. A command with several forms has several.
#[derive(Clone, Copy)]
pub(crate) struct Document {
    command: &'static str,
    schema: fn(&mut SchemaGenerator) -> Schema,
}

impl Document {
    pub(crate) const fn of<T: view::Documented>(command: &'static str) -> Self {
        Self { command, schema: SchemaGenerator::subschema_for::<T> }
    }
}

/// The codes are listed once, in the schema of failures.
pub(crate) fn error_code(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "description": "One of the codes that failure.json lists.",
        "type": "string",
        "pattern": "^[A-Z][A-Za-z0-9]+$"
    })
}

/// Every code that an error can have: those in the golden files, which a test there keeps
/// complete.
fn error_codes() -> BTreeSet<String> {
    let mut codes = BTreeSet::from([USAGE.to_owned()]);
    for file in fs::read_dir(crate_path(GOLDEN)).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "txt") {
            let text = fs::read_to_string(path).unwrap();
            let outcomes = text.lines().filter_map(|line| line.strip_prefix("exit "));
            codes.extend(
                outcomes.filter_map(|it| it.split_once(", ")).map(|(_, code)| code.to_owned()),
            );
        }
    }
    codes
}

#[test]
fn every_command_has_a_schema_and_it_is_current() {
    let documents = by_command();
    let program = cli::command();
    let mut commands = BTreeSet::new();
    leaves(&program, "", &mut commands);
    // The program's own help is text with --json, too.
    commands.remove("help");
    let documented: BTreeSet<_> = documents.keys().map(|command| (*command).to_owned()).collect();
    assert_eq!(commands, documented, "commands, and DOCUMENTS of the modules in commands/");

    let mut files = BTreeMap::new();
    for (command, documents) in &documents {
        files.insert(file_of(command), text(&of_document(command, documents)));
    }
    files.insert("failure.json".into(), text(&of_failure()));
    files.insert("audit-list-line.json".into(), text(&of_line(&documents["audit list"])));
    let files: BTreeMap<_, _> =
        files.into_iter().map(|(name, text)| (crate_path(FOLDER).join(name), text)).collect();
    for (path, text) in &files {
        assert_current(path, text);
    }
    assert_current(PAGE, &page(&documents));
    for file in schema_files().iter().filter(|file| !files.contains_key(*file)) {
        assert!(is_written(), "{} is of no command", file.display());
        fs::remove_file(file).unwrap();
    }
}

fn by_command() -> BTreeMap<&'static str, Vec<Document>> {
    let mut found: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for document in commands::documents() {
        found.entry(document.command).or_default().push(document);
    }
    found
}

fn leaves(command: &Command, path: &str, found: &mut BTreeSet<String>) {
    if !command.has_subcommands() {
        found.insert(path.to_owned());
    }
    let is_own = |sub: &&Command| path.is_empty() || sub.get_name() != "help";
    for sub in command.get_subcommands().filter(is_own) {
        if sub.get_name() == "help" {
            found.insert("help".into());
        } else {
            leaves(sub, format!("{path} {}", sub.get_name()).trim(), found);
        }
    }
}

/// What a command prints when it succeeds and when it fails.
fn of_document(command: &str, documents: &[Document]) -> Value {
    let mut generator = generator();
    let mut results: Vec<_> =
        documents.iter().map(|document| (document.schema)(&mut generator)).collect();
    let result = match results.len() {
        1 => results.remove(0),
        _ => json_schema!({ "anyOf": results }),
    };
    let error = generator.subschema_for::<ErrorView>();
    let mut schema = head(&format!("cloacina {command} --json"));
    schema.extend(object(json!({
        "type": "object",
        "required": ["schema_version", "ok"],
        "properties": {
            "schema_version": { "const": SCHEMA_VERSION },
            "ok": {
                "description": "Whether the exit code is 0.",
                "type": "boolean"
            },
            "result": result,
            "error": error,
            "notes": {
                "description": "Remarks about what was left out without an error.",
                "type": "array",
                "items": { "type": "string" }
            }
        },
        "if": { "properties": { "ok": { "const": true } } },
        "then": { "required": ["result"], "not": { "required": ["error"] } },
        "else": { "required": ["error"] }
    })));
    with_definitions(schema, generator)
}

/// What every command prints that could do nothing, with a wrong command line for example.
fn of_failure() -> Value {
    let mut generator = generator();
    let mut schema = head("a command of cloacina that failed, with --json");
    schema.extend(object(json!({
        "type": "object",
        "required": ["schema_version", "ok", "error"],
        "properties": {
            "schema_version": { "const": SCHEMA_VERSION },
            "ok": { "const": false },
            "error": {
                "allOf": [generator.subschema_for::<ErrorView>()],
                "properties": { "code": { "enum": error_codes() } }
            }
        }
    })));
    with_definitions(schema, generator)
}

/// A line of `audit list --jsonl`: an item of the list.
fn of_line(documents: &[Document]) -> Value {
    let mut generator = generator();
    let list = (documents[0].schema)(&mut generator).to_value();
    let mut schema = head("a line of cloacina audit list --jsonl");
    schema.extend(object(list["items"].clone()));
    with_definitions(schema, generator)
}

fn generator() -> SchemaGenerator {
    SchemaSettings::draft2020_12().for_serialize().into_generator()
}

fn head(title: &str) -> Map<String, Value> {
    object(json!({ "$schema": "https://json-schema.org/draft/2020-12/schema", "title": title }))
}

fn with_definitions(mut schema: Map<String, Value>, mut generator: SchemaGenerator) -> Value {
    let definitions = generator.take_definitions(true);
    if !definitions.is_empty() {
        schema.insert("$defs".into(), definitions.into());
    }
    schema.into()
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        other => panic!("not an object: {other}"),
    }
}

fn text(schema: &Value) -> String {
    format!("{schema:#}\n")
}

fn file_of(command: &str) -> String {
    format!("{}.json", command.replace(' ', "-"))
}

fn schema_files() -> BTreeSet<PathBuf> {
    fs::read_dir(crate_path(FOLDER)).unwrap().map(|entry| entry.unwrap().path()).collect()
}

fn page(documents: &BTreeMap<&str, Vec<Document>>) -> String {
    let mut page = HEAD.to_owned();
    for command in documents.keys() {
        let file = file_of(command);
        let _ = writeln!(page, "| `cloacina {command}` | [{file}](schemas/{file}) |");
    }
    page
}

fn crate_path(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
