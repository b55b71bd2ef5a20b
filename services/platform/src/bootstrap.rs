//! The first tenant, which `crm up` makes on an empty database.

use std::sync::Arc;

use crm_kit_api::{Call, Result, call::Statistics, clock::Clock, id};
use crm_kit_pg::Db;
use crm_proto::crm::platform::v1::{CreateTenantRequest, Tenant};
use futures::FutureExt as _;
use secrecy::SecretString;

use crate::{password::Hasher, tenant};

/// What the first tenant is.
#[derive(Clone, Debug)]
pub struct FirstTenant {
    /// Short name, given at sign-in.
    pub slug: String,
    /// Name of the company.
    pub display_name: String,
    /// Country (ISO 3166-1 alpha-2). Empty: `CN`.
    pub region_code: String,
    /// IANA time zone. Empty: `Asia/Shanghai`.
    pub time_zone: String,
    /// Currency (ISO 4217). Empty: `CNY`.
    pub currency_code: String,
    /// Language (BCP 47). Empty: `zh-CN`.
    pub language_code: String,
}

/// How the first administrator signs in.
#[derive(Clone, Debug)]
pub struct FirstSignIn {
    /// Short name of the tenant.
    pub tenant: String,
    /// Name of the user.
    pub username: String,
    /// Password, to be changed at the first sign-in.
    pub password: SecretString,
}

/// Makes a tenant with its first administrator. Idempotent: `None` when there is a tenant of that short name already, whose password nobody
/// can tell.
pub async fn bootstrap(db: &Db, clock: &Clock, first: FirstTenant) -> Result<Option<FirstSignIn>> {
    let call = operator_call(clock);
    let find = db.read(&call, |tx| tenant::store::find_by_slug(tx.conn(), &first.slug).boxed());
    if find.await?.is_some() {
        return Ok(None);
    }
    let tenant = Tenant {
        slug: first.slug.clone(),
        display_name: first.display_name,
        region_code: first.region_code,
        time_zone: first.time_zone,
        currency_code: first.currency_code,
        language_code: first.language_code,
        ..Tenant::default()
    };
    let request = CreateTenantRequest { tenant: Some(tenant), ..CreateTenantRequest::default() };
    match tenant::ops::create(db, &Hasher::new()?, &call, &request).await {
        Ok(created) => Ok(Some(FirstSignIn {
            tenant: first.slug,
            username: created.administrator_username,
            password: created.first_password.into(),
        })),
        // Another process was faster.
        Err(error) if error.reason() == "SLUG_TAKEN" => Ok(None),
        Err(error) => Err(error),
    }
}

/// A call of the operator that came over no wire.
fn operator_call(clock: &Clock) -> Call {
    let now = clock.now();
    Call {
        access: Arc::new(tenant::ops::operator()),
        now,
        deadline: None,
        request_id: format!("bootstrap-{}", id::new(now)).into(),
        method: "bootstrap".into(),
        idempotency: None,
        overrides: Arc::default(),
        statistics: Arc::new(Statistics::default()),
    }
}
