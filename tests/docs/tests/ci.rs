//! The pipelines under `docs/examples/ci/` do what the guide says: their shell steps
//! are run, by cargo and cloacina themselves. Stand-ins are there for the platform's own
//! actions only: for what checks out, and for what hands artifacts from job to job.

#![expect(clippy::unwrap_used, reason = "a test panics to fail")]

#[path = "ci/github.rs"]
mod github;
#[path = "ci/gitlab.rs"]
mod gitlab;
#[path = "ci/platform.rs"]
mod platform;
#[path = "ci/rooted.rs"]
mod rooted;

use docs_tests::{Page, Site, repository};
use github::OUR_ACTION;
use platform::{Platform, parse};
use regex::Regex;

#[test]
fn github_builds_signs_verifies_and_deploys() {
    let platform = Platform::new();
    platform.github("github-sign.yml").unwrap();
    platform.github("github-deploy.yml").unwrap();
    assert_eq!(platform.deployed(), ["libworkflow.so", "libworkflow.so.sig"]);
}

#[test]
fn github_does_not_deploy_what_was_changed_after_it_was_signed() {
    let platform = Platform::new();
    platform.github("github-sign.yml").unwrap();
    platform.tamper("signed-package");
    let said = platform.github("github-deploy.yml").unwrap_err();
    assert!(said.contains("the package is not what was signed"), "{said}");
    assert!(platform.deployed().is_empty());
}

#[test]
fn github_finds_a_wrong_key_before_the_deployment_does() {
    let platform = Platform::new();
    platform.trust_another_key();
    let said = platform.github("github-sign.yml").unwrap_err();
    assert!(said.contains("is not trusted"), "{said}");
    assert!(!platform.has_artifact("signed-package"));
}

#[test]
fn github_signs_nothing_that_does_not_build() {
    let platform = Platform::new();
    platform.break_the_code();
    let said = platform.github("github-sign.yml").unwrap_err();
    assert!(said.contains("could not compile"), "{said}");
    assert!(!platform.has_artifact("signed-package"));
}

#[test]
fn gitlab_builds_signs_verifies_and_deploys() {
    let platform = Platform::new();
    for job in ["build", "sign", "deploy"] {
        platform.gitlab(job).unwrap();
    }
    assert_eq!(platform.deployed(), ["libworkflow.so", "libworkflow.so.sig"]);
}

#[test]
fn gitlab_does_not_deploy_what_was_changed_after_it_was_signed() {
    let platform = Platform::new();
    platform.gitlab("build").unwrap();
    platform.gitlab("sign").unwrap();
    platform.tamper("sign");
    let said = platform.gitlab("deploy").unwrap_err();
    assert!(said.contains("the package is not what was signed"), "{said}");
    assert!(platform.deployed().is_empty());
}

#[test]
fn gitlab_finds_a_wrong_key_before_the_deployment_does() {
    let platform = Platform::new();
    platform.trust_another_key();
    platform.gitlab("build").unwrap();
    let said = platform.gitlab("sign").unwrap_err();
    assert!(said.contains("is not trusted"), "{said}");
}

#[test]
fn pipelines_have_the_least_rights_and_pin_what_they_use() {
    let pinned = Regex::new("^[a-z-]+/[a-z-]+@[0-9a-f]{40}$").unwrap();
    for name in ["github-sign.yml", "github-deploy.yml", "github-rooted.yml"] {
        let workflow = parse(name);
        let rights = workflow["permissions"].as_hash().unwrap();
        assert!(rights.is_empty(), "{name}: {rights:?}");
        for job in workflow["jobs"].as_hash().unwrap().values() {
            for (right, level) in job["permissions"].as_hash().unwrap() {
                assert_eq!(level.as_str(), Some("read"), "{name}: {right:?}");
            }
            for step in job["steps"].as_vec().unwrap() {
                if let Some(action) = step["uses"].as_str().filter(|action| *action != OUR_ACTION) {
                    assert!(pinned.is_match(action), "{name}: {action}");
                }
                let run = step["run"].as_str().unwrap_or_default();
                assert!(!run.contains("${{"), "{name}: an expression in a script: {run}");
            }
        }
    }
    for step in parse("github-action.yml")["runs"]["steps"].as_vec().unwrap() {
        let run = step["run"].as_str().unwrap();
        assert!(!run.contains("${{"), "an expression in a script: {run}");
    }
}

#[test]
fn jobs_that_build_never_see_the_key() {
    for workflow in ["github-sign.yml", "github-rooted.yml"].map(parse) {
        for (name, job) in workflow["jobs"].as_hash().unwrap() {
            let text = format!("{job:?}");
            let (builds, has_the_key) = (text.contains("cargo"), text.contains("secrets."));
            assert!(builds != has_the_key, "{name:?}: builds {builds}, has the key {has_the_key}");
            assert_eq!(job["environment"].as_str(), has_the_key.then_some("release"));
        }
    }
    let (pipeline, rooted) = (parse("gitlab-ci.yml"), parse("gitlab-rooted.yml"));
    for (pipeline, name, builds) in [
        (&pipeline, "build", true),
        (&pipeline, "sign", false),
        (&pipeline, "deploy", false),
        (&rooted, "build", true),
        (&rooted, "sign", false),
    ] {
        let job = &pipeline[name];
        assert_eq!(format!("{:?}", job["script"]).contains("cargo"), builds, "{name}");
        assert_eq!(job["environment"]["name"].is_badvalue(), builds, "{name}");
    }
}

#[test]
fn every_yaml_block_of_the_guides_is_one_of_these_files() {
    let content = repository().join("docs/content");
    let site = Site::read(&content).unwrap_or_else(|fault| panic!("{fault}"));
    let is_yaml = |page: &Page| page.blocks.iter().any(|block| block.language == "yaml");
    assert!(site.pages.values().any(is_yaml));
    for page in site.pages.values() {
        for block in page.blocks.iter().filter(|block| block.language == "yaml") {
            assert!(block.is_included, "{}", page.fault(block.line, "YAML that nobody runs"));
        }
    }
}
