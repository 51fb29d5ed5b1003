//! An organization that is trusted for some packages, whose package has the SONAME of another.

use signing_crypto::PackagePatterns;
use signing_trust::TrustLimits;

use super::*;

on_both_backends! {
    package_of_a_granted_name_does_not_take_the_soname_of_another,
    soname_that_another_verifier_accepted_is_not_provided,
    soname_within_the_grant_is_provided,
    floor_of_the_soname_counts_too,
}

/// `acme`, which trusts what `vendor` signs as `etl-*`.
struct Granted {
    acme: Vendor,
    vendor: Vendor,
    /// The SONAME of acme's own library, which no other test's is.
    soname: String,
}

impl Granted {
    async fn new(world: &World) -> Self {
        let (acme, vendor) = (world.vendor("acme").await, world.vendor("vendor").await);
        let packages = PackagePatterns::new(vec!["etl-*".into()]).unwrap();
        let limits = TrustLimits { packages: Some(packages), expires_at: None };
        world.keys.grant_trust(acme.org, vendor.org, limits).await.unwrap();
        let soname = format!("libcore-{}.so.1", acme.org);
        Self { acme, vendor, soname }
    }

    /// Compiles a library that answers `number`, and loads it for acme.
    async fn load(&self, world: &World, signer: &Vendor, file: &str, soname: &str, number: u8) {
        self.try_load(world, signer, file, soname, number).await.unwrap();
    }

    async fn try_load(
        &self,
        world: &World,
        signer: &Vendor,
        file: &str,
        soname: &str,
        number: u8,
    ) -> Result<LoadedPackage, PackageError> {
        let path = helping(world, file, soname, number);
        self.load_signed(world, signer, &path).await
    }

    /// The same with acme's SONAME, signed by the vendor and loaded by what the vendor trusts.
    async fn load_by_vendor(&self, world: &World, file: &str, number: u8) {
        let path = helping(world, file, &self.soname, number);
        let source = signed(world, &self.vendor, &path).await;
        world.load(&path, self.vendor.org, source).await.unwrap();
    }

    /// Acme's package that needs what was compiled as `file`.
    async fn load_needing(&self, world: &World, file: &str) -> Result<LoadedPackage, PackageError> {
        let package = compile(world, "needs.so", NEEDS_HELP, &["-L.", &format!("-l:{file}")]);
        self.load_signed(world, &self.acme, &package).await
    }

    async fn load_signed(
        &self,
        world: &World,
        signer: &Vendor,
        path: &Path,
    ) -> Result<LoadedPackage, PackageError> {
        let source = signed(world, signer, path).await;
        world.load(path, self.acme.org, source).await
    }
}

fn helping(world: &World, file: &str, soname: &str, number: u8) -> PathBuf {
    let source = format!("int help(void) {{ return {number}; }} char id[] = {soname:?};\n");
    compile(world, file, &source, &[&format!("-Wl,-soname,{soname}")])
}

async fn package_of_a_granted_name_does_not_take_the_soname_of_another(world: World) {
    let granted = Granted::new(&world).await;
    let soname = &granted.soname;
    let refused = granted.try_load(&world, &granted.vendor, "etl-x.so", soname, 13).await;
    assert_refused!(
        refused,
        PackageError::Load(LoadError::Soname { name, source })
            if name.as_str() == soname
                && matches!(
                    *source,
                    PackageError::Verification(VerificationError::UntrustedSigner {
                        reason: UntrustedReason::OtherPackages { .. },
                        ..
                    })
                )
    );
    // So it is in nobody's way.
    granted.load(&world, &granted.acme, soname, soname, 1).await;
    granted.load_needing(&world, soname).await.unwrap();
}

/// Another verifier of the process trusts it for every name, and has loaded it.
async fn soname_that_another_verifier_accepted_is_not_provided(world: World) {
    let granted = Granted::new(&world).await;
    granted.load_by_vendor(&world, "etl-x.so", 13).await;
    assert_refused!(
        granted.load_needing(&world, "etl-x.so").await,
        PackageError::Load(LoadError::Dependency { name, provider, source })
            if (name.as_str(), provider.as_str()) == (&*granted.soname, "etl-x.so")
                && matches!(
                    *source,
                    PackageError::Verification(VerificationError::UntrustedSigner {
                        reason: UntrustedReason::OtherPackages { .. },
                        ..
                    })
                )
    );
    // The linker would take it, whichever is meant.
    let soname = &granted.soname;
    granted.load(&world, &granted.acme, soname, soname, 1).await;
    assert_refused!(
        granted.load_needing(&world, soname).await,
        PackageError::Load(LoadError::Library(LibraryError::DependencyReplaced { name }))
            if name.as_str() == soname
    );
}

async fn soname_within_the_grant_is_provided(world: World) {
    let granted = Granted::new(&world).await;
    let soname = format!("etl-core-{}.so", granted.acme.org);
    // Under another file name than its SONAME, which the grant covers as well.
    granted.load(&world, &granted.vendor, "etl-y.so", &soname, 1).await;
    granted.load_needing(&world, "etl-y.so").await.unwrap();
    // Acme's own keys are trusted for every name.
    granted.load(&world, &granted.acme, "core-1.so", &granted.soname, 1).await;
    granted.load_needing(&world, "core-1.so").await.unwrap();
}

async fn floor_of_the_soname_counts_too(world: World) {
    let granted = Granted::new(&world).await;
    granted.load(&world, &granted.acme, "core-1.so", &granted.soname, 1).await;
    let name: PackageName = granted.soname.parse().unwrap();
    let floor = "1.2.0".parse().unwrap();
    world.keys.set_version_floor(granted.acme.org, &name, Some(floor)).await.unwrap();
    let is_below = |source: &PackageError| {
        matches!(source, PackageError::Verification(VerificationError::VersionBelowFloor { .. }))
    };
    assert_refused!(
        granted.load_needing(&world, "core-1.so").await,
        PackageError::Load(LoadError::Dependency { source, .. }) if is_below(&source)
    );
    assert_refused!(
        granted.try_load(&world, &granted.acme, "core-2.so", &granted.soname, 2).await,
        PackageError::Load(LoadError::Soname { source, .. }) if is_below(&source)
    );
}
