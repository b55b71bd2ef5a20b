//! The people directory: a small copy of the platform's users in the service's own database, kept by following their events, so that a record names
//! its owner without a call to another service.
//!
//! Before a transaction, [`People::meet`] makes sure that the people a request names are in the copy; only those that are not (the event may be on its
//! way, or was lost in a gap) are asked of the platform, once. In the transaction, [`People::standing`] reads the copy and [`Standing::check`]
//! refuses who is unknown, disabled or deleted. A caller who names itself costs nothing: its credential has just been accepted.
//!
//! Not here: what people may do, which their roles say.

mod store;

use std::{collections::HashMap, sync::Arc, time::Duration};

use crm_kit_api::{Call, Error, Result, clock::Clock, time};
use crm_proto::crm::platform::v1::{
    User, UserCreated, UserDeleted, UserUndeleted, UserUpdated, user::State as WireState,
};
use futures::future::{BoxFuture, join_all};
use moka::sync::Cache;
use tonic::Code;
use uuid::Uuid;

use crate::{
    db::{Db, Tx},
    follow::{Feed, Follower, Incoming, Open},
};

pub use store::{Colleague, State, colleagues, named};

/// Name of the follower that keeps the copy.
const FOLLOWER: &str = "people";
/// How long a process remembers that somebody is in the copy, to spare itself the look before a transaction.
const REMEMBERED: Duration = Duration::from_secs(30);
/// How long it remembers of somebody that the platform could not be asked: longer than one request takes, from the asking to the transaction.
const UNREACHED: Duration = Duration::from_mins(1);
/// How long it remembers that the platform knows nobody of an id. The event about somebody new ends it at once.
const STRANGE: Duration = Duration::from_secs(5);
/// How long it does not ask again when the platform did not answer.
const SILENT: Duration = Duration::from_secs(1);
/// Longest time to ask about the people of one request or one group of rows.
const ASKING: Duration = Duration::from_secs(10);
/// Questions at once.
const AT_ONCE: usize = 16;
/// Most people it remembers.
const MOST: u64 = 50_000;

/// Asks the platform for a user of the call's tenant; `None` when there is none.
pub type Ask = Arc<dyn Fn(&Call, Uuid) -> BoxFuture<'static, Result<Option<User>>> + Send + Sync>;

/// The people of all tenants. Cheap to clone.
#[derive(Clone)]
pub struct People {
    db: Db,
    ask: Ask,
    /// By tenant and user.
    met: Cache<(Uuid, Uuid), ()>,
    /// Those whom the platform could not be asked about, with what it said.
    unreached: Cache<(Uuid, Uuid), Error>,
    /// Those whom the platform does not know.
    strangers: Cache<(Uuid, Uuid), ()>,
    /// Tenants for which the platform did not answer a moment ago, with what came instead.
    silent: Cache<Uuid, Error>,
}

impl std::fmt::Debug for People {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("People")
    }
}

impl People {
    /// The directory in `db`; `ask` asks the platform.
    pub fn new(db: Db, ask: Ask) -> Self {
        let met = Cache::builder().max_capacity(MOST).time_to_live(REMEMBERED).build();
        let unreached = Cache::builder().max_capacity(MOST).time_to_live(UNREACHED).build();
        let strangers = Cache::builder().max_capacity(MOST).time_to_live(STRANGE).build();
        let silent = Cache::builder().max_capacity(MOST).time_to_live(SILENT).build();
        Self { db, ask, met, unreached, strangers, silent }
    }

    /// Makes sure that the copy knows the people a request names, as far as the platform knows them. No transaction is open
    /// meanwhile. A platform that does not answer is no failure yet: [`Standing::check`] tells whether the answer was needed.
    pub async fn meet(&self, call: &Call, ids: impl IntoIterator<Item = Uuid>) -> Result<()> {
        let tenant_id = call.tenant_id();
        let mut ids = others(call, ids);
        ids.retain(|id| !self.met.contains_key(&(tenant_id, *id)));
        if ids.is_empty() {
            return Ok(());
        }
        let wanted = &ids;
        let known = self.db.read_one(call, move |one| {
            Box::pin(async move { store::known(one.conn(), tenant_id, wanted).await })
        });
        let known = known.await?;
        let (there, mut missing): (Vec<Uuid>, Vec<Uuid>) =
            ids.into_iter().partition(|id| known.contains_key(id));
        for id in there {
            self.met.insert((tenant_id, id), ());
        }
        missing.retain(|id| !self.strangers.contains_key(&(tenant_id, *id)));
        self.ask_about(call, missing).await;
        Ok(())
    }

    /// Asks the platform about people, until it does not answer: then all who are left count as unreached, and so does whoever the tenant
    /// names in the next moment.
    async fn ask_about(&self, call: &Call, mut left: Vec<Uuid>) {
        if left.is_empty() {
            return;
        }
        let tenant_id = call.tenant_id();
        let silence = match self.silent.get(&tenant_id) {
            Some(error) => error,
            None => match tokio::time::timeout(ASKING, self.ask_all(call, &mut left)).await {
                Ok(Ok(())) => return,
                Ok(Err(error)) => error,
                Err(elapsed) => Error::unavailable("the platform", elapsed),
            },
        };
        // A caller who had no time left says nothing about the platform.
        if silence.code() == Code::Unavailable && !self.silent.contains_key(&tenant_id) {
            self.silent.insert(tenant_id, silence.clone());
        }
        for id in left {
            self.unreached.insert((tenant_id, id), silence.clone());
        }
    }

    /// Takes out of `left` whom it has an answer about; fails when the platform does not answer.
    async fn ask_all(&self, call: &Call, left: &mut Vec<Uuid>) -> Result<()> {
        let tenant_id = call.tenant_id();
        while !left.is_empty() {
            let asked = left[left.len().saturating_sub(AT_ONCE)..].to_vec();
            let answers = join_all(asked.iter().map(|id| self.learn(call, *id))).await;
            for (id, answer) in asked.into_iter().zip(answers) {
                match answer {
                    Ok(true) => self.met.insert((tenant_id, id), ()),
                    Ok(false) => {
                        self.unreached.invalidate(&(tenant_id, id));
                        self.strangers.insert((tenant_id, id), ());
                    }
                    Err(error) if matches!(error.code(), Code::Unavailable | Code::DeadlineExceeded) => {
                        return Err(error);
                    }
                    Err(error) => self.unreached.insert((tenant_id, id), error),
                }
                left.retain(|other| *other != id);
            }
        }
        Ok(())
    }

    /// How these people stand, in the transaction; the caller is taken for active. No statement when nobody else is named.
    pub async fn standing(
        &self,
        tx: &mut Tx<'_>,
        call: &Call,
        ids: impl IntoIterator<Item = Uuid>,
    ) -> Result<Standing> {
        let ids = others(call, ids);
        if ids.is_empty() {
            return Ok(Standing::default());
        }
        let tenant_id = tx.tenant_id();
        let states = store::known(tx.conn(), tenant_id, &ids).await?;
        let missing = ids.iter().filter(|id| !states.contains_key(id));
        let unreached =
            missing.filter_map(|id| Some((*id, self.unreached.get(&(tenant_id, *id))?))).collect();
        Ok(Standing { states, unreached })
    }

    /// Asks for somebody and remembers the answer; whether there is such a user.
    async fn learn(&self, call: &Call, id: Uuid) -> Result<bool> {
        let Some(user) = (self.ask)(call, id).await? else { return Ok(false) };
        let colleague = &colleague(&user)?;
        let now = call.now;
        let learned = self.db.for_tenant(call.tenant_id(), move |tx| {
            Box::pin(async move { store::learn(tx, colleague, now).await })
        });
        learned.await.map(|()| true)
    }
}

/// How the people of a request stand, within its transaction.
#[derive(Debug, Default)]
pub struct Standing {
    states: HashMap<Uuid, State>,
    unreached: HashMap<Uuid, Error>,
}

impl Standing {
    /// Fails with `INVALID_ARGUMENT / FIELD_INVALID` when `id` in `field` is nobody of the tenant (`USER_UNKNOWN`) or somebody disabled or deleted
    /// (`USER_DISABLED`), and with `UNAVAILABLE / DEPENDENCY_UNAVAILABLE` when the platform could not be asked.
    pub fn check(&self, call: &Call, field: &str, id: Uuid) -> Result<()> {
        if call.access.user_id() == Some(id) {
            return Ok(());
        }
        match self.states.get(&id) {
            Some(State::Active) => Ok(()),
            Some(State::Disabled | State::Deleted) => {
                Err(Error::invalid_field(field, "USER_DISABLED", "is a user who is disabled or deleted"))
            }
            None => match self.unreached.get(&id) {
                Some(error) => Err(error.clone()),
                None => Err(Error::invalid_field(field, "USER_UNKNOWN", "is not a user of this tenant")),
            },
        }
    }
}

/// Those who are not the caller, each once.
fn others(call: &Call, ids: impl IntoIterator<Item = Uuid>) -> Vec<Uuid> {
    let caller = call.access.user_id();
    let mut ids: Vec<Uuid> = ids.into_iter().filter(|id| Some(*id) != caller).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// The follower that keeps the copy of `service`.
pub fn follower(db: Db, clock: Clock, service: &'static str, open: Open) -> Follower {
    let feed = Feed { follower: FOLLOWER, service, source: "platform", collections: &["users"] };
    Follower::new(db, clock, feed, open, Arc::new(|tx, call, event| Box::pin(apply(tx, call, event))))
}

async fn apply(tx: &mut Tx<'_>, call: &Call, event: &Incoming) -> Result<()> {
    let user = if let Some(created) = event.payload::<UserCreated>()? {
        created.user
    } else if let Some(updated) = event.payload::<UserUpdated>()? {
        updated.user
    } else if let Some(deleted) = event.payload::<UserDeleted>()? {
        deleted.user
    } else if let Some(undeleted) = event.payload::<UserUndeleted>()? {
        undeleted.user
    } else {
        None
    };
    match user {
        Some(user) => store::learn(tx, &colleague(&user)?, call.now).await,
        None => Ok(()),
    }
}

fn colleague(user: &User) -> Result<Colleague> {
    let id = |text: &str| Uuid::try_parse(text).map_err(Error::internal);
    let mut ignored = crm_kit_api::error::Violations::default();
    let change_time =
        user.update_time.as_ref().and_then(|wire| time::instant("update_time", wire, &mut ignored));
    Ok(Colleague {
        id: id(&user.id)?,
        display_name: user.display_name.clone(),
        username: user.username.clone(),
        email: user.email.clone(),
        state: match user.state() {
            _ if user.delete_time.is_some() => State::Deleted,
            WireState::Disabled => State::Disabled,
            WireState::Active | WireState::Unspecified => State::Active,
        },
        superior_id: Some(user.superior_id.as_str()).filter(|text| !text.is_empty()).map(id).transpose()?,
        department_ids: user.department_ids.iter().map(|text| id(text)).collect::<Result<_>>()?,
        change_time: change_time.ok_or_else(|| Error::bug("a user without an update time"))?,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use chrono::DateTime;
    use crm_kit_api::call::{Access, Statistics, TenantSettings};
    use sqlx::postgres::PgConnectOptions;

    use super::*;
    use crate::db::PoolSettings;

    /// A directory whose platform answers so, and how often it was asked. No answer is anything to store.
    fn people(answer: fn() -> Result<Option<User>>) -> (People, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::default());
        let counter = Arc::clone(&asked);
        let ask: Ask = Arc::new(move |_, _| {
            counter.fetch_add(1, Ordering::Relaxed);
            Box::pin(std::future::ready(answer()))
        });
        let nowhere = PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(1);
        (People::new(Db::new(nowhere, &PoolSettings::default()), ask), asked)
    }

    fn call() -> Call {
        let ids = (Uuid::from_u128(1), Uuid::from_u128(2));
        Call {
            access: Arc::new(Access::of_service("test".into(), ids.0, ids.1, TenantSettings::default())),
            now: DateTime::UNIX_EPOCH,
            deadline: None,
            request_id: "".into(),
            method: "".into(),
            idempotency: None,
            overrides: Arc::default(),
            statistics: Arc::new(Statistics::default()),
        }
    }

    fn many() -> Vec<Uuid> {
        (100..600).map(Uuid::from_u128).collect()
    }

    #[tokio::test]
    async fn a_platform_that_does_not_answer_is_asked_once_for_all() {
        let (people, asked) = people(|| Err(Error::unavailable("the platform", std::fmt::Error)));
        for _ in 0..2 {
            people.ask_about(&call(), many()).await;
            assert_eq!(asked.load(Ordering::Relaxed), AT_ONCE);
        }
        let tenant = call().tenant_id();
        let unreached = many().into_iter().filter_map(|id| people.unreached.get(&(tenant, id)));
        assert_eq!(unreached.filter(|error| error.code() == Code::Unavailable).count(), 500);
    }

    #[tokio::test]
    async fn whom_the_platform_does_not_know_is_remembered() {
        let (people, asked) = people(|| Ok(None));
        people.ask_about(&call(), many()).await;
        assert_eq!(asked.load(Ordering::Relaxed), 500);
        let tenant = call().tenant_id();
        assert!(many().into_iter().all(|id| people.strangers.contains_key(&(tenant, id))));
        assert!(many().into_iter().all(|id| !people.unreached.contains_key(&(tenant, id))));
    }
}
