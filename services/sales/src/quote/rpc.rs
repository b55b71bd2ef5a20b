//! `crm.sales.v1.QuoteService`.

use crm_kit_api::{Call, time};
use crm_kit_record::serve::{self, Answer};
use crm_kit_rpc::call;
use crm_proto::crm::sales::v1::{
    AcceptQuoteRequest, BatchGetQuotesRequest, BatchGetQuotesResponse, CopyQuoteRequest, CreateQuoteRequest,
    DeleteQuoteRequest, GetQuoteRequest, GetQuoteSettingsRequest, ListQuotesRequest, ListQuotesResponse,
    PresentQuoteRequest, Quote, QuoteSettings, RejectQuoteRequest, ReviseQuoteRequest, SubmitQuoteRequest,
    UndeleteQuoteRequest, UpdateQuoteRequest, UpdateQuoteSettingsRequest, WithdrawQuoteRequest, quote::State,
    quote_service_server::QuoteService,
};
use tonic::{Request, Response};

use super::{
    ops::{Quotes, Verb},
    settings::Limits,
};
use crate::rules;

/// The service's methods over the use cases of quotes.
#[derive(Clone, Debug)]
pub struct Handlers(pub Quotes);

impl Handlers {
    async fn act(&self, call: &Call, id: &str, etag: &str, verb: Verb<'_>) -> Answer<Quote> {
        serve::told(&self.0.slice, call, self.0.act(call, (id, etag), verb).await?)
    }
}

#[tonic::async_trait]
impl QuoteService for Handlers {
    async fn get_quote(&self, request: Request<GetQuoteRequest>) -> Answer<Quote> {
        let call = call(&request)?;
        let mut answer = serve::get(&self.0.slice, request).await?;
        as_of(&call, answer.get_mut());
        Ok(answer)
    }

    async fn list_quotes(&self, request: Request<ListQuotesRequest>) -> Answer<ListQuotesResponse> {
        let call = call(&request)?;
        let mut answer: Response<ListQuotesResponse> = serve::list(&self.0.slice, request).await?;
        answer.get_mut().quotes.iter_mut().for_each(|quote| as_of(&call, quote));
        Ok(answer)
    }

    async fn create_quote(&self, request: Request<CreateQuoteRequest>) -> Answer<Quote> {
        serve::create(&self.0.slice, request).await
    }

    async fn update_quote(&self, request: Request<UpdateQuoteRequest>) -> Answer<Quote> {
        serve::update(&self.0.slice, request).await
    }

    async fn delete_quote(&self, request: Request<DeleteQuoteRequest>) -> Answer<Quote> {
        serve::delete(&self.0.slice, request).await
    }

    async fn undelete_quote(&self, request: Request<UndeleteQuoteRequest>) -> Answer<Quote> {
        serve::undelete(&self.0.slice, request).await
    }

    async fn batch_get_quotes(
        &self,
        request: Request<BatchGetQuotesRequest>,
    ) -> Answer<BatchGetQuotesResponse> {
        let call = call(&request)?;
        let mut answer: Response<BatchGetQuotesResponse> = serve::batch_get(&self.0.slice, request).await?;
        answer.get_mut().quotes.iter_mut().for_each(|quote| as_of(&call, quote));
        Ok(answer)
    }

    async fn submit_quote(&self, request: Request<SubmitQuoteRequest>) -> Answer<Quote> {
        let call = call(&request)?;
        let SubmitQuoteRequest { id, etag, comment } = request.get_ref();
        self.act(&call, id, etag, Verb::Submit(comment)).await
    }

    async fn withdraw_quote(&self, request: Request<WithdrawQuoteRequest>) -> Answer<Quote> {
        let call = call(&request)?;
        let WithdrawQuoteRequest { id, etag, comment } = request.get_ref();
        self.act(&call, id, etag, Verb::Withdraw(comment)).await
    }

    async fn present_quote(&self, request: Request<PresentQuoteRequest>) -> Answer<Quote> {
        let call = call(&request)?;
        let PresentQuoteRequest { id, etag } = request.get_ref();
        self.act(&call, id, etag, Verb::Present).await
    }

    async fn accept_quote(&self, request: Request<AcceptQuoteRequest>) -> Answer<Quote> {
        let call = call(&request)?;
        let AcceptQuoteRequest { id, etag, close_reason } = request.get_ref();
        self.act(&call, id, etag, Verb::Accept(close_reason)).await
    }

    async fn reject_quote(&self, request: Request<RejectQuoteRequest>) -> Answer<Quote> {
        let call = call(&request)?;
        let RejectQuoteRequest { id, etag, close_reason } = request.get_ref();
        self.act(&call, id, etag, Verb::Reject(close_reason)).await
    }

    async fn revise_quote(&self, request: Request<ReviseQuoteRequest>) -> Answer<Quote> {
        let call = call(&request)?;
        let ReviseQuoteRequest { id, etag } = request.get_ref();
        serve::told(&self.0.slice, &call, self.0.revise(&call, (id, etag)).await?)
    }

    async fn copy_quote(&self, request: Request<CopyQuoteRequest>) -> Answer<Quote> {
        let call = call(&request)?;
        serve::told(&self.0.slice, &call, Box::pin(self.0.copy(&call, request.into_inner())).await?)
    }

    async fn get_quote_settings(&self, request: Request<GetQuoteSettingsRequest>) -> Answer<QuoteSettings> {
        Ok(Response::new(rules::read::<Limits>(&self.0.slice.db, &call(&request)?).await?))
    }

    async fn update_quote_settings(
        &self,
        request: Request<UpdateQuoteSettingsRequest>,
    ) -> Answer<QuoteSettings> {
        let call = call(&request)?;
        let UpdateQuoteSettingsRequest { quote_settings, update_mask } = request.get_ref();
        let wire = quote_settings.clone().unwrap_or_default();
        let sent = (&wire, update_mask.as_ref());
        Ok(Response::new(rules::set::<Limits>(&self.0.slice.db, &call, sent).await?))
    }
}

/// A quote whose last day is over counts as expired from that instant on, before its job has said so.
fn as_of(call: &Call, quote: &mut Quote) {
    let runs_out = matches!(quote.state(), State::Approved | State::Presented);
    let now = time::timestamp(call.now);
    let end = quote.expire_time.map(|end| (end.seconds, end.nanos));
    if runs_out && end.is_some_and(|end| end <= (now.seconds, now.nanos)) {
        quote.set_state(State::Expired);
    }
}
