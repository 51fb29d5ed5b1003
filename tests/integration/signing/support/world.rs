use std::ffi::CStr;
use std::fs;
use std::path::{Path, PathBuf};

use signing_crypto::{
    DocumentVersion, Fingerprint, KeyEncryptionKey, OrgId, SignatureEnvelope, TrustDocumentKind,
};
use signing_loader::{
    LoadError, LoadedPackage, Online, PackageError, SecurityConfig, SignatureSource,
    VerificationConfig, VerifiedPackage, package_statement, verify_and_load_package,
    verify_package,
};
use signing_trust::KeyManager;
use signing_trust::store::{
    NewTrustDocument, RolePurpose, SigningKeyRecord, Store, TrustedKeyRecord,
};
use zeroize::Zeroizing;

use super::{Database, Role, hostile, workflow};

/// A store with its keys, and a directory for packages.
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) keys: KeyManager,
    pub(crate) config: VerificationConfig,
    pub(crate) require_signatures: bool,
    pub(crate) database: Database,
}

impl World {
    pub(crate) async fn on(database: Database) -> Self {
        let (store, _) = Store::migrate(&database.url()).await.unwrap();
        let keys = KeyManager::new(store.clone(), Some(kek(1)));
        let config = VerificationConfig::default();
        Self { store, keys, config, require_signatures: true, database }
    }

    pub(crate) async fn org(&self, name: &str) -> OrgId {
        self.keys.create_organization(name.parse().unwrap()).await.unwrap().id
    }

    pub(crate) async fn key(&self, org: OrgId, name: &str) -> SigningKeyRecord {
        self.keys.create_signing_key(org, name.parse().unwrap()).await.unwrap()
    }

    pub(crate) async fn trust(&self, org: OrgId, key: &SigningKeyRecord) -> TrustedKeyRecord {
        let name = Some(key.name.clone());
        self.keys.trust_public_key(org, &key.public_key, name, None).await.unwrap().into_inner()
    }

    /// A new Postgres role with the rights of `purpose` on this world's database.
    pub(crate) async fn role(&self, purpose: RolePurpose) -> Role {
        Role::create(&self.database, &self.store, purpose).await
    }

    /// The world as a program that connects as `role` sees it.
    pub(crate) async fn seen_by(&self, role: &Role) -> Self {
        let store = Store::open(&role.login.url("")).await.unwrap();
        let keys = KeyManager::new(store.clone(), Some(kek(1)));
        let (config, database) = (self.config.clone(), self.database.clone());
        Self { store, keys, config, require_signatures: self.require_signatures, database }
    }

    /// With the switch that only the call has which verifies and loads.
    pub(crate) fn security(&self) -> SecurityConfig {
        SecurityConfig {
            require_signatures: self.require_signatures,
            verification: self.config.clone(),
            ..Default::default()
        }
    }

    /// A place in the test's own directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.database.directory.join(name)
    }

    /// A file with this content.
    pub(crate) fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// The package that answers in upper case.
    pub(crate) fn package(&self, name: &str) -> PathBuf {
        self.file(name, &fs::read(workflow()).unwrap())
    }

    /// The package that must never be loaded.
    pub(crate) fn hostile_package(&self, name: &str) -> PathBuf {
        self.file(name, &fs::read(hostile()).unwrap())
    }

    pub(crate) async fn sign(&self, path: &Path, key: &SigningKeyRecord) -> SignatureEnvelope {
        self.keys.sign_statement(key.id, &package_statement(path).unwrap()).await.unwrap()
    }

    pub(crate) async fn verify(
        &self,
        path: &Path,
        org: OrgId,
        source: SignatureSource,
    ) -> Result<VerifiedPackage<Online>, PackageError> {
        verify_package(path, org, &self.config, &self.keys, source).await
    }

    /// Who signed a package that verifies.
    pub(crate) async fn signer(
        &self,
        path: &Path,
        org: OrgId,
        source: SignatureSource,
    ) -> Fingerprint {
        self.verify(path, org, source).await.unwrap().report().signer()
    }

    pub(crate) async fn load(
        &self,
        path: &Path,
        org: OrgId,
        source: SignatureSource,
    ) -> Result<LoadedPackage, PackageError> {
        verify_and_load_package(path, org, &self.security(), &self.keys, source).await
    }
}

/// One of 256 key encryption keys.
pub(crate) fn kek(which: u8) -> KeyEncryptionKey {
    KeyEncryptionKey::from_bytes(Zeroizing::new([which; 32]))
}

/// A document, which the store does not read.
pub(crate) fn trust_document(kind: TrustDocumentKind, version: u32) -> NewTrustDocument {
    let version = DocumentVersion::new(version).unwrap();
    NewTrustDocument { kind, version, envelope: format!("{kind} {version}") }
}

type WorkflowRun = unsafe extern "C" fn(*const u8, usize, *mut u8, *mut usize) -> i32;

/// The function that a package exports under this name.
#[expect(unsafe_code, reason = "a symbol's type is not written in the package")]
pub(crate) fn entry_point(package: &LoadedPackage, name: &CStr) -> Result<WorkflowRun, LoadError> {
    // SAFETY: Both fixtures export `workflow_run` with this signature, and nothing
    // else that the tests ask for.
    unsafe { package.symbol(name) }
}

/// What a package makes of an input.
#[expect(unsafe_code, reason = "the entry point is C")]
pub(crate) fn call(package: &LoadedPackage, input: &[u8]) -> Vec<u8> {
    let workflow_run = entry_point(package, c"workflow_run").unwrap();
    let mut output = vec![0; input.len()];
    let mut length = output.len();
    // SAFETY: The pointers are valid for the lengths given with them, and the
    // fixtures use them during the call only.
    let status =
        unsafe { workflow_run(input.as_ptr(), input.len(), output.as_mut_ptr(), &raw mut length) };
    assert_eq!((status, length), (0, input.len()));
    output
}
