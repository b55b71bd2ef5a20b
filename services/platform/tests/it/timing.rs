//! How long failed sign-ins take does not tell which users exist.

use std::time::{Duration, Instant};

use crate::harness::{World, named};

async fn median(world: &World, tenant: &str, prefix: &str) -> Duration {
    let mut times = Vec::new();
    for index in 0..15 {
        let started = Instant::now();
        assert!(world.sign_in(tenant, &format!("{prefix}{index}"), "wrong password").await.is_err());
        times.push(started.elapsed());
    }
    times.sort();
    times[times.len() / 2]
}

#[tokio::test]
async fn unknown_users_and_tenants_take_as_long_as_wrong_passwords() {
    let world = World::new().await;
    for index in 0..15 {
        world.create_user(named(&format!("known{index}"), &[])).await;
    }
    let wrong = median(&world, "acme", "known").await;
    for (tenant, prefix) in [("acme", "nobody"), ("nowhere", "known")] {
        let unknown = median(&world, tenant, prefix).await;
        let ratio = unknown.as_secs_f64() / wrong.as_secs_f64();
        // Without the stand-in hash the ratio is below 0.1; the bounds leave room for a busy machine.
        assert!((0.4..2.5).contains(&ratio), "{tenant}/{prefix}: {unknown:?} against {wrong:?}");
    }
}
