use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::task::JoinSet;

use crate::Subject;

/// How long one thing is measured before the other's turn comes.
const SLICE: Duration = Duration::from_millis(100);
const ROUNDS: usize = 11;

/// The head of the table that the rows go into.
pub(crate) fn header() -> Vec<String> {
    vec![
        "| store | orgs | tasks | what | per second | p50 | p99 | time ÷ (a) |".into(),
        "|---|---:|---:|---|---:|---:|---:|---:|".into(),
    ]
}

/// Measures each of `rows` side by side with `base`, in turns, so that whatever else
/// the machine does meanwhile falls on both; returns what goes into the table.
pub(crate) async fn paired(
    base: (&str, &Subject),
    rows: &[(&str, Subject)],
    tasks: usize,
) -> Result<Vec<String>> {
    let mut base_total = Total::default();
    let mut totals: Vec<Total> = rows.iter().map(|_| Total::default()).collect();
    // Unmeasured: fills pools, caches and what is remembered.
    for subject in rows.iter().map(|(_, subject)| subject).chain([base.1]) {
        slice(subject, tasks).await?;
    }
    for round in 0..ROUNDS {
        for ((_, subject), total) in rows.iter().zip(&mut totals) {
            // Each goes first as often as second.
            let (measured, beside) = if round % 2 == 0 {
                let beside = slice(base.1, tasks).await?;
                (slice(subject, tasks).await?, beside)
            } else {
                let measured = slice(subject, tasks).await?;
                (measured, slice(base.1, tasks).await?)
            };
            total.ratios.push(beside.per_second() / measured.per_second());
            total.add(measured);
            base_total.add(beside);
        }
    }
    let names = [base.0].into_iter().chain(rows.iter().map(|(name, _)| *name));
    let totals = [base_total].into_iter().chain(totals);
    Ok(names.zip(totals).map(|(name, total)| format!("{name} | {}", total.columns())).collect())
}

/// The value below which `share` of the values are.
pub(crate) fn quantile<T: Copy>(sorted: &[T], share: f64) -> Option<T> {
    let last = sorted.len().checked_sub(1)?;
    sorted.get((last as f64 * share).round() as usize).copied()
}

/// A time in microseconds, with as many digits as mean something.
pub(crate) fn micros(nanos: f64) -> String {
    match nanos / 1000.0 {
        micros if micros.abs() < 10.0 => format!("{micros:.1} µs"),
        micros => format!("{micros:.0} µs"),
    }
}

struct Slice {
    nanos: Vec<u64>,
    elapsed: Duration,
}

impl Slice {
    fn per_second(&self) -> f64 {
        self.nanos.len() as f64 / self.elapsed.as_secs_f64()
    }
}

/// All slices of one row.
#[derive(Default)]
struct Total {
    nanos: Vec<u64>,
    elapsed: Duration,
    ratios: Vec<f64>,
}

impl Total {
    fn add(&mut self, slice: Slice) {
        self.nanos.extend(slice.nanos);
        self.elapsed += slice.elapsed;
    }

    fn columns(mut self) -> String {
        self.nanos.sort_unstable();
        self.ratios.sort_unstable_by(f64::total_cmp);
        let per_second = self.nanos.len() as f64 / self.elapsed.as_secs_f64();
        let time = |share| quantile(&self.nanos, share).map_or(0.0, |nanos| nanos as f64);
        let ratio = match quantile(&self.ratios, 0.5) {
            None => "1".to_owned(),
            Some(ratio) if ratio < 0.1 => format!("{ratio:.3}"),
            Some(ratio) => format!("{ratio:.2}"),
        };
        format!("{per_second:.0} | {} | {} | {ratio}", micros(time(0.5)), micros(time(0.99)))
    }
}

/// Lets `tasks` tasks ask one question after the other until the time is over.
async fn slice(subject: &Subject, tasks: usize) -> Result<Slice> {
    let start = Instant::now();
    let mut running = JoinSet::new();
    for task in 0..tasks {
        let subject = subject.clone();
        running.spawn(async move {
            let mut nanos = Vec::new();
            // Apart from each other, so that they do not all ask for the same row.
            for which in (task * 13).. {
                let asked = Instant::now();
                subject.ask(which).await?;
                let answered = Instant::now();
                nanos.push((answered - asked).as_nanos() as u64);
                if answered - start >= SLICE {
                    break;
                }
                // What is answered from memory never waits, and would keep the others out.
                tokio::task::consume_budget().await;
            }
            anyhow::Ok(nanos)
        });
    }
    let mut nanos = Vec::new();
    while let Some(done) = running.join_next().await {
        nanos.extend(done??);
    }
    Ok(Slice { nanos, elapsed: start.elapsed() })
}
