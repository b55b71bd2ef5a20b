//! What a change of an exchange rate tells others.

use crm_kit_pg::{Change, ChangeKind};
use crm_proto::crm::platform::v1::{
    self as wire, ExchangeRateCreated, ExchangeRateDeleted, ExchangeRateUpdated,
};
use uuid::Uuid;

use crate::edit::Edit;

pub const COLLECTION: &str = "exchangeRates";

pub fn created(id: Uuid, rate: &wire::ExchangeRate) -> Change {
    let event = ExchangeRateCreated { exchange_rate: Some(rate.clone()) };
    Change::new(COLLECTION, id, ChangeKind::Create, &event).audited(None, Some(rate))
}

pub fn updated(id: Uuid, rate: &wire::ExchangeRate, edit: Edit<wire::ExchangeRate>) -> Change {
    let event = ExchangeRateUpdated {
        exchange_rate: Some(rate.clone()),
        previous: Some(edit.previous.clone()),
        changed_fields: Some(edit.mask()),
    };
    Change::new(COLLECTION, id, ChangeKind::Update, &event)
        .audited(Some(&edit.previous), Some(rate))
        .of_fields(edit.fields)
}

pub fn deleted(id: Uuid, rate: &wire::ExchangeRate) -> Change {
    let event = ExchangeRateDeleted { exchange_rate: Some(rate.clone()) };
    Change::new(COLLECTION, id, ChangeKind::Purge, &event).audited(Some(rate), None)
}
