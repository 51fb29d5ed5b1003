use chrono::{DateTime, TimeDelta, Utc};
use signing_loader::ClockSkewAllowance;
use signing_trust::store::{AuditFilter, DatabaseUrl};
use signing_trust::{TrustError, TrustReader};

use super::check::Checks;
use crate::time::Time;

/// By how much two clocks may differ without a word.
const TOLERATED: TimeDelta = TimeDelta::seconds(5);

const SET_CLOCK: &str = "let a time service set both clocks: timedatectl set-ntp true";

pub(super) async fn check(
    url: Option<&DatabaseUrl>,
    keys: Option<&TrustReader>,
    checks: &mut Checks,
) {
    let (Some(url), Some(keys)) = (url, keys) else {
        return checks.not_checked("clock", "there is no store to compare it with");
    };
    match url.is_postgres() {
        true => beside_the_server(keys, checks).await,
        false => beside_the_log(keys, checks).await,
    }
}

/// This machine's clock, and the server's.
async fn beside_the_server(keys: &TrustReader, checks: &mut Checks) {
    let before = Utc::now();
    let Some(heartbeat) = checks.read("clock", keys.store().heartbeat().await) else { return };
    match heartbeat.as_of {
        Some(server) => compare(before, server, Utc::now(), checks),
        None => checks.not_checked("clock", "the server did not report its time"),
    }
}

/// The server has read its clock between the two.
fn compare(
    before: DateTime<Utc>,
    server: DateTime<Utc>,
    after: DateTime<Utc>,
    checks: &mut Checks,
) {
    let (ahead, behind) = (server - after, before - server);
    let (difference, which) = match ahead > behind {
        true => (ahead, "behind"),
        false => (behind, "ahead of"),
    };
    if difference <= TOLERATED {
        return checks.ok("clock", "this machine's and the server's agree");
    }
    let seconds = difference.num_seconds();
    let what = format!("this machine's is {seconds} seconds {which} the server's");
    let is_too_much = |off| off > ClockSkewAllowance::MAX.as_duration();
    match difference.to_std().is_ok_and(is_too_much) {
        true => checks.problem("clock", what, SET_CLOCK),
        false => checks.warning("clock", what, SET_CLOCK),
    }
}

/// A SQLite store has no clock. But what is in its log has happened.
async fn beside_the_log(keys: &TrustReader, checks: &mut Checks) {
    match newest_entry(keys).await {
        Err(error) => checks.error("clock", &error.into()),
        Ok(None) => {
            checks.not_checked("clock", "the store records no change to compare the clock with");
        }
        Ok(Some(newest)) if newest - Utc::now() > TOLERATED => checks.problem(
            "clock",
            format!("it shows a time before the store's last change, {}", Time(newest)),
            "find out which is wrong, this machine's clock or the one of who changed the store: \
             what has expired counts again while a clock is behind",
        ),
        Ok(Some(_)) => checks.ok("clock", "it is not behind the store's last change"),
    }
}

async fn newest_entry(keys: &TrustReader) -> Result<Option<DateTime<Utc>>, TrustError> {
    let (filter, mut newest) = (AuditFilter::default(), None);
    for org in keys.store().organizations().await? {
        let last = keys.store().newest_audit_entries(org.id, &filter, 1).await?;
        let entries = keys.store().audit_page(org.id, &filter, last.unwrap_or_default()).await?;
        newest = newest.max(entries.last().map(|entry| entry.occurred_at));
    }
    Ok(newest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::check::{DoctorView, Verdict};

    #[test]
    fn clocks_that_agree_are_told_from_those_that_do_not() {
        let now = Utc::now();
        for (seconds, verdict) in [
            (0, Verdict::Ok),
            (4, Verdict::Ok),
            (-4, Verdict::Ok),
            (60, Verdict::Warning),
            (-60, Verdict::Warning),
            (600, Verdict::Problem),
            (-600, Verdict::Problem),
        ] {
            let mut checks = Checks::default();
            let server = now + TimeDelta::seconds(seconds);
            compare(now, server, now + TimeDelta::milliseconds(2), &mut checks);
            assert!(DoctorView::of(&checks).is_only(verdict), "{seconds}");
        }
    }
}
