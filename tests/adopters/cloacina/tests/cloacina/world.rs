//! cloacina with a package, and a store that says whom an organization trusts.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use adopter_cloacina::VerifiedRegistry;
use cloacina::Database;
use cloacina::dal::{DAL, UnifiedRegistryStorage};
use cloacina::registry::{WorkflowPackageId, WorkflowRegistry, WorkflowRegistryImpl};
use diesel::RunQueryDsl;
use diesel::sql_types::Binary;
use signing_loader::{
    KeyManager, OrgId, PackagePath, SignedTerms, SigningKey, Store, Verifier, package_statement,
    sign_statement,
};
use tempfile::TempDir;

pub(crate) const PACKAGE: &str = "etl";
pub(crate) const VERSION: &str = "1.2.0";
pub(crate) const ARCHIVE: &str = "etl.cloacina";
pub(crate) const LIBRARY: &str = "etl.so";

pub(crate) struct World {
    /// What cloacina's database holds about the package before anyone changes that.
    pub(crate) archive: Vec<u8>,
    pub(crate) library: Vec<u8>,
    pub(crate) package: WorkflowPackageId,
    /// A key that the organization trusts.
    pub(crate) release: SigningKey,
    pub(crate) org: OrgId,
    pub(crate) keys: KeyManager,
    directory: TempDir,
    database: Database,
}

impl World {
    /// The package is installed, and nobody has signed it.
    pub(crate) async fn unsigned() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = format!("sqlite:{}", directory.path().join("trust.db").display());
        let (store, _) = Store::migrate(&store.parse().unwrap()).await.unwrap();
        let keys = KeyManager::new(store, None);
        let org = keys.create_organization("acme".parse().unwrap()).await.unwrap().id;
        let release = SigningKey::generate().unwrap();
        keys.trust_public_key(org, &release.verifying_key(), None, None).await.unwrap();

        let database = Database::new(&url(&directory), "cloacina", 1);
        database.run_migrations().await.unwrap();
        let (archive, library) = (archive(&directory), fs::read(library()).unwrap());
        let package = install(&database, &archive, &library).await;
        Self { archive, library, package, release, org, keys, directory, database }
    }

    /// The package is installed, and a trusted key has signed all of it.
    pub(crate) async fn signed() -> Self {
        let world = Self::unsigned().await;
        world.sign_package(&world.release).await;
        world
    }

    pub(crate) async fn sign_package(&self, key: &SigningKey) {
        self.sign(ARCHIVE, VERSION, &self.archive, key).await;
        self.sign(LIBRARY, VERSION, &self.library, key).await;
    }

    /// As `cloacina package sign --name NAME --package-version VERSION --store`.
    pub(crate) async fn sign(&self, name: &str, version: &str, bytes: &[u8], key: &SigningKey) {
        let path = self.directory.path().join("to be signed");
        fs::write(&path, bytes).unwrap();
        let path = PackagePath::new(path).expect_name(name.parse().unwrap());
        let terms = SignedTerms { version: Some(version.parse().unwrap()), expires_at: None };
        let statement = terms.apply(package_statement(path).unwrap());
        let signature = sign_statement(&statement, key).unwrap();
        self.keys.store_signature(self.org, &signature).await.unwrap();
    }

    /// The trusted key is no longer trusted.
    pub(crate) async fn revoke(&self) {
        for key in self.keys.store().own_trusted_keys(self.org).await.unwrap() {
            self.keys.revoke_trusted_key(key.id, Default::default()).await.unwrap();
        }
    }

    /// Somebody who can write cloacina's database replaces the library.
    pub(crate) async fn replace_library(&self, bytes: &[u8]) {
        self.write("UPDATE workflow_packages SET compiled_data = ?", bytes).await;
    }

    /// Somebody who can write cloacina's database replaces the archive.
    pub(crate) async fn replace_archive(&self, bytes: &[u8]) {
        self.write("UPDATE workflow_registry SET data = ?", bytes).await;
    }

    /// Somebody who can write cloacina's database renames the package.
    pub(crate) async fn rename(&self, name: &str) {
        let rename = "UPDATE workflow_packages SET package_name = CAST(? AS TEXT)";
        self.write(rename, name.as_bytes()).await;
    }

    /// Somebody who can write cloacina's database adds a signature, in cloacina's own table, that
    /// nobody has made.
    pub(crate) async fn insert_false_signature(&self, package_hash: &str) {
        let insert = "INSERT INTO package_signatures \
                      (id, package_hash, key_fingerprint, signature, signed_at) \
                      VALUES (randomblob(16), CAST(? AS TEXT), '', '', '2026-01-01T00:00:00Z')";
        self.write(insert, package_hash.as_bytes()).await;
    }

    async fn write(&self, statement: &'static str, bytes: &[u8]) {
        let bytes = bytes.to_vec();
        let write = move |connection: &mut _| {
            diesel::sql_query(statement).bind::<Binary, _>(bytes).execute(connection)
        };
        let connection = self.database.get_sqlite_connection().await.unwrap();
        assert_eq!(connection.interact(write).await.unwrap().unwrap(), 1);
    }

    pub(crate) fn dal(&self) -> DAL {
        DAL::new(self.database.clone())
    }

    /// cloacina's own registry.
    pub(crate) fn registry(&self) -> WorkflowRegistryImpl<UnifiedRegistryStorage> {
        registry(&self.database)
    }

    pub(crate) async fn verified_registry(&self) -> impl WorkflowRegistry + use<> {
        VerifiedRegistry::new(self.registry(), self.verifier().await)
    }

    pub(crate) async fn verifier(&self) -> Verifier<signing_loader::Online> {
        Verifier::organization(self.keys.clone(), "acme".parse().unwrap()).await.unwrap()
    }

    /// Of cloacina's database.
    pub(crate) fn url(&self) -> String {
        url(&self.directory)
    }
}

/// The library as somebody else would have built it: it does the same, and is another file.
pub(crate) fn other_build(library: &[u8]) -> Vec<u8> {
    [library, b"\0"].concat()
}

fn url(directory: &TempDir) -> String {
    format!("sqlite://{}", directory.path().join("cloacina.db").display())
}

fn registry(database: &Database) -> WorkflowRegistryImpl<UnifiedRegistryStorage> {
    DAL::new(database.clone()).workflow_registry(UnifiedRegistryStorage::new(database.clone()))
}

/// As cloacina's server does, and then its compiler service.
async fn install(database: &Database, archive: &[u8], library: &[u8]) -> WorkflowPackageId {
    let mut registry = registry(database);
    let package = registry.register_workflow(archive.to_vec()).await.unwrap();
    registry.claim_next_build().await.unwrap().unwrap();
    registry.mark_build_success(package, library.to_vec()).await.unwrap();
    package
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("etl")
}

/// As cloacina's program packs it.
fn archive(directory: &TempDir) -> Vec<u8> {
    let path = directory.path().join("etl-1.2.0.cloacina");
    fidius_core::package::pack_package(&source(), Some(&path)).unwrap();
    fs::read(path).unwrap()
}

/// Where the package's library is. The first to ask builds it, beside this test.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let own = std::env::current_exe().unwrap();
        let target = own.ancestors().nth(3).unwrap();
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--locked", "--package", PACKAGE, "--target-dir"])
            .arg(target)
            .current_dir(source())
            .output()
            .unwrap();
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        target.join("debug/libetl.so")
    })
}
