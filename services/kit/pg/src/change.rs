//! What a write leaves behind beside its rows: for every changed record an audit row and an event, and for a call with an idempotency key its
//! answer. All of it is one statement.
//!
//! Not here: reading events ([`crate::outbox`]) and what a change means, which its service says.

use crm_kit_api::{Call, Error, Result, call::Idempotency, error::COMMON_DOMAIN, id};
use prost::{Message, Name};
use sqlx::PgConnection;
use tonic::Code;
use uuid::Uuid;

pub use crm_proto::crm::event::v1::event::ChangeKind;

/// One changed record, as the audit log and the event stream will tell it.
#[derive(Debug)]
pub struct Change {
    collection: &'static str,
    record_id: Uuid,
    owner_id: Option<Uuid>,
    farewell: Option<Farewell>,
    kind: ChangeKind,
    changed_fields: Vec<String>,
    event: Telling,
    record_type: String,
    before: Vec<u8>,
    after: Vec<u8>,
}

/// An event, encoded.
#[derive(Debug)]
pub struct Telling {
    type_name: String,
    payload: Vec<u8>,
}

impl Telling {
    /// The event as it will be stored.
    pub fn of<E: Message + Name>(event: &E) -> Self {
        Self { type_name: E::full_name(), payload: event.encode_to_vec() }
    }
}

/// What is told of a record that went to another owner to those who see only the one before.
#[derive(Debug)]
struct Farewell {
    owner_id: Uuid,
    fields: Vec<String>,
    payload: Vec<u8>,
}

impl Change {
    /// A change of the record `record_id` of `collection`, told by `event`.
    pub fn new<E: Message + Name>(
        collection: &'static str,
        record_id: Uuid,
        kind: ChangeKind,
        event: &E,
    ) -> Self {
        Self::told(collection, record_id, kind, Telling::of(event))
    }

    /// A change of the record `record_id` of `collection`, told by an event that is encoded already.
    pub fn told(collection: &'static str, record_id: Uuid, kind: ChangeKind, event: Telling) -> Self {
        Self {
            collection,
            record_id,
            owner_id: None,
            farewell: None,
            kind,
            changed_fields: Vec::new(),
            event,
            record_type: String::new(),
            before: Vec::new(),
            after: Vec::new(),
        }
    }

    /// The owner whose record scope the event falls under.
    #[must_use]
    pub fn owned_by(mut self, owner_id: Option<Uuid>) -> Self {
        self.owner_id = owner_id;
        self
    }

    /// The owner before, when the change took the record from one. Subscribers who see the records of `owner_id` but not those of the new owner
    /// hear `event`, of the same type as the change's own, with `fields` as the changed ones; it must say nothing that only the new owner may
    /// know.
    #[must_use]
    pub fn taken_from(mut self, owner_id: Uuid, fields: Vec<String>, event: Telling) -> Self {
        self.farewell = Some(Farewell { owner_id, fields, payload: event.payload });
        self
    }

    /// The fields that changed.
    #[must_use]
    pub fn of_fields(mut self, fields: Vec<String>) -> Self {
        self.changed_fields = fields;
        self
    }

    /// The record's changed fields before and after, for the audit log.
    #[must_use]
    pub fn audited<R: Message + Name>(mut self, before: Option<&R>, after: Option<&R>) -> Self {
        self.record_type = R::full_name();
        self.before = before.map(Message::encode_to_vec).unwrap_or_default();
        self.after = after.map(Message::encode_to_vec).unwrap_or_default();
        self
    }
}

/// Columns of the audit and outbox rows of one transaction, for `unnest`.
#[derive(Default)]
struct Rows {
    audit_ids: Vec<Uuid>,
    event_ids: Vec<Uuid>,
    collections: Vec<String>,
    record_ids: Vec<Uuid>,
    owner_ids: Vec<Option<Uuid>>,
    kinds: Vec<i16>,
    changed_fields: Vec<String>,
    event_types: Vec<String>,
    payloads: Vec<Vec<u8>>,
    record_types: Vec<String>,
    befores: Vec<Vec<u8>>,
    afters: Vec<Vec<u8>>,
    previous_owner_ids: Vec<Option<Uuid>>,
    previous_fields: Vec<Option<String>>,
    previous_payloads: Vec<Option<Vec<u8>>>,
}

impl Rows {
    fn new(call: &Call, changes: Vec<Change>) -> Self {
        let mut rows = Self::default();
        for change in changes {
            rows.audit_ids.push(id::new(call.now));
            rows.event_ids.push(id::new(call.now));
            rows.collections.push(change.collection.to_owned());
            rows.record_ids.push(change.record_id);
            rows.owner_ids.push(change.owner_id);
            rows.kinds.push(i16::try_from(i32::from(change.kind)).unwrap_or(0));
            rows.changed_fields.push(change.changed_fields.join(","));
            rows.event_types.push(change.event.type_name);
            rows.payloads.push(change.event.payload);
            rows.record_types.push(change.record_type);
            rows.befores.push(change.before);
            rows.afters.push(change.after);
            let (owner, fields, payload) = match change.farewell {
                Some(farewell) => {
                    (Some(farewell.owner_id), Some(farewell.fields.join(",")), Some(farewell.payload))
                }
                None => (None, None, None),
            };
            rows.previous_owner_ids.push(owner);
            rows.previous_fields.push(fields);
            rows.previous_payloads.push(payload);
        }
        rows
    }
}

/// Writes everything a transaction leaves behind, in one statement; nothing at all when there is nothing.
pub(crate) async fn append(
    conn: &mut PgConnection,
    call: &Call,
    action: &str,
    changes: Vec<Change>,
    answer: Option<(&Idempotency, Vec<u8>)>,
) -> Result<()> {
    if changes.is_empty() && answer.is_none() {
        return Ok(());
    }
    let rows = Rows::new(call, changes);
    // The audit log tells which rules the caller set aside.
    let action = match call.overrides.as_ref() {
        [] => action.to_owned(),
        names => format!("{action} overriding {}", names.join(",")),
    };
    let (key, hash, answer) = match answer {
        Some((key, answer)) => (Some(key.key.as_ref()), Some(key.request_hash.to_vec()), Some(answer)),
        None => (None, None, None),
    };
    sqlx::query!(
        r#"
        WITH change AS (
            SELECT * FROM unnest($7::uuid[], $8::uuid[], $9::text[], $10::uuid[], $11::uuid[], $12::smallint[], $13::text[],
                                 $14::text[], $15::bytea[], $16::text[], $17::bytea[], $18::bytea[], $22::uuid[], $23::text[],
                                 $24::bytea[])
                AS c (audit_id, event_id, collection, record_id, owner_id, kind, changed_fields,
                      event_type, payload, record_type, before, after, previous_owner_id, previous_fields, previous_payload)
        ), audited AS (
            INSERT INTO audit_log (tenant_id, id, audit_time, actor_id, action, method, request_id, collection, record_id,
                                   type_name, before, after, service)
            SELECT $1, audit_id, $2, $3, $4, $5, $6, collection, record_id, record_type, before, after, $25 FROM change
        ), told AS (
            INSERT INTO outbox (tenant_id, id, event_time, collection, record_id, owner_id, change_kind, changed_fields,
                                actor_id, request_id, type_name, payload, previous_owner_id, previous_fields, previous_payload)
            SELECT $1, event_id, $2, collection, record_id, owner_id, kind,
                   string_to_array(changed_fields, ','), $3, $6, event_type, payload,
                   previous_owner_id, string_to_array(previous_fields, ','), previous_payload
            FROM change
        )
        INSERT INTO idempotency_key (tenant_id, caller_id, key, request_hash, answer, create_time)
        SELECT $1, $3, $19, $20, $21, $2 WHERE $19::text IS NOT NULL
        "#,
        call.tenant_id(),
        call.now,
        call.caller_id(),
        action,
        call.method.as_ref(),
        call.request_id.as_ref(),
        &rows.audit_ids,
        &rows.event_ids,
        &rows.collections,
        &rows.record_ids,
        &rows.owner_ids as &[Option<Uuid>],
        &rows.kinds,
        &rows.changed_fields,
        &rows.event_types,
        &rows.payloads,
        &rows.record_types,
        &rows.befores,
        &rows.afters,
        key,
        hash,
        answer,
        &rows.previous_owner_ids as &[Option<Uuid>],
        &rows.previous_fields as &[Option<String>],
        &rows.previous_payloads as &[Option<Vec<u8>>],
        call.access.service.as_deref().unwrap_or_default(),
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(crate::db::database_error)
}

/// The answer stored under a key, or `INVALID_ARGUMENT / IDEMPOTENCY_KEY_REUSED` when the key came with another request.
pub(crate) async fn stored_answer(
    conn: &mut PgConnection,
    call: &Call,
    key: &Idempotency,
) -> Result<Option<Vec<u8>>> {
    let stored = sqlx::query!(
        r#"SELECT request_hash, answer FROM idempotency_key WHERE tenant_id = $1 AND caller_id = $2 AND key = $3"#,
        call.tenant_id(),
        call.caller_id(),
        key.key.as_ref(),
    )
    .fetch_optional(conn)
    .await
    .map_err(crate::db::database_error)?;
    match stored {
        None => Ok(None),
        Some(row) if row.request_hash == key.request_hash => Ok(Some(row.answer)),
        Some(_) => Err(Error::new(
            Code::InvalidArgument,
            COMMON_DOMAIN,
            "IDEMPOTENCY_KEY_REUSED",
            "the idempotency key was used before with another request",
        )),
    }
}
