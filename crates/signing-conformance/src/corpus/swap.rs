//! Packages that change while the host verifies and loads them.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, symlink};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::watch::{Moment, Watch};
use super::{Case, Severity, hostile, trusted};
use crate::bench::{Bench, Package, copy, rename};
use crate::error::KitError;
use crate::host::Signer;
use crate::observed::{Finding, Observed};

/// A host that verifies a path and opens it again is caught between the two. How often it has
/// opened the file by then is not known, so each round tries another moment.
const MOMENTS: [Moment; 6] = [
    Moment::Opened(1),
    Moment::Closed(1),
    Moment::Opened(2),
    Moment::Closed(2),
    Moment::Opened(3),
    Moment::Closed(3),
];

const MUST: &str = "refuse, or run what was signed";

pub(super) const CASES: &[Case] = &[
    Case {
        id: "swap-rename",
        attack: "another file is renamed to the package while it is verified",
        must: MUST,
        severity: Severity::Critical,
        weakness: "CWE-367",
        needs: None,
        run: |bench| race(bench, |scene| rename(&scene.hostile, &scene.package.path)),
    },
    Case {
        id: "swap-directory-link",
        attack: "a link in the package's path is changed while it is verified",
        must: MUST,
        severity: Severity::Critical,
        weakness: "CWE-367",
        needs: None,
        run: directory_link,
    },
    Case {
        id: "swap-hard-link",
        attack: "two hard links change places without a pause during verification",
        must: MUST,
        severity: Severity::Critical,
        weakness: "CWE-367",
        needs: None,
        run: hard_links,
    },
    Case {
        id: "rewrite-in-place",
        attack: "the package is overwritten while it is verified",
        must: MUST,
        severity: Severity::Critical,
        weakness: "CWE-367",
        needs: None,
        run: |bench| race(bench, Scene::overwrite),
    },
];

/// A signed package, and a hostile one on the same file system.
struct Scene {
    package: Package,
    hostile: PathBuf,
    /// Where the hostile one differs, and how.
    pages: Vec<(u64, Vec<u8>)>,
}

impl Scene {
    fn set(bench: &Bench<'_>) -> Result<Self, KitError> {
        const PAGE: usize = 4096;
        let package = bench.signed(&trusted().large(), Signer::Trusted)?;
        let made = bench.workshop.make(&hostile().large())?;
        let hostile = package.directory.join("hostile");
        fs::hard_link(&made, &hostile).map_err(KitError::file("link", &hostile))?;
        let old = fs::read(&package.path).map_err(KitError::file("read", &package.path))?;
        let new = fs::read(&hostile).map_err(KitError::file("read", &hostile))?;
        let pages = new.chunks(PAGE).zip(old.chunks(PAGE)).enumerate();
        let pages = pages.filter(|(_, (new, old))| new != old);
        let pages = pages.map(|(number, (new, _))| ((number * PAGE) as u64, new.to_vec()));
        Ok(Self { pages: pages.collect(), package, hostile })
    }

    /// Makes the package equal to the hostile one by writing only what differs, so that it is
    /// done at once.
    fn overwrite(&self) -> Result<(), KitError> {
        let path = &self.package.path;
        let written = File::options().write(true).open(path).and_then(|file| {
            self.pages.iter().try_for_each(|(at, page)| file.write_all_at(page, *at))
        });
        written.map_err(KitError::file("overwrite", path))
    }
}

/// What the rounds of a race have shown.
#[derive(Default)]
struct Tally {
    swapped: u32,
    attackers: u32,
    refused: u32,
    other: Option<String>,
}

impl Tally {
    fn add(&mut self, round: u32, observed: &Observed, swapped: bool) {
        self.swapped += u32::from(swapped);
        self.attackers += u32::from(observed.ran("hostile"));
        match observed.may_only_run(&["trusted"]) {
            Finding::Held(_) if observed.ran("trusted") => {}
            Finding::Held(_) => self.refused += 1,
            _ if observed.ran("hostile") => {}
            Finding::Broken(what) => {
                self.other.get_or_insert(format!("round {round}: {what}"));
            }
            Finding::NotApplicable(_) | Finding::Undecided(_) => {}
        }
    }

    fn finding(self, rounds: u32) -> Finding {
        if self.attackers > 0 {
            return Finding::Broken(format!(
                "the attacker's code ran in {} of {rounds} rounds",
                self.attackers
            ));
        }
        if let Some(what) = self.other {
            return Finding::Broken(what);
        }
        if self.swapped == 0 {
            return Finding::Undecided("the host was never seen to open the package".into());
        }
        Finding::Held(format!(
            "swapped in {} of {rounds} rounds: refused in {}, the signed code ran in {}",
            self.swapped,
            self.refused,
            rounds - self.refused
        ))
    }
}

/// In each round, `swap` acts at another moment of the host's work.
fn race(
    bench: &Bench<'_>,
    swap: impl Fn(&Scene) -> Result<(), KitError> + Sync,
) -> Result<Finding, KitError> {
    prove(bench)?;
    let mut tally = Tally::default();
    for (round, moment) in (1..=bench.rounds).zip(MOMENTS.into_iter().cycle()) {
        let scene = Scene::set(bench)?;
        let watch = Watch::start(&scene.package.path)?;
        let (observed, swapped) = beside(
            || bench.load(&[&scene.package.path]),
            |is_over| watch.act(moment, is_over, || swap(&scene)),
        )?;
        tally.add(round, &observed, swapped);
    }
    Ok(tally.finding(bench.rounds))
}

/// The package's path leads through a link to a directory, which is changed.
fn directory_link(bench: &Bench<'_>) -> Result<Finding, KitError> {
    prove(bench)?;
    let mut tally = Tally::default();
    for (round, moment) in (1..=bench.rounds).zip(MOMENTS.into_iter().cycle()) {
        let good = bench.signed(&trusted().large(), Signer::Trusted)?;
        let bad = bench.unsigned(&hostile().large())?;
        for file in &good.signatures {
            copy(file, &bad.directory.join(file.file_name().unwrap_or_default()))?;
        }
        let link = good.directory.with_extension("link");
        let next = good.directory.with_extension("next");
        for (to, at) in [(&good.directory, &link), (&bad.directory, &next)] {
            symlink(to, at).map_err(KitError::file("link", at))?;
        }
        let path = link.join(good.path.file_name().unwrap_or_default());
        let watch = Watch::start(&good.path)?;
        let (observed, swapped) = beside(
            || bench.load(&[&path]),
            |is_over| watch.act(moment, is_over, || rename(&next, &link)),
        )?;
        tally.add(round, &observed, swapped);
    }
    Ok(tally.finding(bench.rounds))
}

/// The path is the one file and the other, all the time.
fn hard_links(bench: &Bench<'_>) -> Result<Finding, KitError> {
    prove(bench)?;
    let mut tally = Tally::default();
    // No moment is chosen, so more rounds are needed to meet the right one.
    let rounds = bench.rounds * 4;
    for round in 1..=rounds {
        let scene = Scene::set(bench)?;
        let good = scene.package.path.with_extension("good");
        let next = scene.package.path.with_extension("next");
        fs::hard_link(&scene.package.path, &good).map_err(KitError::file("link", &good))?;
        let (observed, swaps) = beside(
            || bench.load(&[&scene.package.path]),
            |is_over| {
                let mut swaps = 0_u32;
                while !is_over.load(Ordering::Acquire) {
                    for file in [&scene.hostile, &good] {
                        fs::hard_link(file, &next).map_err(KitError::file("link", &next))?;
                        rename(&next, &scene.package.path)?;
                    }
                    swaps += 1;
                }
                Ok(swaps)
            },
        )?;
        tally.add(round, &observed, swaps > 0);
    }
    Ok(tally.finding(rounds))
}

/// Makes sure that the hostile package would run.
fn prove(bench: &Bench<'_>) -> Result<(), KitError> {
    bench.is_live(&bench.workshop.make(&hostile().large())?, "hostile")
}

/// Does something beside a load, until that is over.
fn beside<T: Send>(
    load: impl FnOnce() -> Result<Observed, KitError>,
    other: impl FnOnce(&AtomicBool) -> Result<T, KitError> + Send,
) -> Result<(Observed, T), KitError> {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let attacker = scope.spawn(|| other(&is_over));
        let observed = load();
        is_over.store(true, Ordering::Release);
        let other = attacker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        Ok((observed?, other?))
    })
}
