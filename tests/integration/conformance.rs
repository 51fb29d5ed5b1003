//! The conformance kit's corpus, on the example runner and on runners with one fault.

#![expect(clippy::unwrap_used, reason = "a test panics to fail")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use docs_tests::Programs;
use signing_conformance::{
    Capability, Host, HostError, Kit, Limits, Options, Outcome, Report, Rounds, Signer, Verdict,
    cases, run_within,
};
use signing_loader::{SigningKey, sign_package};
use tempfile::TempDir;

/// A runner of this repository.
struct Runner {
    name: &'static str,
    program: PathBuf,
    /// Before the packages.
    arguments: Vec<String>,
    trusted: SigningKey,
    stranger: SigningKey,
    directory: TempDir,
}

impl Runner {
    /// In the arguments, `KEY` stands for the file of the public key.
    fn new(name: &'static str, program: PathBuf, arguments: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let trusted = SigningKey::generate().unwrap();
        let key = directory.path().join("trusted.pub.pem");
        fs::write(&key, trusted.verifying_key().to_pem()).unwrap();
        let key = key.to_str().unwrap();
        let arguments = arguments.iter().map(|argument| argument.replace("KEY", key)).collect();
        let stranger = SigningKey::generate().unwrap();
        Self { name, program, arguments, trusted, stranger, directory }
    }

    fn broken(fault: &'static str) -> Self {
        let programs = Programs::build().unwrap_or_else(|error| panic!("{error}"));
        Self::new(fault, programs.example("broken_runner"), &[fault, "KEY"])
    }
}

impl Host for Runner {
    fn name(&self) -> &str {
        self.name
    }

    fn capabilities(&self) -> &[Capability] {
        &Capability::ALL
    }

    fn sign(&self, package: &Path, signer: Signer) -> Result<(), HostError> {
        let key = match signer {
            Signer::Trusted => &self.trusted,
            Signer::Stranger => &self.stranger,
        };
        let envelope = sign_package(package, key).unwrap();
        let mut path = package.as_os_str().to_owned();
        path.push(".sig");
        fs::write(path, envelope.to_json()).unwrap();
        Ok(())
    }

    fn load(&self, packages: &[PathBuf], limits: &Limits) -> Result<Outcome, HostError> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).args(packages);
        let stderr = self.directory.path().join("stderr");
        let (ended, message) = run_within(&mut command, limits, &stderr).unwrap();
        Ok(Outcome::of(ended, message))
    }
}

fn check(host: &dyn Host, options: Options) -> Report {
    let report = Kit::new(options).unwrap().run(host).unwrap();
    assert_eq!(report.with_verdict(Verdict::Undecided), [""; 0], "{report}");
    report
}

/// The fault shows in these cases, and in no other.
fn assert_fails(runner: &Runner, expected: &[&str]) {
    let mut options = Options::default();
    if expected.iter().all(|case| !case.starts_with("swap")) {
        // Each moment once: a host that opens a package once is caught at none of them.
        options.rounds = Rounds::new(6).unwrap();
    }
    let report = check(runner, options);
    assert_eq!(report.with_verdict(Verdict::Failed), expected, "{report}");
}

#[test]
fn the_example_runner_passes_what_applies_to_it() {
    let programs = Programs::build().unwrap_or_else(|error| panic!("{error}"));
    let directory = tempfile::tempdir().unwrap();
    let entry_point = directory.path().join("entry_point.c");
    fs::write(
        &entry_point,
        "int workflow_run(const unsigned char *in, unsigned long in_len, unsigned char *out,\n\
         unsigned long *out_len) { conformance_called(); *out_len = 0; return 0; }\n",
    )
    .unwrap();
    let mut options = Options::default();
    options.entry_point = Some(entry_point);
    let arguments = ["--require-signatures", "--trust-key", "KEY"];
    let report = check(&Runner::new("my_runner", programs.runner(), &arguments), options);
    assert_eq!(report.with_verdict(Verdict::Failed), [""; 0], "{report}");
    assert_eq!(report.with_verdict(Verdict::NotApplicable), [""; 0], "{report}");
    assert_eq!(report.with_verdict(Verdict::Noted), ["package-downgraded"], "{report}");
}

#[test]
fn a_runner_without_a_fault_fails_no_other_case() {
    assert_fails(&Runner::broken("none"), &[]);
}

#[test]
fn a_runner_that_opens_the_file_twice_fails_the_swaps() {
    assert_fails(
        &Runner::broken("opens-twice"),
        &[
            "swap-rename",
            "swap-directory-link",
            "swap-hard-link",
            "rewrite-in-place",
            // It loads like a runner that requires no signatures, which allows any dependency.
            "dependency-by-path",
            "dependency-by-runpath",
            "executable-stack",
            "shared-object",
        ],
    );
}

#[test]
fn a_runner_that_ignores_the_signed_name_fails_the_renamed_package() {
    assert_fails(&Runner::broken("ignores-name"), &["package-renamed"]);
}

#[test]
fn a_runner_that_needs_no_signature_fails_where_there_is_none() {
    assert_fails(&Runner::broken("signature-is-optional"), &["unsigned", "signature-missing"]);
}

/// Loads everything, as `dlopen` alone does.
struct Gullible {
    signer: Runner,
    capabilities: &'static [Capability],
}

impl Gullible {
    fn claiming(capabilities: &'static [Capability]) -> Self {
        Self { signer: Runner::new("dlopen", PathBuf::new(), &[]), capabilities }
    }
}

impl Host for Gullible {
    fn name(&self) -> &str {
        self.signer.name
    }

    fn capabilities(&self) -> &[Capability] {
        self.capabilities
    }

    fn sign(&self, package: &Path, signer: Signer) -> Result<(), HostError> {
        self.signer.sign(package, signer)
    }

    fn load(&self, packages: &[PathBuf], limits: &Limits) -> Result<Outcome, HostError> {
        // Python's ctypes is a loader that nobody has to compile.
        let mut command = Command::new("python3");
        command.args(["-c", "import ctypes, sys; [ctypes.CDLL(p) for p in sys.argv[1:]]"]);
        let stderr = self.signer.directory.path().join("stderr");
        let (ended, message) = run_within(command.args(packages), limits, &stderr).unwrap();
        Ok(Outcome::of(ended, message))
    }
}

/// Without the races, of which a host that opens a file once is not a part.
fn still(options: &mut Options) {
    let ids = cases().filter(|case| case.weakness != "CWE-367").map(|case| case.id.to_owned());
    options.cases = ids.collect();
}

#[test]
fn a_host_that_verifies_nothing_passes_only_where_no_code_can_run() {
    let mut options = Options::default();
    still(&mut options);
    options.limits.time = Duration::from_secs(5);
    let report = check(&Gullible::claiming(&Capability::ALL), options);
    // The dynamic linker refuses the first three, and tells the packages of the others apart.
    let harmless = [
        "control",
        "package-emptied",
        "package-device",
        "package-directory",
        "two-versions",
        "same-soname",
        "descriptor-reuse",
    ];
    assert_eq!(report.with_verdict(Verdict::Passed), harmless, "{report}");
    assert_eq!(report.with_verdict(Verdict::NotApplicable), [""; 0], "{report}");
}

#[test]
fn a_host_has_not_passed_what_it_does_not_claim() {
    let mut options = Options::default();
    options.cases = vec!["package-renamed".into(), "two-versions".into()];
    let report = check(&Gullible::claiming(&[]), options);
    assert_eq!(report.with_verdict(Verdict::Passed), ["control"], "{report}");
    let not_applicable = report.with_verdict(Verdict::NotApplicable);
    assert_eq!(not_applicable, ["package-renamed", "two-versions"], "{report}");
}

/// Signs into a file of another name than the kit's other hosts do.
struct Renaming {
    runner: Runner,
    /// The signature file of a package.
    signature: fn(&Path) -> PathBuf,
}

impl Host for Renaming {
    fn name(&self) -> &str {
        self.runner.name
    }

    fn capabilities(&self) -> &[Capability] {
        &Capability::ALL
    }

    fn sign(&self, package: &Path, signer: Signer) -> Result<(), HostError> {
        self.runner.sign(package, signer)?;
        fs::rename(package.with_extension("so.sig"), (self.signature)(package)).unwrap();
        Ok(())
    }

    fn load(&self, packages: &[PathBuf], limits: &Limits) -> Result<Outcome, HostError> {
        for package in packages {
            fs::rename((self.signature)(package), package.with_extension("so.sig")).unwrap();
        }
        self.runner.load(packages, limits)
    }
}

#[test]
fn a_signature_that_is_named_after_the_packages_stem_is_renamed_with_it() {
    let renamed = |fault, signature| {
        let mut options = Options::default();
        options.cases = vec!["package-renamed".into()];
        let host = Renaming { runner: Runner::broken(fault), signature };
        let report = Kit::new(options).unwrap().run(&host).unwrap();
        assert!(report.control_holds(), "{report}");
        report.cases[1].verdict
    };
    assert_eq!(renamed("none", |package| package.with_extension("sig")), Verdict::Passed);
    assert_eq!(renamed("ignores-name", |package| package.with_extension("sig")), Verdict::Failed);
    // Such a signature says nothing of a name, so the attack does not take place.
    let apart = |package: &Path| package.with_file_name("signature");
    assert_eq!(renamed("ignores-name", apart), Verdict::Undecided);
}

/// Refuses every package but the first.
struct OneOnly(Runner);

impl Host for OneOnly {
    fn name(&self) -> &str {
        "one only"
    }

    fn capabilities(&self) -> &[Capability] {
        &Capability::ALL
    }

    fn sign(&self, package: &Path, signer: Signer) -> Result<(), HostError> {
        self.0.sign(package, signer)
    }

    fn load(&self, packages: &[PathBuf], limits: &Limits) -> Result<Outcome, HostError> {
        match (self.0.load(&packages[..1], limits)?, packages) {
            (Outcome::Loaded, [_, _, ..]) => Ok(Outcome::Refused { message: "no".into() }),
            (outcome, _) => Ok(outcome),
        }
    }
}

#[test]
fn a_host_that_loads_one_package_only_does_not_pass_what_needs_several() {
    let several = ["two-versions", "same-soname", "shared-object", "descriptor-reuse"];
    let report = |host: &dyn Host| {
        let mut options = Options::default();
        options.cases = several.map(String::from).to_vec();
        Kit::new(options).unwrap().run(host).unwrap()
    };
    let one = report(&OneOnly(Runner::broken("none")));
    assert_eq!(one.with_verdict(Verdict::Undecided), several, "{one}");
    let all = report(&Runner::broken("none"));
    assert_eq!(all.with_verdict(Verdict::Undecided), [""; 0], "{all}");
    assert_eq!(all.with_verdict(Verdict::Failed), [""; 0], "{all}");
}

/// Refuses everything, and would pass every attack.
struct Paranoid(Runner);

impl Host for Paranoid {
    fn name(&self) -> &str {
        "nothing"
    }

    fn capabilities(&self) -> &[Capability] {
        &Capability::ALL
    }

    fn sign(&self, package: &Path, signer: Signer) -> Result<(), HostError> {
        self.0.sign(package, signer)
    }

    fn load(&self, _: &[PathBuf], _: &Limits) -> Result<Outcome, HostError> {
        Ok(Outcome::Refused { message: "no".into() })
    }
}

#[test]
fn a_host_that_refuses_everything_passes_nothing() {
    let host = Paranoid(Runner::new("nothing", PathBuf::new(), &[]));
    let report = check(&host, Options::default());
    assert!(!report.control_holds());
    assert_eq!(report.with_verdict(Verdict::Failed), ["control"]);
    assert_eq!(report.cases.len(), 1, "{report}");
}
