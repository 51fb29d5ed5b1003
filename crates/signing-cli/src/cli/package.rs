use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};
use signing_crypto::{PackageName, PackageVersion, StatementTime};
use signing_loader::{
    ClockSkewAllowance, OldReleases, RequiredSigners, SignerCount, VerificationConfig,
};

use super::Floor;
use super::named::{KeyReference, OrgReference, SignatureReference};
use super::resolve::{Resolve, Resolved};
use super::values::{self, RootSource, SignerArgs};
use crate::time;

#[derive(Subcommand)]
pub(crate) enum Package {
    /// Sign packages: write a .sig file beside each, or add to the existing one
    ///
    /// Without --key and --key-id, the organization's only key that can sign is used. The
    /// organization is CLOACINA_ORG, or the only one.
    Sign(Sign),
    /// Add a signature to those that packages have, for exactly what they state. Shows that, and
    /// asks
    Cosign(CosignPackages),
    /// Verify packages: exits with 0 if all are good, with 1 if one is refused
    Verify(VerifyPackages),
    /// Verify a package, and put it and its signature where a runner finds them: in one step, and
    /// only what was verified
    Install(InstallPackage),
    /// Show what a signature states, who signed it, and what a native package links against. The
    /// package itself is not verified
    Inspect {
        /// The package, or its .sig file
        #[arg(value_name = "PATH", required_unless_present = "signature")]
        path: Option<PathBuf>,

        /// The signature file
        #[arg(long, value_name = "FILE")]
        signature: Option<PathBuf>,

        /// Check it by the trust of this organization (name or id)
        #[arg(long)]
        org: Option<OrgReference>,

        /// Check it by the public key in this PEM file (may be repeated)
        #[arg(long, value_name = "PEM", conflicts_with = "org")]
        trust_key: Vec<PathBuf>,
    },
    /// List the signatures that an organization keeps in the store, and what they state. They are
    /// not verified
    List {
        /// The organization (name or id) [env: CLOACINA_ORG] [default: the only one]
        #[arg(long)]
        org: Option<OrgReference>,

        /// Only those that this key has made: its name, its fingerprint, or 4 or more digits at
        /// the beginning of its fingerprint or id
        #[arg(long, value_name = "KEY")]
        signed_by: Option<KeyReference>,
    },
    /// Remove signatures from the store; `package list` shows their ids
    Unstore {
        /// The signatures' ids, or 4 or more digits at the beginning of each
        #[arg(required = true, value_name = "SIGNATURE-ID")]
        ids: Vec<SignatureReference>,

        /// The organization whose signatures they are (name or id). A whole id needs none
        #[arg(long)]
        org: Option<OrgReference>,
    },
    /// The lowest versions that an organization accepts
    #[command(subcommand)]
    Floor(Floor),
}

#[derive(Args)]
#[command(group(ArgGroup::new("with").args(["key", "key_id"])))]
pub(crate) struct Sign {
    /// The packages
    #[arg(required = true, value_name = "PATH", value_parser = values::file())]
    pub(crate) paths: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) signer: Resolved<SignerArgs>,

    /// Sign under this name instead of the file's name
    #[arg(long)]
    pub(crate) name: Option<PackageName>,

    /// Sign as this version (Semantic Versioning)
    #[arg(long, value_name = "VERSION")]
    pub(crate) package_version: Option<PackageVersion>,

    /// The signature expires at this time (RFC 3339), at the beginning of this date (UTC), or
    /// after 12h, 30d or 8w
    #[arg(long, value_name = "TIME", value_parser = time::expiry)]
    pub(crate) expires: Option<StatementTime>,

    /// Write the signature to this file; for one package
    #[arg(long, value_name = "FILE", value_parser = values::file())]
    pub(crate) output: Option<PathBuf>,

    /// Keep the signature in the store, for the key's organization or --org, and write no
    /// file unless --output names one
    #[arg(long)]
    pub(crate) store: bool,

    /// The organization whose key of the store signs, or for which --store keeps the signature (name
    /// or id) [env: CLOACINA_ORG] [default: the key's, or the only one]
    #[arg(long)]
    pub(crate) org: Option<OrgReference>,

    /// Replace an existing signature file instead of adding to it
    #[arg(long)]
    pub(crate) force: bool,
}

/// Another signature for what a signature states
#[derive(Args)]
#[command(group(ArgGroup::new("with").args(["key", "key_id"]).required(true)))]
pub(crate) struct CosignPackages {
    /// The packages. Their signature files are added to, unless --store is given
    #[arg(required = true, value_name = "PATH", value_parser = values::file())]
    pub(crate) paths: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) signer: Resolved<SignerArgs>,

    #[command(flatten)]
    pub(crate) trust: TrustArgs,

    #[command(flatten)]
    pub(crate) package: PackageArgs,

    /// Add to the signatures that the store keeps for --org, and to no file
    #[arg(
        long,
        conflicts_with_all = ["trust_key", "trust_bundle", "signature", "danger_cosign_unverified"]
    )]
    pub(crate) store: bool,

    /// Sign although no trusted key may have signed: the program that wrote the signature file
    /// then decides which version and expiry you sign. The package's bytes are still compared
    #[arg(long, conflicts_with_all = ["org", "trust_key", "trust_root"])]
    pub(crate) danger_cosign_unverified: bool,

    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
}

/// What the path of a package does not say
#[derive(Args)]
pub(crate) struct PackageArgs {
    /// Expect this name instead of the file's name; for one package
    #[arg(long)]
    pub(crate) name: Option<PackageName>,

    /// The signature file; for one package
    #[arg(long, value_name = "FILE")]
    pub(crate) signature: Option<PathBuf>,
}

/// Whom a package is verified by
#[derive(Args)]
#[command(group(ArgGroup::new("by").args(["org", "trust_key", "trust_bundle"])))]
pub(crate) struct TrustArgs {
    /// Verify by the trust of this organization (name or id) [env: CLOACINA_ORG]
    /// [default: the only one, unless there is --trust-key or --trust-bundle]
    #[arg(long)]
    pub(crate) org: Option<OrgReference>,

    /// Verify by the public key in this PEM file (may be repeated). No store is asked, so
    /// revocations are not known
    #[arg(long, value_name = "PEM", conflicts_with = "org")]
    pub(crate) trust_key: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) signed: SignedTrustArgs,
}

#[derive(Args)]
pub(crate) struct VerifyPackages {
    /// The packages. Of a directory, everything in it and below but signatures
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) trust: TrustArgs,

    #[command(flatten)]
    pub(crate) package: PackageArgs,

    #[command(flatten)]
    pub(crate) requirements: Resolved<RequirementArgs>,

    /// Of directories that cloacina package install has filled, verify what their links lead to, and
    /// leave the other releases out
    #[arg(long, conflicts_with_all = ["name", "signature"])]
    pub(crate) installed: bool,

    /// Show which signatures were found, which of them count and why, and which rule refused
    /// the package
    #[arg(long)]
    pub(crate) explain: bool,
}

#[derive(Args)]
pub(crate) struct InstallPackage {
    /// The package
    #[arg(value_name = "PATH")]
    pub(crate) path: PathBuf,

    /// Install it in this directory, which only you and root may write to: as DIR/NAME/NAME, with
    /// its signature beside it
    #[arg(long, value_name = "DIR")]
    pub(crate) to: PathBuf,

    #[command(flatten)]
    pub(crate) trust: TrustArgs,

    #[command(flatten)]
    pub(crate) package: PackageArgs,

    #[command(flatten)]
    pub(crate) requirements: Resolved<RequirementArgs>,

    /// Install it although a higher version, or the same with other bytes, is installed
    #[arg(long)]
    pub(crate) danger_allow_downgrade: bool,

    /// Keep the newest N earlier releases of this package, 1 or more, and remove the others
    /// [default: all are kept]
    #[arg(long, value_name = "N", value_parser = values::old_releases)]
    pub(crate) keep: Option<OldReleases>,
}

/// What is asked of a package
#[derive(Args)]
pub(crate) struct RequirementArgs {
    /// How many distinct trusted keys must have signed, 1 to 16
    #[arg(long, value_name = "N", default_value_t = SignerCount::ONE)]
    required_signers: SignerCount,

    /// Count distinct organizations instead of keys
    #[arg(long, requires = "required_signers", conflicts_with = "trust_key")]
    distinct_orgs: bool,

    /// For how many seconds after its expiry a signature, or trust in a key, still counts, 0
    /// to 300
    #[arg(long, value_name = "SECONDS", default_value = "0")]
    clock_skew_allowance: ClockSkewAllowance,
}

impl Resolve for RequirementArgs {
    type To = VerificationConfig;

    fn resolve(self) -> Result<VerificationConfig, clap::Error> {
        let required_signers = match self.distinct_orgs {
            true => RequiredSigners::Organizations(self.required_signers),
            false => RequiredSigners::Keys(self.required_signers),
        };
        let clock_skew_allowance = self.clock_skew_allowance;
        Ok(VerificationConfig { required_signers, clock_skew_allowance, ..Default::default() })
    }
}

/// Trust that an organization's root keys have signed.
#[derive(Args)]
pub(crate) struct SignedTrustArgs {
    /// Believe only what was signed from this root document: its file, or its digest
    #[arg(long, value_name = "FILE|DIGEST", conflicts_with = "trust_key")]
    pub(crate) trust_root: Option<RootSource>,

    /// Verify by this bundle of signed documents. No store is asked, so later revocations are
    /// not known
    #[arg(
        long,
        value_name = "FILE",
        requires = "trust_root",
        conflicts_with_all = ["org", "trust_key"]
    )]
    pub(crate) trust_bundle: Option<PathBuf>,

    /// Refuse signed trust that is older than what this file remembers, and remember this
    #[arg(long, value_name = "FILE", requires = "trust_root")]
    pub(crate) state_file: Option<PathBuf>,
}
