use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use yaml_rust2::Yaml;

use super::platform::{Platform, parse};

/// What `github-action.yml` becomes in a repository.
pub(super) const OUR_ACTION: &str = "./.github/actions/cloacina";

impl Platform {
    /// Runs a workflow: its jobs in order, and their steps, until one fails.
    pub(super) fn github(&self, name: &str) -> Result<(), String> {
        let workflow = parse(name);
        let mut done = BTreeSet::new();
        for (name, job) in workflow["jobs"].as_hash().unwrap() {
            if let Some(needed) = job["needs"].as_str() {
                assert!(done.contains(needed), "{name:?} needs {needed}");
            }
            let workspace = self.workspace();
            // In a container there may be no other.
            let shell = if job["container"].is_badvalue() { "bash" } else { "sh" };
            for step in job["steps"].as_vec().unwrap() {
                let Some(run) = step["run"].as_str() else {
                    match step["uses"].as_str() {
                        Some(OUR_ACTION) => self.our_action(step, workspace.path())?,
                        _ => self.act(step, workspace.path()),
                    }
                    continue;
                };
                let mut environment = BTreeMap::new();
                for level in [&workflow["env"], &job["env"], &step["env"]] {
                    self.add(level, &mut environment);
                }
                self.shell(shell, workspace.path(), run, &environment)?;
            }
            done.insert(name.as_str().unwrap());
        }
        Ok(())
    }

    /// Runs the steps of the action in the examples, with what it is given.
    fn our_action(&self, step: &Yaml, workspace: &Path) -> Result<(), String> {
        let action = parse("github-action.yml");
        let given = step["with"].as_hash().unwrap();
        for name in given.keys() {
            assert!(!action["inputs"][name.as_str().unwrap()].is_badvalue(), "no input {name:?}");
        }
        let input = |name: &str| match step["with"][name].as_str() {
            Some(value) => self.evaluated(value),
            None => action["inputs"][name]["default"].as_str().unwrap().to_owned(),
        };
        for step in action["runs"]["steps"].as_vec().unwrap() {
            let mut environment = BTreeMap::new();
            for (name, value) in step["env"].as_hash().unwrap() {
                let (name, value) = (name.as_str().unwrap(), value.as_str().unwrap());
                let value = match value.strip_prefix("${{ inputs.") {
                    Some(rest) => input(rest.strip_suffix(" }}").unwrap()),
                    None => value.to_owned(),
                };
                environment.insert(name.to_owned(), value);
            }
            let shell = step["shell"].as_str().unwrap();
            self.shell(shell, workspace, step["run"].as_str().unwrap(), &environment)?;
        }
        Ok(())
    }

    /// What the platform's own actions do.
    fn act(&self, step: &Yaml, workspace: &Path) {
        let (action, _) = step["uses"].as_str().unwrap().split_once('@').unwrap();
        let artifact = || step["with"]["name"].as_str().unwrap();
        match action {
            "actions/checkout" => self.check_out(workspace),
            "actions/download-artifact" => self.download(artifact(), workspace),
            "actions/upload-artifact" => {
                let paths = step["with"]["path"].as_str().unwrap();
                self.upload(artifact(), workspace, paths.lines());
            }
            other => panic!("nobody knows what {other} does"),
        }
    }

    fn add(&self, level: &Yaml, environment: &mut BTreeMap<String, String>) {
        for (name, value) in level.as_hash().into_iter().flatten() {
            let (name, value) = (name.as_str().unwrap(), value.as_str().unwrap());
            environment.insert(name.into(), self.value(name, &self.evaluated(value)));
        }
    }

    fn evaluated(&self, value: &str) -> String {
        let Some(expression) = value.strip_prefix("${{").and_then(|v| v.strip_suffix("}}")) else {
            return value.into();
        };
        match expression.trim().split_once('.') {
            Some(("secrets", name)) => self.secrets[name].clone(),
            Some(("github", "ref_name")) => "v1.4.0".into(),
            _ => panic!("nobody knows what {expression} is"),
        }
    }
}
