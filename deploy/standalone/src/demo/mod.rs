//! The demonstration company: a tenant with an organisation, its customers and their people, and what it sells them, made by a generator that gives the same every
//! time and sent through the public API.
//!
//! What is there already is left alone: users and departments are known by name, records by their external id of the system `demo`, and a
//! finished demonstration is not sent again.

mod company;
mod credit_code;
mod fields;
mod fill;
mod organisation;
mod person;
mod random;
mod sales;
mod staff;
mod words;

use std::{path::PathBuf, time::Instant};

use crm_kit_api::clock::Clock;
use crm_kit_pg::Db;
use crm_platform::bootstrap::{FirstTenant, bootstrap};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use tonic::transport::Channel;

use crate::{
    client::Session,
    failure::{Failure, Result},
    terminal,
    up::private_file,
};

/// System of the external ids of everything made here.
const SYSTEM: &str = "demo";
/// The administrator's user name.
const ADMINISTRATOR: &str = "admin";

/// Where the demonstration is made.
#[derive(Debug)]
pub struct Place {
    /// The platform's database, for making the tenant.
    pub db: Db,
    pub clock: Clock,
    /// Public API of the platform.
    pub platform: Channel,
    /// Public API of the customer service.
    pub customer: Channel,
    /// Public API of the sales service.
    pub sales: Channel,
    /// Folder that remembers how far the demonstration is.
    pub folder: PathBuf,
}

/// What is remembered of the demonstration, in a file only we can read.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Memory {
    /// Password of everybody in it.
    password: String,
    /// The administrator's password until it is changed.
    first_password: String,
    /// Whether all customers were sent.
    filled: bool,
    /// Whether all sales were sent, which a demonstration of an earlier release has not.
    #[serde(default)]
    sold: bool,
}

/// Makes the demonstration unless it is there, and tells how to sign in.
pub async fn ensure(place: &Place) -> Result<()> {
    let path = place.folder.join("demo.json");
    let mut memory: Memory = private_file::read(&path)?.unwrap_or_default();
    if memory.password.is_empty() {
        memory.password = random_password();
        private_file::write(&path, &memory)?;
    }
    if !memory.filled {
        let begin = Instant::now();
        if let Some(first) = bootstrap(&place.db, &place.clock, tenant()).await? {
            memory.first_password = String::from(first.password.expose_secret());
            private_file::write(&path, &memory)?;
        }
        let mut session = administrator(place, &memory).await?;
        let users = staff::ensure(place, session.channel().await?, &memory.password).await?;
        let counts = fill::fill(place, &mut session, &users).await?;
        memory = Memory { filled: true, first_password: String::new(), ..memory };
        private_file::write(&path, &memory)?;
        let seconds = begin.elapsed().as_secs_f64();
        terminal::line(format!(
            "Demonstration company: {} colleagues, {} accounts, {} contacts, made in {seconds:.1} s.",
            users.len(),
            counts.accounts,
            counts.contacts
        ));
    }
    if !memory.sold {
        sell(place, &mut memory).await?;
        private_file::write(&path, &memory)?;
    }
    tell(&memory.password);
    Ok(())
}

/// Makes the sales of the demonstration.
async fn sell(place: &Place, memory: &mut Memory) -> Result<()> {
    let begin = Instant::now();
    let mut session = administrator(place, memory).await?;
    let counts = sales::fill(place, &mut session).await?;
    memory.sold = true;
    let seconds = begin.elapsed().as_secs_f64();
    terminal::line(format!(
        "Its sales: {} opportunities, {} orders, with quotes, receipts, quotas and tasks, made in {seconds:.1} s.",
        counts.opportunities, counts.orders
    ));
    Ok(())
}

fn tenant() -> FirstTenant {
    FirstTenant {
        slug: organisation::TENANT.to_owned(),
        display_name: organisation::NAME.to_owned(),
        region_code: "CN".to_owned(),
        time_zone: "Asia/Shanghai".to_owned(),
        currency_code: "CNY".to_owned(),
        language_code: "zh-CN".to_owned(),
    }
}

/// Signs in as the administrator, whose first password is changed on the way.
async fn administrator(place: &Place, memory: &Memory) -> Result<Session> {
    let channel = || place.platform.clone();
    if !memory.first_password.is_empty() {
        staff::change_password(channel(), ADMINISTRATOR, &memory.first_password, &memory.password).await?;
    }
    Session::sign_in(channel(), organisation::TENANT, ADMINISTRATOR, &memory.password).await.map_err(
        |failure| {
            let file = place.folder.join("demo.json");
            Failure::new(format!(
                "the tenant `demo` is there, but the password in {} does not fit: {failure}",
                file.display()
            ))
        },
    )
}

/// Letters and digits that do not look alike: 40 bits, behind the lock-out of guessers.
fn random_password() -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let letters = |count: usize| -> String {
        let bytes: [u8; 4] = rand::random();
        bytes.iter().take(count).map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect()
    };
    format!("minghe-{}-{}", letters(4), letters(4))
}

fn tell(password: &str) {
    terminal::heading("\nDemonstration sign-ins");
    terminal::line(format!("  tenant {}, password of everybody {password}", organisation::TENANT));
    terminal::line(format!("  {ADMINISTRATOR:14} administrator: sees and may do everything"));
    for (username, told) in [
        ("li.wei", "sales director: sees all four regions"),
        ("zhang.min", "regional manager: sees her region"),
        ("wang.fang", "sales: sees her own accounts"),
        ("xu.yan", "marketing: sees everybody, telephone numbers masked"),
        ("guo.ming", "analyst: sees everything masked, changes nothing"),
    ] {
        terminal::line(format!("  {username:14} {told}"));
    }
}
