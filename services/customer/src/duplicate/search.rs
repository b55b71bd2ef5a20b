//! The records that look like a draft, whoever may see them.

use std::collections::{BTreeMap, BTreeSet};

use crm_kit_api::{Call, Error, Result, id};
use crm_kit_pg::{Db, Tx};
use crm_kit_record::Record;
use crm_kit_value::name::person;
use crm_proto::crm::customer::v1::{
    DuplicateEvidence, DuplicateHit, SearchDuplicatesRequest,
    duplicate_evidence::Likeness,
    duplicate_hit::{Action, State},
    search_duplicates_request::Draft,
};
use uuid::Uuid;

use super::{
    draft,
    key::{Key, KeyKind, keys},
    population::Population,
    prior::Prior,
    profile::Profile,
    rule::Rule,
    score::{Evidence, evidence},
    similarity::Level,
    store,
};
use crate::{
    account::{self, Account},
    contact::{self, Contact},
    duplicate_rule, duplicate_scan,
};

/// Records compared with a draft at most, those with the strongest shared keys first.
const MAX_COMPARED: usize = 200;
/// Hits returned when the request states no number.
const DEFAULT_RESULTS: usize = 10;
/// Records a draft is taken to be one of, when its likeness is weighed: rare enough that a shared town says little, common enough that a shared
/// name and telephone say all.
const USUAL_RECORDS: usize = 10_000;

/// Searches for duplicates. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Duplicates {
    /// The service's database.
    pub db: Db,
}

/// A record as it is compared.
pub trait Compared: Record {
    /// What it shows of the party behind it.
    fn profile_of(&self) -> Profile;
    /// Its name.
    fn display_name(&self) -> &str;
}

impl Compared for Account {
    fn profile_of(&self) -> Profile {
        self.profile()
    }

    fn display_name(&self) -> &str {
        &self.display_name
    }
}

impl Compared for Contact {
    fn profile_of(&self) -> Profile {
        self.profile()
    }

    fn display_name(&self) -> &str {
        &self.display_name
    }
}

/// What is searched for.
struct Sought {
    id: Option<Uuid>,
    profile: Profile,
    keys: Vec<Key>,
    limit: usize,
}

impl Duplicates {
    /// The records that look like the draft, the likeliest first.
    pub async fn search(&self, call: &Call, request: SearchDuplicatesRequest) -> Result<Vec<DuplicateHit>> {
        let region = &call.access.tenant.region_code;
        let limit = usize::try_from(request.max_results).map_err(Error::internal)?;
        let limit = if limit == 0 { DEFAULT_RESULTS } else { limit };
        match request.draft {
            Some(Draft::Account(wire)) => {
                let id = id::parse_optional("account.id", &wire.id)?;
                self.of::<Account>(
                    call,
                    sought(call, id, draft::account(wire, region), limit),
                    account::COLLECTION,
                )
                .await
            }
            Some(Draft::Contact(wire)) => {
                let id = id::parse_optional("contact.id", &wire.id)?;
                self.of::<Contact>(
                    call,
                    sought(call, id, draft::contact(wire, region), limit),
                    contact::COLLECTION,
                )
                .await
            }
            None => Err(Error::invalid_field("draft", "REQUIRED", "needs an account or a contact")),
        }
    }

    async fn of<R: Compared>(
        &self,
        call: &Call,
        sought: Sought,
        collection: &'static str,
    ) -> Result<Vec<DuplicateHit>> {
        let sought = &sought;
        self.db
            .list(call, move |tx| Box::pin(async move { find::<R>(tx, call, sought, collection).await }))
            .await
    }
}

/// What a draft asks for, without fields that the caller sees masked: whether they hit would tell what they hold.
fn sought(call: &Call, id: Option<Uuid>, profile: Profile, limit: usize) -> Sought {
    let profile = profile.seen_with(&call.access.masks);
    Sought { id, keys: keys(&profile).into_iter().collect(), profile, limit }
}

async fn find<R: Compared>(
    tx: &mut Tx<'_>,
    call: &Call,
    sought: &Sought,
    collection: &'static str,
) -> Result<Vec<DuplicateHit>> {
    let tenant = tx.tenant_id();
    let rules = duplicate_rule::in_use(tx.conn(), tenant, collection).await?;
    let shared = store::sharing(tx.conn(), tenant, collection, &sought.keys, sought.id).await?;
    let apart = match sought.id {
        Some(id) => duplicate_scan::dismissed_with(tx.conn(), tenant, collection, id).await?,
        None => Vec::new(),
    };
    let shared = shared.into_iter().filter(|(id, _)| !apart.contains(id)).collect();
    let shared = by_record(shared);
    let ids: Vec<Uuid> = shared.iter().map(|(id, _)| *id).collect();
    let records = R::get(tx.conn(), tenant, &ids, None).await?;
    let shared: BTreeMap<Uuid, BTreeSet<Key>> = shared.into_iter().collect();
    let mut hits = Vec::new();
    for record in records.iter().filter(|record| record.head().delete_time.is_none()) {
        let Some(keys) = shared.get(&record.head().id) else { continue };
        hits.extend(compare(call, sought, record, keys, &rules));
    }
    hits.sort_by(|x, y| {
        (y.outcome, y.probability)
            .partial_cmp(&(x.outcome, x.probability))
            .unwrap_or(std::cmp::Ordering::Equal)
    });
    hits.truncate(sought.limit);
    Ok(hits)
}

/// Records with the keys they share, as many as are compared; those that share more, and stronger ones, first.
fn by_record(found: Vec<(Uuid, Key)>) -> Vec<(Uuid, BTreeSet<Key>)> {
    let mut shared = BTreeMap::<Uuid, BTreeSet<Key>>::new();
    for (id, key) in found {
        shared.entry(id).or_default().insert(key);
    }
    let mut shared: Vec<_> = shared.into_iter().collect();
    let weight =
        |keys: &BTreeSet<Key>| keys.iter().map(|key| if key.kind.is_weak() { 1 } else { 3 }).sum::<usize>();
    shared.sort_by_key(|(_, keys)| std::cmp::Reverse(weight(keys)));
    shared.truncate(MAX_COMPARED);
    shared
}

fn compare<R: Compared>(
    call: &Call,
    sought: &Sought,
    record: &R,
    keys: &BTreeSet<Key>,
    rules: &[(Rule, BTreeSet<String>)],
) -> Option<DuplicateHit> {
    let population = Population::assumed(USUAL_RECORDS);
    let found = evidence(&population, &sought.profile, &record.profile_of());
    let probability = Prior::usual(USUAL_RECORDS).probability(&found);
    let holding = rules.iter().rev().filter(|(rule, ignored)| {
        let kinds: BTreeSet<KeyKind> =
            keys.iter().filter(|key| !ignored.contains(&key.text)).map(|key| key.kind).collect();
        rule.holds(&kinds, probability)
    });
    let (rule, _) = holding.max_by_key(|(rule, _)| rule.outcome)?;
    let head = record.head();
    let visible = call.access.scope.covers(head.owner_id);
    let name = record.display_name();
    let kinds: BTreeSet<KeyKind> = keys.iter().map(|key| key.kind).collect();
    Some(DuplicateHit {
        collection: R::KIND.collection.to_owned(),
        id: head.id.to_string(),
        display_name: if visible { name.to_owned() } else { person::mask(name) },
        visible,
        owner_id: head.owner_id.map(|owner| owner.to_string()).unwrap_or_default(),
        state: if head.owner_id.is_some() { State::Owned } else { State::Unowned }.into(),
        action: action(visible, head.owner_id).into(),
        probability: if visible { probability } else { 0.0 },
        outcome: duplicate_rule::outcome_to_wire(rule.outcome).into(),
        rule: rule.name.clone(),
        shared_keys: kinds.into_iter().map(|kind| duplicate_rule::key_to_wire(kind).into()).collect(),
        evidence: if visible { told(&found) } else { Vec::new() },
    })
}

fn action(visible: bool, owner: Option<Uuid>) -> Action {
    match owner {
        _ if visible => Action::Open,
        Some(_) => Action::AskOwner,
        None => Action::AskAdministrator,
    }
}

fn told(found: &Evidence) -> Vec<DuplicateEvidence> {
    let parts = found.parts.iter().map(|part| DuplicateEvidence {
        field: part.field.name().to_owned(),
        likeness: match part.level {
            Level::Exact => Likeness::Exact,
            Level::Close => Likeness::Close,
            Level::Loose => Likeness::Loose,
            Level::Differ => Likeness::Different,
        }
        .into(),
        bits: part.bits,
    });
    parts.collect()
}
