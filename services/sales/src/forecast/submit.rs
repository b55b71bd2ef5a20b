//! Forecasts as their owners hand them in. What is stored is what was told then, and it never changes.

use crm_kit_api::{
    Call, Error, Result, id,
    page::{self, Binding, Token},
};
use crm_kit_pg::{Change, ChangeKind, Tx};
use crm_kit_record::Choice;
use crm_proto::crm::sales::v1::{
    Forecast, ForecastSubmission as Wire, ForecastSubmitted, GetForecastRequest,
    ListForecastSubmissionsRequest, ListForecastSubmissionsResponse, SubmitForecastRequest,
};
use prost::Message as _;
use uuid::Uuid;

use super::{
    Forecasts, SUBMISSIONS, adjust,
    roll_up::Question,
    store::{self, Submission},
};

impl Forecasts {
    /// Hands in the caller's forecast as it is now.
    pub async fn submit(&self, call: &Call, request: SubmitForecastRequest) -> Result<Wire> {
        let SubmitForecastRequest { period_kind, date, currency_code, rate_kind, note } = request;
        let note = adjust::note(&note)?;
        let user_id = call.caller_id().to_string();
        let wanted = GetForecastRequest { user_id, period_kind, date, currency_code, rate_kind };
        let question = Question::read(call, &wanted)?;
        let (period, forecast) = self.forecast(call, &question).await?;
        let submission = &Submission {
            id: call.new_id(),
            create_time: call.now,
            user_id: call.caller_id(),
            period_kind: Choice(period.kind),
            start_date: period.start,
            note,
        };
        let forecast = &forecast;
        self.db
            .write(call, "submit", move |tx| Box::pin(async move { submit(tx, submission, forecast).await }))
            .await
    }

    /// A page of submissions, the newest first.
    pub async fn submissions(
        &self,
        call: &Call,
        request: &ListForecastSubmissionsRequest,
    ) -> Result<ListForecastSubmissionsResponse> {
        let (tenant, size) = (call.tenant_id(), page::size(request.page_size));
        let user_id = id::parse_optional("user_id", &request.user_id)?;
        let binding = Binding::new(tenant, &[SUBMISSIONS, &request.user_id]);
        let before = Token::decode(&request.page_token, binding, 0)?.map_or(Uuid::max(), |token| token.id);
        let limit = i64::try_from(size + 1).map_err(Error::internal)?;
        let whose = (call.access.scope.owners(), user_id);
        let found = self.db.list(call, move |tx| {
            Box::pin(async move { store::submissions(tx.conn(), tenant, whose, before, limit).await })
        });
        let mut found = found.await?;
        let more = found.len() > size;
        found.truncate(size);
        let last = found.last().filter(|_| more);
        let next = last.map(|last| Token { keys: Vec::new(), id: last.id }.encode(binding));
        Ok(ListForecastSubmissionsResponse {
            forecast_submissions: found.iter().map(Submission::to_wire).collect(),
            next_page_token: next.unwrap_or_default(),
        })
    }

    /// A submission with its forecast.
    pub async fn submission(&self, call: &Call, id: &str) -> Result<Wire> {
        let (tenant, owners, id) = (call.tenant_id(), call.access.scope.owners(), id::parse("id", id)?);
        let found = self.db.read_one(call, move |one| {
            Box::pin(async move { store::submission(one.conn(), tenant, id, owners).await })
        });
        let (submission, forecast) = found.await?.ok_or_else(|| Error::not_found(SUBMISSIONS, id))?;
        let forecast = Forecast::decode(forecast.as_slice()).map_err(Error::internal)?;
        Ok(Wire { forecast: Some(forecast), ..submission.to_wire() })
    }
}

async fn submit(tx: &mut Tx<'_>, submission: &Submission, forecast: &Forecast) -> Result<Wire> {
    let tenant = tx.tenant_id();
    store::submit(tx.conn(), tenant, submission, &forecast.encode_to_vec()).await?;
    let wire = submission.to_wire();
    let event = ForecastSubmitted { forecast_submission: Some(wire.clone()) };
    let change = Change::new(SUBMISSIONS, submission.id, ChangeKind::Create, &event);
    tx.record(change.owned_by(Some(submission.user_id)).audited(None, Some(&wire)));
    Ok(Wire { forecast: Some(forecast.clone()), ..wire })
}
