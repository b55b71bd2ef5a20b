//! Use cases of quotas beyond the life that all records share: publishing them, and what they were.

use crm_kit_api::{Call, Error, Result, id, time};
use crm_kit_pg::Tx;
use crm_kit_record::{
    Choice, Record as _, Slice,
    custom_field::Fields,
    field::id_text,
    life::{self, Revision},
};
use crm_proto::crm::sales::v1::{PeriodKind, PublishQuotasResponse, QuotaVersion, quota::State};
use uuid::Uuid;

use super::{
    COLLECTION, Quota,
    store::{self, Version},
};
use crate::{exchange::Exchange, fiscal, money};

/// Most versions of a quota that are told.
const MOST_VERSIONS: i64 = 1000;

/// The use cases of quotas. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Quotas {
    /// The life that all records share.
    pub slice: Slice<Quota>,
    /// Rates for attainment.
    pub exchange: Exchange,
}

impl Quotas {
    /// Publishes drafts, all or none; one whose period is over is locked at once, and what is no draft any more stays as it is.
    pub async fn publish(&self, call: &Call, ids: &[String]) -> Result<PublishQuotasResponse> {
        let fields = &self.slice.fields(call).await?;
        let ids = &ids.iter().map(|text| id::parse("ids", text)).collect::<Result<Vec<_>>>()?;
        self.slice
            .db
            .write(call, "publish", move |tx| {
                Box::pin(async move {
                    let mut held = life::hold::<Quota>(tx, call, ids).await?;
                    let drafts = ids.iter().map(|id| life::live(&mut held, id));
                    let revisions = drafts.map(|was| Ok(publish(call, fields, was?)));
                    let revisions = revisions.collect::<Result<Vec<_>>>()?;
                    let quotas = life::write(tx, call, fields, revisions).await?;
                    Ok(PublishQuotasResponse { quotas })
                })
            })
            .await
    }

    /// What a quota was and is, the first version first.
    pub async fn versions(&self, call: &Call, id: &str) -> Result<Vec<QuotaVersion>> {
        let id = id::parse("quota_id", id)?;
        let (tenant, owners) = (call.tenant_id(), call.access.scope.owners());
        let read = self.slice.db.read(call, move |tx| {
            Box::pin(async move {
                let quota = Quota::get(tx.conn(), tenant, &[id], owners).await?.pop();
                let quota = quota.ok_or_else(|| Error::not_found(COLLECTION, id))?;
                Ok((store::versions(tx.conn(), tenant, id, MOST_VERSIONS - 1).await?, quota))
            })
        });
        let (before, quota) = read.await?;
        let now = (quota.publish_time.is_some()).then(|| current(&quota));
        Ok(before.into_iter().map(told).chain(now).collect())
    }
}

fn publish(call: &Call, fields: &Fields, was: Quota) -> Revision<Quota> {
    let mut quota = was.clone();
    if was.state.0 == State::Draft {
        let is_over = was.end_date < call.today();
        quota.state = Choice(if is_over { State::Locked } else { State::Published });
        quota.publish_time = Some(call.now);
        quota.version_time = call.now;
        quota.version_actor_id = call.caller_id();
    }
    Revision::new(fields, was, quota)
}

fn told(version: Version) -> QuotaVersion {
    let currency = &version.amount_currency;
    QuotaVersion {
        version: version.version,
        amount: version.amount.map(|amount| money::to_wire(amount.into(), currency)),
        count: version.count.unwrap_or(0),
        actor_id: id_text(Some(version.actor_id).filter(|id| !id.is_nil())),
        start_time: Some(time::timestamp(version.start_time)),
        end_time: Some(time::timestamp(version.end_time)),
        note: version.note,
    }
}

fn current(quota: &Quota) -> QuotaVersion {
    let version = Version {
        version: quota.version,
        start_time: quota.version_time,
        end_time: quota.version_time,
        actor_id: quota.version_actor_id,
        amount: quota.amount,
        amount_currency: quota.amount_currency.clone(),
        count: quota.count,
        note: quota.note.clone(),
    };
    QuotaVersion { end_time: None, ..told(version) }
}

/// Whether quarters and years among the records begin where those of the tenant's calendar do. No statement when only months are written, or periods
/// that stay as they are.
pub async fn check_periods(tx: &mut Tx<'_>, records: &[Quota], was: &[Quota]) -> Result<()> {
    let place = |quota: &Quota| (quota.period_kind, quota.start_date);
    let moved = records.iter().enumerate().filter(|(index, record)| {
        record.period_kind.0 != PeriodKind::Month && was.get(*index).map(place) != Some(place(record))
    });
    let moved: Vec<&Quota> = moved.map(|(_, record)| record).collect();
    if moved.is_empty() {
        return Ok(());
    }
    let tenant: Uuid = tx.tenant_id();
    let fiscal = fiscal::of(tx.conn(), tenant).await?;
    for record in moved {
        let start = fiscal.period(record.period_kind.0, record.start_date).start;
        if start != record.start_date {
            let message = format!("the period of the fiscal calendar begins on {start}");
            let error = Error::invalid_field("quota.start_date", "PERIOD_MISALIGNED", message);
            return Err(error.about(record.id));
        }
    }
    Ok(())
}
