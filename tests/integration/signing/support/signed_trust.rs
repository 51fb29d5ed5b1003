//! Two organizations with signed trust, and a host that loads packages by it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use chrono::{TimeDelta, Utc};
use docs_tests::Programs;
use serde_json::{Value, json};
use signing_crypto::{
    DocumentTexts, OrgId, RoleKeys, SignatureEnvelope, SignerCount, SigningKey, StatementTime,
    TrustDocumentKind,
};
use signing_loader::package_statement;
use signing_trust::store::OrganizationRef;
use signing_trust::{DocumentExpiries, DocumentPlan, KeyManager, NextRoot, TrustLimits, TrustRoot};

use super::documents::{Party, RawKey, version_of};
use super::{Database, Subject, World};

pub(crate) type Documents = BTreeMap<OrgId, DocumentTexts>;

static PROGRAMS: LazyLock<Programs> =
    LazyLock::new(|| Programs::build().unwrap_or_else(|error| panic!("{error}")));

/// How the host gets the documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Medium {
    Store,
    Bundle,
}

/// `acme` has signed that it trusts its release key and what `vendor` trusts. The rows of the
/// store trust an attacker's key, too, in the name of both: somebody who can write the
/// database has put them there.
pub(crate) struct SignedTrust {
    pub(crate) world: World,
    pub(crate) medium: Medium,
    pub(crate) acme: Party,
    pub(crate) vendor: Party,
    pub(crate) attacker: RawKey,
    /// Signed by `acme`.
    pub(crate) package: PathBuf,
    /// Signed by `vendor`.
    pub(crate) granted: PathBuf,
    /// Signed by the attacker. Its constructor writes the canary.
    pub(crate) hostile: PathBuf,
}

impl Subject for SignedTrust {
    async fn on(database: Database) -> Self {
        let world = World::on(database).await;
        let acme = Party::new(world.org("acme").await, "acme", 10);
        let vendor = Party::new(world.org("vendor").await, "vendor", 20);
        let attacker = RawKey::of_seed(99);
        world.keys.grant_trust(acme.org, vendor.org, TrustLimits::default()).await.unwrap();
        for (party, key) in [
            (&acme, acme.release),
            (&vendor, vendor.release),
            (&acme, attacker),
            (&vendor, attacker),
        ] {
            world.keys.trust_public_key(party.org, &key.verifying_key(), None, None).await.unwrap();
        }
        let package = world.package("libworkflow.so");
        let granted = world.package("libgranted.so");
        let hostile = world.hostile_package("libhostile.so");
        for (path, key) in
            [(&package, acme.release), (&granted, vendor.release), (&hostile, attacker)]
        {
            sign(path, key);
        }
        let medium = Medium::Store;
        let signed = Self { world, medium, acme, vendor, attacker, package, granted, hostile };
        fs::write(signed.root_file(), signed.acme.sign_root(&signed.acme.root(1))).unwrap();
        signed.plant(&signed.documents()).await;
        signed
    }
}

/// Puts a signature beside a package.
pub(crate) fn sign(path: &Path, key: RawKey) {
    let statement = package_statement(path).unwrap();
    let envelope = SignatureEnvelope::sign(&statement, &key.signing_key());
    fs::write(path.with_extension("so.sig"), envelope.to_json()).unwrap();
}

impl SignedTrust {
    /// What both have signed.
    pub(crate) fn documents(&self) -> Documents {
        self.with_statement(&self.acme_statement(1))
    }

    pub(crate) fn acme_statement(&self, version: u32) -> Value {
        let mut statement = self.acme.statement(version);
        statement["grants"] = json!([self.vendor.granted()]);
        statement
    }

    /// The same with another statement of `acme`, which its keys have signed.
    pub(crate) fn with_statement(&self, statement: &Value) -> Documents {
        BTreeMap::from([
            (self.acme.org, self.acme.documents(statement)),
            (self.vendor.org, self.vendor.documents(&self.vendor.statement(1))),
        ])
    }

    /// Puts documents into the store and into the bundle, past everything that checks them, for a
    /// host that has seen nothing yet.
    pub(crate) async fn plant(&self, documents: &Documents) {
        let _ = fs::remove_file(self.state_file());
        self.plant_over("", documents).await;
    }

    /// The same for a host that remembers what it has seen.
    pub(crate) async fn replace(&self, documents: &Documents) {
        self.plant_over("", documents).await;
    }

    /// The same for documents that are too large for the table, which a superuser may change.
    pub(crate) async fn plant_without_limits(&self, documents: &Documents) {
        let lift = match self.world.database.is_sqlite() {
            true => "PRAGMA ignore_check_constraints = ON;",
            false => {
                "DO $$ DECLARE name text; BEGIN
                 FOR name IN SELECT conname FROM pg_constraint
                     WHERE conrelid = 'cloacina.trust_documents'::regclass AND contype = 'c'
                 LOOP
                     EXECUTE format('ALTER TABLE cloacina.trust_documents DROP CONSTRAINT %I', name);
                 END LOOP; END $$;"
            }
        };
        let _ = fs::remove_file(self.state_file());
        self.plant_over(lift, documents).await;
    }

    async fn plant_over(&self, lift: &str, documents: &Documents) {
        let database = &self.world.database;
        // In one step, as a publication: a runner may be deciding meanwhile.
        let mut sql = format!("{lift}\nBEGIN;\nDELETE FROM trust_documents;\n");
        for (org, texts) in documents {
            let org = database.id(org.as_uuid());
            let mut row = |kind: TrustDocumentKind, version: u64, text: &str| {
                let text = text.replace('\'', "''");
                sql += &format!(
                    "INSERT INTO trust_documents (org_id, kind, version, envelope, created_at)
                     SELECT {org}, '{kind}', {version}, '{text}', created_at
                     FROM organizations WHERE id = {org};\n"
                );
            };
            for (place, root) in texts.roots.iter().enumerate() {
                row(TrustDocumentKind::Root, place as u64 + 1, root);
            }
            if let Some(statement) = &texts.statement {
                row(TrustDocumentKind::Statement, version_of(statement), statement);
            }
            if let Some(revocations) = &texts.revocations {
                row(TrustDocumentKind::Revocations, version_of(revocations), revocations);
            }
        }
        sql += "COMMIT;";
        database.execute(&sql).await.unwrap();
        fs::write(self.bundle_file(), self.bundle(documents).to_string()).unwrap();
    }

    /// The bundle of `acme` with these documents.
    pub(crate) fn bundle(&self, documents: &Documents) -> Value {
        let parsed = |text: &String| serde_json::from_str::<Value>(text).unwrap();
        let organizations = documents.iter().map(|(org, texts)| {
            let mut of_org = json!({ "id": org.to_string() });
            of_org["roots"] = texts.roots.iter().map(parsed).collect();
            if let Some(statement) = &texts.statement {
                of_org["statement"] = parsed(statement);
            }
            if let Some(revocations) = &texts.revocations {
                of_org["revocations"] = parsed(revocations);
            }
            of_org
        });
        json!({
            "type": "urn:cloacina:trust-bundle:v1",
            "organization": self.acme.org.to_string(),
            "organizations": organizations.collect::<Vec<_>>(),
        })
    }

    /// What the host remembers.
    pub(crate) fn state_file(&self) -> PathBuf {
        self.world.path("trust-state")
    }

    pub(crate) fn root_file(&self) -> PathBuf {
        self.world.path("acme-root.json")
    }

    pub(crate) fn bundle_file(&self) -> PathBuf {
        self.world.path("acme-trust.json")
    }

    /// The example runner loads the package and calls it.
    #[track_caller]
    pub(crate) fn accepts(&self, package: &Path) {
        let (code, output) = self.run(package);
        assert_eq!(code, Some(0), "{output}");
    }

    /// The example runner refuses the package for this reason, and none of its code runs.
    #[track_caller]
    pub(crate) fn refuses(&self, package: &Path, reason: &str) {
        let (code, output) = self.run(package);
        assert!(matches!(code, Some(1 | 2)), "{code:?} {output}");
        assert!(output.contains(reason), "expected {reason:?}, found: {output}");
        assert!(!self.canary().exists(), "the package's code has run: {output}");
    }

    /// Whether the hostile package's constructor has run.
    pub(crate) fn canary(&self) -> PathBuf {
        self.world.path("canary")
    }

    fn run(&self, package: &Path) -> (Option<i32>, String) {
        let mut command = Command::new(PROGRAMS.runner());
        command.arg("--require-signatures").arg("--trust-root").arg(self.root_file());
        command.arg("--state-file").arg(self.state_file());
        match self.medium {
            Medium::Store => {
                command.args(["--org", "acme", "--danger-allow-insecure-database"]);
                command.env("CLOACINA_DATABASE_URL", self.world.database.text());
            }
            Medium::Bundle => {
                command.arg("--trust-bundle").arg(self.bundle_file());
                command.env_remove("CLOACINA_DATABASE_URL");
            }
        }
        command.arg(package).env("CLOACINA_CANARY", self.canary()).stdin(Stdio::null());
        let output = command.output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&text).into_owned())
    }
}

/// Publishes an organization's first documents, by one key for every role.
pub(crate) async fn publish_first_documents(keys: &KeyManager, org: OrgId, key: &SigningKey) {
    let org = keys.store().organization(OrganizationRef::Id(org)).await.unwrap();
    let next_year = StatementTime::new(Utc::now() + TimeDelta::days(365)).unwrap();
    let role = || RoleKeys::new([key.fingerprint()], SignerCount::ONE).unwrap();
    let root = NextRoot {
        keys: vec![key.verifying_key()],
        roles: [role(), role(), role()],
        expires_at: next_year,
    };
    let plan = DocumentPlan::First {
        root,
        child_roots: BTreeMap::new(),
        expires: DocumentExpiries { statement: next_year, revocations: next_year },
    };
    let mut drafted = keys.draft_documents(&org, None, plan).await.unwrap();
    drafted.documents.sign(key).unwrap();
    let root = TrustRoot::from(drafted.documents.root().unwrap().digest());
    keys.publish_documents(&drafted.documents, &root.into()).await.unwrap();
}

/// Makes of each claim, an `async fn` over a [`SignedTrust`], three tests: with an edited
/// SQLite file, with a superuser's SQL on Postgres, and with an edited bundle.
macro_rules! with_signed_trust {
    ($($claim:ident),* $(,)?) => {
        crate::support::on_both_backends! { $($claim),* }
        mod by_a_bundle {
            use crate::support::{Backend, Medium, SignedTrust, run};

            $(#[test]
            fn $claim() {
                run(Backend::Sqlite, async |signed: SignedTrust| {
                    super::$claim(SignedTrust { medium: Medium::Bundle, ..signed }).await;
                });
            })*
        }
    };
}
pub(crate) use with_signed_trust;
