use std::time::Duration;

use signing_crypto::OrgId;
use signing_trust::acceptance::ClockSkewAllowance;
use signing_trust::store::{DatabaseUrl, Store};
use signing_trust::{Freshness, KeyManager, Signers, TrustError};

use super::{Vendor, World, until};

/// So long that only being told can explain that a program knows.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// Much longer than it takes to be told, and much shorter than [`LONG`].
pub(crate) const SOON: Duration = Duration::from_secs(10);

/// A bound within which only Postgres tells, and else the shortest that is sensible.
pub(crate) fn bound(world: &World) -> Duration {
    if world.database.is_sqlite() { Duration::from_millis(1500) } else { LONG }
}

/// A program with a pool of its own, which decides about the key of one vendor.
pub(crate) struct Runner {
    pub(crate) keys: KeyManager,
    pub(crate) org: OrgId,
    pub(crate) signers: Signers,
}

impl Runner {
    pub(crate) async fn start(
        url: &DatabaseUrl,
        org: OrgId,
        vendor: &Vendor,
        freshness: Freshness,
    ) -> Self {
        let store = Store::open(url).await.unwrap();
        let keys = KeyManager::new(store, None).with_freshness(freshness);
        Self { keys, org, signers: Signers::one(vendor.key.fingerprint) }
    }

    pub(crate) async fn strict(world: &World, vendor: &Vendor) -> Self {
        Self::start(&world.database.url(), vendor.org, vendor, Freshness::Strict).await
    }

    pub(crate) async fn bounded(world: &World, vendor: &Vendor) -> Self {
        let freshness = Freshness::Bounded(bound(world));
        let runner = Self::start(&world.database.url(), vendor.org, vendor, freshness).await;
        runner.remembers(world, true).await;
        runner
    }

    /// Whether the vendor's key is accepted.
    pub(crate) async fn decide(&self) -> Result<bool, TrustError> {
        let name = "package.so".parse().unwrap();
        let decision =
            self.keys.decide(self.org, &self.signers, &name, ClockSkewAllowance::NONE).await?;
        Ok(decision.trusted().next().is_some())
    }

    /// Waits until it gives this answer without asking the store.
    pub(crate) async fn remembers(&self, world: &World, expected: bool) {
        until(SOON, "it answers from memory", async || {
            let asked = self.decide().await;
            hide(world, true).await;
            let remembered = self.decide().await;
            hide(world, false).await;
            matches!((asked, remembered), (Ok(asked), Ok(found))
                if asked == expected && found == expected)
        })
        .await;
    }

    /// Waits until it refuses, and asserts that it does from then on.
    pub(crate) async fn refuses_within(&self, limit: Duration) {
        until(limit, "it refuses", async || !matches!(self.decide().await, Ok(true))).await;
        for _ in 0..100 {
            assert!(!matches!(self.decide().await, Ok(true)), "it accepts again");
        }
    }
}

/// Makes every question fail, or ends that. A heartbeat that fails meanwhile makes a
/// program forget, so it must not last.
pub(crate) async fn hide(world: &World, hidden: bool) {
    rename(world, "store_state", hidden).await;
}

/// Makes every question about a key fail, and no heartbeat, or ends that.
pub(crate) async fn hide_keys(world: &World, hidden: bool) {
    rename(world, "trusted_keys", hidden).await;
}

async fn rename(world: &World, table: &str, hidden: bool) {
    let names = [table.to_owned(), format!("{table}_hidden")];
    let [from, to] = if hidden { [&names[0], &names[1]] } else { [&names[1], &names[0]] };
    let sql = match world.database.is_sqlite() {
        true => format!("ALTER TABLE {from} RENAME TO {to}"),
        // Where there is no table of that name, the view would be found.
        false => format!(
            "ALTER TABLE cloacina.{from} RENAME TO {to};
             ALTER VIEW cloacina_views.{from} RENAME TO {to}"
        ),
    };
    world.database.execute(&sql).await.unwrap();
}
