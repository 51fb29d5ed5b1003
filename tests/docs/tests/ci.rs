//! The pipelines under `docs/examples/ci/` do what the guide says: their shell steps
//! are run, with a stand-in for `cargo` and for the platform's own actions.

#![expect(clippy::unwrap_used, reason = "a test panics to fail")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use docs_tests::{Page, Programs, repository};
use regex::Regex;
use tempfile::TempDir;
use yaml_rust2::{Yaml, YamlLoader};

/// Builds nothing, and has built what the pipeline is to sign.
const CARGO: &str = "#!/bin/sh
set -eu
case $1 in
  build) mkdir -p target/release && cp built/libworkflow.so target/release/ ;;
  install) [ -n \"$4\" ] && [ -n \"$6\" ] ;;
  *) exit 9 ;;
esac
";

/// What the platform puts in place of expressions, and into jobs' environments.
struct Platform {
    directory: TempDir,
    path: String,
    values: BTreeMap<&'static str, String>,
}

#[test]
fn github_signs_verifies_and_deploys() {
    let platform = Platform::new();
    platform.github("github-sign.yml").unwrap();
    platform.github("github-deploy.yml").unwrap();
    assert_eq!(platform.deployed(), ["libworkflow.so", "libworkflow.so.sig"]);
}

#[test]
fn github_does_not_deploy_what_was_changed_after_it_was_signed() {
    let platform = Platform::new();
    platform.github("github-sign.yml").unwrap();
    platform.tamper();
    let said = platform.github("github-deploy.yml").unwrap_err();
    assert!(said.contains("the package is not what was signed"), "{said}");
    assert!(platform.deployed().is_empty());
}

#[test]
fn github_finds_a_wrong_key_before_the_deployment_does() {
    let platform = Platform::new();
    platform.cloacina(&["keys", "generate", "--name", "other", "--output", "other.pem"]);
    fs::rename(platform.file("other.pub.pem"), platform.file("trusted-keys/ci.pub.pem")).unwrap();
    let said = platform.github("github-sign.yml").unwrap_err();
    assert!(said.contains("is not trusted"), "{said}");
}

#[test]
fn gitlab_signs_verifies_and_deploys() {
    let platform = Platform::new();
    platform.gitlab("sign").unwrap();
    platform.gitlab("deploy").unwrap();
    assert_eq!(platform.deployed(), ["libworkflow.so", "libworkflow.so.sig"]);
}

#[test]
fn gitlab_does_not_deploy_what_was_changed_after_it_was_signed() {
    let platform = Platform::new();
    platform.gitlab("sign").unwrap();
    platform.tamper();
    let said = platform.gitlab("deploy").unwrap_err();
    assert!(said.contains("the package is not what was signed"), "{said}");
    assert!(platform.deployed().is_empty());
}

#[test]
fn pipelines_have_the_least_rights_and_pin_what_they_use() {
    let pinned = Regex::new("^[a-z-]+/[a-z-]+@[0-9a-f]{40}$").unwrap();
    for name in ["github-sign.yml", "github-deploy.yml"] {
        let workflow = parse(name);
        assert_eq!(
            workflow["permissions"].as_hash().map(yaml_rust2::yaml::Hash::len),
            Some(0),
            "{name}"
        );
        for job in workflow["jobs"].as_hash().unwrap().values() {
            for (right, level) in job["permissions"].as_hash().unwrap() {
                assert_eq!(level.as_str(), Some("read"), "{name}: {right:?}");
            }
            for step in job["steps"].as_vec().unwrap() {
                if let Some(action) = step["uses"].as_str() {
                    assert!(pinned.is_match(action), "{name}: {action}");
                }
                let run = step["run"].as_str().unwrap_or_default();
                assert!(!run.contains("${{"), "{name}: an expression in a script: {run}");
            }
        }
    }
}

#[test]
fn every_yaml_block_of_the_guides_is_one_of_these_files() {
    let content = repository().join("docs/content");
    let site = docs_tests::Site::read(&content).unwrap_or_else(|fault| panic!("{fault}"));
    let is_yaml = |page: &Page| page.blocks.iter().any(|block| block.language == "yaml");
    assert!(site.pages.values().any(is_yaml));
    for page in site.pages.values() {
        for block in page.blocks.iter().filter(|block| block.language == "yaml") {
            assert!(block.is_included, "{}", page.fault(block.line, "YAML that nobody runs"));
        }
    }
}

impl Platform {
    fn new() -> Self {
        let programs = Programs::build().unwrap_or_else(|error| panic!("{error}"));
        let directory = tempfile::tempdir().unwrap();
        let page = Page::default();
        let place = programs.place(&page, &directory.path().join("scratch")).unwrap();
        let variable = |name| place.environment.iter().find(|(n, _)| n == name).unwrap().1.clone();
        let stand_ins = directory.path().join("stand-ins");
        let mut platform = Self {
            path: format!("{}:{}", stand_ins.display(), variable("PATH")),
            values: BTreeMap::new(),
            directory,
        };
        for name in ["stand-ins", "work/trusted-keys", "work/built", "deployed"] {
            fs::create_dir_all(platform.directory.path().join(name)).unwrap();
        }
        let cargo = stand_ins.join("cargo");
        fs::write(&cargo, CARGO).unwrap();
        fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).unwrap();
        let package = place.directory.join("libworkflow.so");
        fs::copy(package, platform.file("built/libworkflow.so")).unwrap();

        platform.values.insert("CLOACINA_KEY_PASSPHRASE", "correct horse".into());
        platform.cloacina(&["keys", "generate", "--name", "ci", "--output", "ci.pem"]);
        fs::rename(platform.file("ci.pub.pem"), platform.file("trusted-keys/ci.pub.pem")).unwrap();
        let key = fs::read_to_string(platform.file("ci.pem")).unwrap();
        platform.values.insert("CLOACINA_SIGNING_KEY", key);
        platform.values.insert("CLOACINA_SOURCE", "https://example.org/cloacina".into());
        platform.values.insert("CLOACINA_REVISION", "0".repeat(40));
        platform
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        self.directory.path().join("work").join(name)
    }

    fn deployed(&self) -> Vec<String> {
        let entries = fs::read_dir(self.directory.path().join("deployed")).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn tamper(&self) {
        let path = self.file("libworkflow.so");
        let mut bytes = fs::read(&path).unwrap();
        bytes.push(b'x');
        fs::write(path, bytes).unwrap();
    }

    fn cloacina(&self, arguments: &[&str]) {
        let secrets = ["CLOACINA_KEY_PASSPHRASE"].map(|name| (name, self.values[name].clone()));
        let line = format!("cloacina --quiet {}", arguments.join(" "));
        let output = self.shell(&["sh", "-e"], &line, &BTreeMap::from(secrets));
        assert!(output.status.success(), "{}", text(&output));
    }

    /// Runs a workflow's shell steps in order, each as the platform does, until one fails.
    fn github(&self, name: &str) -> Result<(), String> {
        let workflow = parse(name);
        let mut steps = 0;
        for job in workflow["jobs"].as_hash().unwrap().values() {
            for step in job["steps"].as_vec().unwrap() {
                let Some(run) = step["run"].as_str() else { continue };
                steps += 1;
                let mut environment = BTreeMap::new();
                for level in [&workflow["env"], &job["env"], &step["env"]] {
                    self.add(level, &mut environment);
                }
                let output = self.shell(&["bash", "-e"], run, &environment);
                if !output.status.success() {
                    return Err(text(&output));
                }
            }
        }
        assert_ne!(steps, 0, "{name}");
        Ok(())
    }

    /// Runs a job's script, whose lines are one shell's.
    fn gitlab(&self, job: &str) -> Result<(), String> {
        let pipeline = parse("gitlab-ci.yml");
        let lines = pipeline[job]["script"].as_vec().unwrap();
        let script: Vec<_> = lines.iter().map(|line| line.as_str().unwrap()).collect();
        let mut environment = BTreeMap::new();
        self.add(&pipeline["variables"], &mut environment);
        for name in ["CLOACINA_KEY_PASSPHRASE", "CLOACINA_SOURCE", "CLOACINA_REVISION"] {
            environment.insert(name, self.values[name].clone());
        }
        // A variable of the type File holds the path of one.
        environment.insert("CLOACINA_SIGNING_KEY", self.file("ci.pem").display().to_string());
        environment.insert("CI_COMMIT_TAG", "v1.4.0".into());
        let output = self.shell(&["sh", "-e"], &script.join("\n"), &environment);
        if output.status.success() { Ok(()) } else { Err(text(&output)) }
    }

    fn add<'a>(&self, level: &'a Yaml, environment: &mut BTreeMap<&'a str, String>) {
        for (name, value) in level.as_hash().into_iter().flatten() {
            let name = name.as_str().unwrap();
            let value = match (name, value.as_str().unwrap()) {
                // The runner's directory is one of this test's own here.
                ("DIRECTORY", _) => self.directory.path().join("deployed").display().to_string(),
                (_, value) => self.evaluated(value),
            };
            environment.insert(name, value);
        }
    }

    fn evaluated(&self, value: &str) -> String {
        let Some(expression) = value.strip_prefix("${{").and_then(|v| v.strip_suffix("}}")) else {
            return value.into();
        };
        match expression.trim().split_once('.') {
            Some(("secrets" | "vars", name)) => self.values[name].clone(),
            Some(("github", "ref_name")) => "v1.4.0".into(),
            _ => panic!("nobody knows what {expression} is"),
        }
    }

    fn shell(&self, shell: &[&str], script: &str, environment: &BTreeMap<&str, String>) -> Output {
        let file = self.directory.path().join("script");
        fs::write(&file, script).unwrap();
        let mut command = Command::new(shell[0]);
        command.args(&shell[1..]).arg(&file).current_dir(self.directory.path().join("work"));
        command.env_clear().env("PATH", &self.path).envs(environment).output().unwrap()
    }
}

fn parse(name: &str) -> Yaml {
    let path = repository().join("docs/examples/ci").join(Path::new(name));
    let text = fs::read_to_string(path).unwrap();
    let documents = YamlLoader::load_from_str(&text);
    let documents = documents.unwrap_or_else(|error| panic!("{name}: {error}"));
    documents.into_iter().next().unwrap()
}

fn text(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes)).concat()
}
