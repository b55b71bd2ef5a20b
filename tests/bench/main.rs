//! The benchmark: the suite's figures beside the raw limit of PostgreSQL, taken in the same minute on the same machine. It prints ratios, and misses are
//! printed as misses.
//!
//! `make bench` runs it; `CRM_BENCH_ACCOUNTS` and `CRM_BENCH_SECONDS` set the size of the table and the length of each measurement.

#![expect(clippy::cast_precision_loss, reason = "figures are rounded when they are printed")]
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark talks, and stops at the first fault"
)]

mod bulk;
mod forecast;
mod load;
mod raw;
mod rig;
mod sales;
mod up;
mod upkeep;
mod work;

use crm_kit_rpc::telemetry;
use load::{Aim, Report};
use rig::Rig;

const CALLERS: [usize; 3] = [1, 16, 64];

/// As in the binaries that users run.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(run());
}

async fn run() {
    let accounts = setting("CRM_BENCH_ACCOUNTS", 100_000);
    // Log lines and metrics are made as in production; only the lines go nowhere.
    telemetry::install_to(telemetry::LogFormat::Json, "info,sqlx::query=error", std::io::sink).unwrap();
    let mut report = Report::default();
    up::measure(&mut report).await;
    let rig = Rig::new().await;
    bulk::fill_against_copy(&rig, accounts, &mut report).await;
    work::analyse(&rig).await;
    let deals = sales::Deals::fill(&rig, accounts, &mut report).await;

    for callers in CALLERS {
        println!("\n{callers} callers");
        let raw = raw::insert(&rig, callers).await;
        load::print_raw("raw insert into the same table", &raw);
        let bare = raw::insert_bare(&rig, callers).await;
        load::print_raw("raw insert into a bare table", &bare);
        let create = work::create(&rig, callers).await;
        report.line("create account", callers, &create, &raw, Aim::ratio_at_16(0.3, callers));
        load::print_ratio("  of a bare insert", &create, &bare);
        let rest = work::create_by_rest(&rig, callers).await;
        report.line("create account by REST, of gRPC", callers, &rest, &create, Aim::ratio(0.6));

        let raw = raw::get(&rig, callers).await;
        load::print_raw("raw prepared select", &raw);
        let get = work::get(&rig, callers).await;
        report.line("get account", callers, &get, &raw, Aim::ratio(0.25));
        let rest = work::get_by_rest(&rig, callers).await;
        report.line("get account by REST, of gRPC", callers, &rest, &get, Aim::ratio(0.6));

        let raw = raw::page(&rig, callers).await;
        load::print_raw("raw page of 50", &raw);
        let page = work::page(&rig, callers).await;
        report.line(
            "page of 50, filter, order, scope",
            callers,
            &page,
            &raw,
            Aim::ratio(0.4).p99_at_16(40.0, callers),
        );
        let search = work::search(&rig, callers).await;
        report.line("substring search", callers, &search, &raw, Aim::none().p99_at_16(80.0, callers));
        let raw = raw::update(&rig, callers).await;
        load::print_raw("raw update of one column", &raw);
        let update = work::update(&rig, callers).await;
        report.line("update one field", callers, &update, &raw, Aim::none());
        deals.measure(&rig, callers, &mut report).await;
        report.remember(callers, &[("create", &create), ("get", &get), ("page", &page), ("update", &update)]);
    }
    forecast::measure(&rig, &mut report).await;
    println!("\nin the background");
    upkeep::scan(&rig, &mut report).await;
    upkeep::reclaim(&rig, &mut report).await;
    report.close();
    rig.stop().await;
}

fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}
