use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use super::platform::{Platform, parse};

impl Platform {
    /// Runs a job's script, whose lines are one shell's, among the artifacts of the jobs
    /// that it needs.
    pub(super) fn gitlab(&self, name: &str) -> Result<(), String> {
        self.gitlab_of("gitlab-ci.yml", name)
    }

    /// The same of another pipeline.
    pub(super) fn gitlab_of(&self, file: &str, name: &str) -> Result<(), String> {
        let pipeline = parse(file);
        let job = &pipeline[name];
        let texts = |list: &yaml_rust2::Yaml| -> Vec<String> {
            let list = list.as_vec().map(Vec::as_slice).unwrap_or_default();
            list.iter().map(|item| item.as_str().unwrap().into()).collect()
        };
        let workspace = self.workspace();
        self.check_out(workspace.path());
        // As GitLab does, whose runner has no umask.
        for name in ["trusted-keys/ci.pub.pem", "trust/root.json", "trust/bundle.json"] {
            let file = workspace.path().join(name);
            if file.exists() {
                fs::set_permissions(file, Permissions::from_mode(0o666)).unwrap();
            }
        }
        for name in ["", "trusted-keys", "trust"] {
            let directory = workspace.path().join(name);
            if directory.exists() {
                fs::set_permissions(directory, Permissions::from_mode(0o777)).unwrap();
            }
        }
        for needed in texts(&job["needs"]) {
            self.download(&needed, workspace.path());
        }
        let mut environment = BTreeMap::from([("CI_COMMIT_TAG".into(), "v1.4.0".into())]);
        for (name, value) in pipeline["variables"].as_hash().unwrap() {
            let (name, value) = (name.as_str().unwrap(), value.as_str().unwrap());
            environment.insert(name.into(), self.value(name, value));
        }
        if job["environment"]["name"].as_str() == Some("release") {
            // A variable of the type File holds the path of one.
            let key = self.path("key");
            fs::write(&key, &self.secrets["CLOACINA_SIGNING_KEY"]).unwrap();
            fs::set_permissions(&key, Permissions::from_mode(0o666)).unwrap();
            let key = key.display().to_string();
            let given = self.secrets.get("CLOACINA_KEY").unwrap_or(&key).clone();
            environment.insert("CLOACINA_SIGNING_KEY".into(), key);
            environment.insert("CLOACINA_KEY".into(), given);
            let passphrase = self.secrets["CLOACINA_KEY_PASSPHRASE"].clone();
            environment.insert("CLOACINA_KEY_PASSPHRASE".into(), passphrase);
        }
        let script = texts(&job["script"]);
        assert!(!script.is_empty(), "{name}");
        self.shell("sh", workspace.path(), &script.join("\n"), &environment)?;
        let paths = texts(&job["artifacts"]["paths"]);
        self.upload(name, workspace.path(), paths.iter().map(String::as_str));
        Ok(())
    }
}
