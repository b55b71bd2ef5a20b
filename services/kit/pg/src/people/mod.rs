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
use futures::future::BoxFuture;
use moka::sync::Cache;
use uuid::Uuid;

use crate::{
    db::{Db, Tx},
    follow::{Feed, Follower, Incoming, Open},
};

pub use store::{Colleague, State, colleagues};

/// Name of the follower that keeps the copy.
const FOLLOWER: &str = "people";
/// How long a process remembers that somebody is in the copy, to spare itself the look before a transaction.
const REMEMBERED: Duration = Duration::from_secs(30);
/// How long it remembers that the platform could not be asked: about as long as one request takes.
const UNREACHED: Duration = Duration::from_secs(10);
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
        Self { db, ask, met, unreached }
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
        for id in ids {
            let there = if known.contains_key(&id) { Ok(true) } else { self.learn(call, id).await };
            match there {
                Ok(true) => self.met.insert((tenant_id, id), ()),
                Ok(false) => self.unreached.invalidate(&(tenant_id, id)),
                Err(error) => self.unreached.insert((tenant_id, id), error),
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
