//! Packages that change while the host verifies and loads them.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, symlink};
use std::path::{Path, PathBuf};
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
        run: |bench| race(bench, overwrite),
    },
];

/// A signed package, and what the attacker has in store for it.
struct Attack {
    signed: Package,
    hostile: PathBuf,
    /// Where the hostile package differs, and how.
    pages: Vec<(u64, Vec<u8>)>,
}

/// A copy of the signed package for one round, and a hostile one that can be moved to its place.
struct Scene<'a> {
    attack: &'a Attack,
    package: Package,
    hostile: PathBuf,
}

impl Attack {
    fn prepare(bench: &Bench<'_>) -> Result<Self, KitError> {
        const PAGE: usize = 4096;
        let signed = bench.signed(&trusted().large(), Signer::Trusted)?;
        let hostile = bench.workshop.make(&hostile().large())?;
        bench.is_live(&hostile, "hostile")?;
        let old = fs::read(&signed.path).map_err(KitError::file("read", &signed.path))?;
        let new = fs::read(&hostile).map_err(KitError::file("read", &hostile))?;
        let pages = new.chunks(PAGE).zip(old.chunks(PAGE)).enumerate();
        let pages = pages.filter(|(_, (new, old))| new != old);
        let pages = pages.map(|(number, (new, _))| ((number * PAGE) as u64, new.to_vec()));
        Ok(Self { pages: pages.collect(), signed, hostile })
    }

    fn scene(&self, bench: &Bench<'_>) -> Result<Scene<'_>, KitError> {
        let package = bench.twin(&self.signed)?;
        let hostile = package.directory.join("hostile");
        hard_link(&self.hostile, &hostile)?;
        Ok(Scene { attack: self, package, hostile })
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
    swap: impl Fn(&Scene<'_>) -> Result<(), KitError> + Sync,
) -> Result<Finding, KitError> {
    let attack = Attack::prepare(bench)?;
    let mut tally = Tally::default();
    for (round, moment) in (1..=bench.rounds).zip(MOMENTS.into_iter().cycle()) {
        let scene = attack.scene(bench)?;
        let watch = Watch::start(&scene.package.path)?;
        let (observed, swapped) = beside(
            || bench.load(&[&scene.package.path]),
            |is_over| watch.act(moment, is_over, || swap(&scene)),
        )?;
        tally.add(round, &observed, swapped);
    }
    Ok(tally.finding(bench.rounds))
}

/// Makes the package equal to the hostile one by writing only what differs, so that it is done at
/// once.
fn overwrite(scene: &Scene<'_>) -> Result<(), KitError> {
    let path = &scene.package.path;
    let written = File::options().write(true).open(path).and_then(|file| {
        scene.attack.pages.iter().try_for_each(|(at, page)| file.write_all_at(page, *at))
    });
    written.map_err(KitError::file("overwrite", path))
}

/// The package's path leads through a link to a directory, which is changed.
fn directory_link(bench: &Bench<'_>) -> Result<Finding, KitError> {
    let attack = Attack::prepare(bench)?;
    let mut tally = Tally::default();
    for (round, moment) in (1..=bench.rounds).zip(MOMENTS.into_iter().cycle()) {
        let (good, bad) = (bench.twin(&attack.signed)?, bench.twin(&attack.signed)?);
        copy(&attack.hostile, &bad.path)?;
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
    let attack = Attack::prepare(bench)?;
    let mut tally = Tally::default();
    // No moment is chosen, so more rounds are needed to meet the right one.
    let rounds = bench.rounds * 4;
    for round in 1..=rounds {
        let scene = attack.scene(bench)?;
        let good = scene.package.path.with_extension("good");
        let next = scene.package.path.with_extension("next");
        hard_link(&scene.package.path, &good)?;
        let (observed, swaps) = beside(
            || bench.load(&[&scene.package.path]),
            |is_over| {
                let mut swaps = 0_u32;
                while !is_over.load(Ordering::Acquire) {
                    for file in [&scene.hostile, &good] {
                        hard_link(file, &next)?;
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

fn hard_link(file: &Path, to: &Path) -> Result<(), KitError> {
    fs::hard_link(file, to).map_err(KitError::file("link", to))
}
