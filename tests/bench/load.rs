//! Closed-loop load from a number of callers, and what came of it.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// What came of a measurement.
#[derive(Clone, Debug)]
pub struct Figures {
    pub per_second: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    /// CPU of this process (callers, service, gateway) and the database, for one operation.
    pub cpu_ms: f64,
}

/// Runs `work` from `callers` tasks for a few seconds. Each task gets its number and counts its own calls.
pub async fn run<F, W>(callers: usize, database: u32, work: F) -> Figures
where
    F: Fn(usize) -> W + Send + Sync + 'static,
    W: AsyncWork,
{
    let seconds = u64::try_from(crate::setting("CRM_BENCH_SECONDS", 4)).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let work = Arc::new(work);
    // A short run first, so that connections, plans and caches are there.
    let warm = Duration::from_millis(700);
    let counted = Arc::new(AtomicBool::new(false));
    let tasks: Vec<_> = (0..callers)
        .map(|caller| {
            let (stop, counted, mut one) = (Arc::clone(&stop), Arc::clone(&counted), work(caller));
            spawn(async move {
                let mut times = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let started = Instant::now();
                    one.once().await;
                    if counted.load(Ordering::Relaxed) {
                        times.push(started.elapsed());
                    }
                }
                times
            })
        })
        .collect();
    tokio::time::sleep(warm).await;
    let (cpu, started) = (cpu_seconds(database), Instant::now());
    counted.store(true, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    counted.store(false, Ordering::Relaxed);
    let (elapsed, cpu) = (started.elapsed().as_secs_f64(), cpu_seconds(database) - cpu);
    stop.store(true, Ordering::Relaxed);
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await.unwrap());
    }
    times.sort();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1000.0;
    let count = times.len() as f64;
    Figures { per_second: count / elapsed, p50_ms: at(50), p99_ms: at(99), cpu_ms: cpu * 1000.0 / count }
}

/// One caller's work.
pub trait AsyncWork: Send + 'static {
    fn once(&mut self) -> impl Future<Output = ()> + Send;
}

#[expect(clippy::disallowed_methods, reason = "callers are not part of a service")]
fn spawn<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> tokio::task::JoinHandle<T> {
    tokio::spawn(work)
}

/// CPU seconds used so far by this process and by every process below the database's postmaster.
fn cpu_seconds(database: u32) -> f64 {
    let ours = std::process::id();
    let mut ticks = 0;
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        // Fields after the parenthesised name: state, parent, .. utime is the 12th, stime the 13th of them.
        let Some((_, rest)) = stat.rsplit_once(") ") else { continue };
        let fields: Vec<&str> = rest.split(' ').collect();
        let number = |index: usize| fields.get(index).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
        if pid == ours || pid == database || number(1) == u64::from(database) {
            ticks += number(11) + number(12);
        }
    }
    ticks as f64 / 100.0
}

/// What a figure should reach.
#[derive(Clone, Copy, Debug)]
pub struct Aim {
    ratio: Option<f64>,
    p99_ms: Option<f64>,
}

impl Aim {
    pub fn none() -> Self {
        Self { ratio: None, p99_ms: None }
    }

    pub fn ratio(ratio: f64) -> Self {
        Self { ratio: Some(ratio), p99_ms: None }
    }

    pub fn ratio_at_16(ratio: f64, callers: usize) -> Self {
        if callers == 16 { Self::ratio(ratio) } else { Self::none() }
    }

    pub fn p99_at_16(self, p99_ms: f64, callers: usize) -> Self {
        Self { p99_ms: (callers == 16).then_some(p99_ms), ..self }
    }
}

/// Prints figures and counts misses.
#[derive(Debug, Default)]
pub struct Report {
    misses: Vec<String>,
    throughput: BTreeMap<(String, usize), f64>,
}

impl Report {
    pub fn line(&mut self, name: &str, callers: usize, figures: &Figures, raw: &Figures, aim: Aim) {
        let ratio = figures.per_second / raw.per_second;
        let mut verdict = String::new();
        if let Some(wanted) = aim.ratio {
            verdict +=
                &self.judge(name, callers, ratio >= wanted, &format!("ratio {ratio:.2}, aim {wanted}"));
        }
        if let Some(wanted) = aim.p99_ms {
            let text = format!("p99 {:.1} ms, aim {wanted} ms", figures.p99_ms);
            verdict += &self.judge(name, callers, figures.p99_ms <= wanted, &text);
        }
        println!(
            "  {name:<36} {:>9.0}/s  p50 {:>7.2} ms  p99 {:>7.2} ms  cpu {:>6.3} ms  ratio {ratio:.2}{verdict}",
            figures.per_second, figures.p50_ms, figures.p99_ms, figures.cpu_ms
        );
    }

    pub fn figure(&mut self, name: &str, text: &str, met: Option<bool>) {
        let verdict = met.map(|met| self.judge(name, 0, met, text)).unwrap_or_default();
        println!("  {name:<36} {text}{verdict}");
    }

    pub fn remember(&mut self, callers: usize, figures: &[(&str, &Figures)]) {
        for (name, figures) in figures {
            self.throughput.insert(((*name).to_owned(), callers), figures.per_second);
        }
    }

    fn judge(&mut self, name: &str, callers: usize, met: bool, text: &str) -> String {
        if met {
            return "  met".to_owned();
        }
        self.misses.push(format!("{} ({callers} callers): {text}", name.trim()));
        "  MISSED".to_owned()
    }

    /// The figures that compare runs, and every miss.
    pub fn close(&mut self) {
        println!("\nthroughput at 64 callers of that at 16 (aim 0.8)");
        let pairs: Vec<(String, f64)> = self
            .throughput
            .iter()
            .filter(|((_, callers), _)| *callers == 64)
            .filter_map(|((name, _), at_64)| {
                Some((name.clone(), at_64 / self.throughput.get(&(name.clone(), 16))?))
            })
            .collect();
        for (name, ratio) in pairs {
            self.figure(&name, &format!("{ratio:.2}"), Some(ratio >= 0.8));
        }
        println!("\n{} aims missed", self.misses.len());
        for miss in &self.misses {
            println!("  {miss}");
        }
    }
}

/// Prints a raw limit.
pub fn print_raw(name: &str, figures: &Figures) {
    let Figures { per_second, p50_ms, p99_ms, cpu_ms } = figures;
    println!(
        "  {name:<36} {per_second:>9.0}/s  p50 {p50_ms:>7.2} ms  p99 {p99_ms:>7.2} ms  cpu {cpu_ms:>6.3} ms"
    );
}

/// Prints a further ratio.
pub fn print_ratio(name: &str, figures: &Figures, raw: &Figures) {
    println!("  {name:<36} ratio {:.2}", figures.per_second / raw.per_second);
}
