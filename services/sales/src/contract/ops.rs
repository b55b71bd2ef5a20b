//! Use cases of contracts beyond the life that all records share: the moves of their life, and their versions.

use crm_kit_api::{
    Call, Error, Result, id,
    page::{Keyset, Token},
};
use crm_kit_pg::Tx;
use crm_kit_record::{
    Choice, Slice,
    field::Checker,
    life::{self, Revision},
};
use crm_kit_value::text::is_blank;
use crm_proto::crm::sales::v1::{
    Contract as Wire, ListContractVersionsRequest, ListContractVersionsResponse,
    contract::{ApprovalState, State},
};
use prost_types::Timestamp;
use tonic::Code;

use super::{
    Contract,
    machine::{self, Act},
    store, submit, version,
};
use crate::{DOMAIN, relink};

/// The use cases of contracts. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Contracts {
    /// The life that all records share.
    pub slice: Slice<Contract>,
}

/// What is done with a contract.
#[derive(Clone, Copy, Debug)]
pub enum Verb<'v> {
    /// A draft is ready to be signed, or to be decided on, with a word for the approvers.
    Submit(&'v str),
    /// It is taken back from approval, with a reason.
    Withdraw(&'v str),
    /// It is to be changed before it is signed.
    Redraft,
    /// Both parties have signed, now or at this instant.
    Sign(Option<&'v Timestamp>),
    /// It is being carried out.
    Perform,
    /// It is carried out.
    Complete,
    /// It is filed away.
    Archive,
    /// It does not hold, for a reason.
    Void(&'v str),
    /// The next version is begun, for a reason.
    Amend(&'v str),
    /// The draft of a later version is dropped.
    Revert,
}

impl Verb<'_> {
    fn action(self) -> &'static str {
        match self {
            Self::Submit(_) => "submit",
            Self::Withdraw(_) => "withdraw",
            Self::Redraft => "redraft",
            Self::Sign(_) => "sign",
            Self::Perform => "perform",
            Self::Complete => "complete",
            Self::Archive => "archive",
            Self::Void(_) => "void",
            Self::Amend(_) => "amend",
            Self::Revert => "revert",
        }
    }
}

impl Contracts {
    /// Does a verb with a contract: holds it, checks its etag, stores what the verb makes of it and tells of it.
    pub async fn act(&self, call: &Call, (id, etag): (&str, &str), verb: Verb<'_>) -> Result<Wire> {
        let (fields, id) = (&self.slice.fields(call).await?, id::parse("id", id)?);
        self.slice
            .db
            .write(call, verb.action(), move |tx| {
                Box::pin(async move {
                    let was = life::hold_one::<Contract>(tx, call, id, etag).await?;
                    let contract = match verb {
                        Verb::Submit(comment) => submit::submit(tx, call, &was, comment).await?,
                        Verb::Withdraw(comment) => submit::withdraw(tx, call, &was, comment).await?,
                        Verb::Redraft => moved(Act::Redraft, &was)?,
                        Verb::Sign(time) => sign(call, &was, time)?,
                        Verb::Perform => moved(Act::Perform, &was)?,
                        Verb::Complete => {
                            Contract { complete_time: Some(call.now), ..moved(Act::Complete, &was)? }
                        }
                        Verb::Archive => moved(Act::Archive, &was)?,
                        Verb::Void(reason) => void(&was, reason)?,
                        Verb::Amend(reason) => amend(tx, call, &was, reason).await?,
                        Verb::Revert => revert(tx, &was).await?,
                    };
                    life::write_one(tx, call, fields, Revision::new(fields, was, contract)).await
                })
            })
            .await
    }

    /// A page of the versions of a contract before its current one.
    pub async fn versions(
        &self,
        call: &Call,
        request: &ListContractVersionsRequest,
    ) -> Result<ListContractVersionsResponse> {
        let ListContractVersionsRequest { contract_id, page_size, page_token } = request;
        let (fields, id) = (self.slice.fields(call).await?, id::parse("contract_id", contract_id)?);
        let (tenant, list) = (call.tenant_id(), ["contractVersions", contract_id.as_str()]);
        let page = &Keyset::read((tenant, &list), 1, (*page_size, page_token))?;
        let after = page.key(0_i64)?;
        self.slice.get(call, &[id.to_string()]).await?;
        let mut found = self
            .slice
            .db
            .list(call, move |tx| {
                Box::pin(async move { version::after(tx.conn(), (tenant, id), after, page.rows()).await })
            })
            .await?;
        let next_page_token = page.cut(&mut found, |last| Token { keys: vec![last.version.to_string()], id });
        let versions = found.iter().map(|version| version.to_wire(&fields)).collect();
        Ok(ListContractVersionsResponse { versions, next_page_token })
    }
}

/// The contract after an act that changes nothing but its state.
fn moved(act: Act, was: &Contract) -> Result<Contract> {
    Ok(Contract { state: Choice(act.done(was.state.0)?), ..was.clone() })
}

fn sign(call: &Call, was: &Contract, time: Option<&Timestamp>) -> Result<Contract> {
    let before = Some(was.amended_state.0).filter(|state| *state != State::Unspecified);
    let state = Act::Sign(before).done(was.state.0)?;
    let mut check = Checker::new("", "");
    let signed = check.instant("sign_time", time.copied());
    if signed.is_some_and(|signed| signed > call.now) {
        check.refuse("sign_time", "IN_FUTURE", "lies in the future");
    }
    check.into_violations().into_result(())?;
    let sign_time = Some(signed.unwrap_or(call.now));
    let amended_state = Choice(State::Unspecified);
    Ok(Contract { state: Choice(state), sign_time, amended_state, ..was.clone() })
}

/// A reason, which must be there.
fn reason(reason: &str) -> Result<String> {
    let mut check = Checker::new("", "");
    if is_blank(reason) {
        check.refuse("reason", "REQUIRED", "is required");
    }
    let reason = check.line("reason", reason.to_owned(), 200);
    check.into_violations().into_result(reason)
}

fn void(was: &Contract, why: &str) -> Result<Contract> {
    let void_reason = reason(why)?;
    let state = Act::Void.done(was.state.0)?;
    // The version in force is no draft: what is voided must be what binds the parties.
    if was.amended_state.0 != State::Unspecified {
        return Err(machine::refuse(was.state.0));
    }
    Ok(Contract { state: Choice(state), void_reason, ..was.clone() })
}

async fn amend(tx: &mut Tx<'_>, call: &Call, was: &Contract, why: &str) -> Result<Contract> {
    let amend_reason = reason(why)?;
    let state = Act::Amend.done(was.state.0)?;
    version::keep(tx.conn(), was, (call.now, call.caller_id())).await?;
    Ok(Contract {
        state: Choice(state),
        version: was.version + 1,
        amended_state: was.state,
        amend_reason,
        sign_time: None,
        approval_state: Choice(ApprovalState::Unspecified),
        approval_request_id: None,
        approval_comment: String::new(),
        submitted_revision: 0,
        ..was.clone()
    })
}

/// The version in force again; what is free in every state stays as it is now, and links are those of today.
async fn revert(tx: &mut Tx<'_>, was: &Contract) -> Result<Contract> {
    if was.state.0 != State::Draft {
        return Err(machine::refuse(was.state.0));
    }
    let kept = version::take(tx.conn(), (was.tenant_id, was.id), was.version - 1).await?;
    let kept = kept.ok_or_else(|| {
        let message = "the contract has no earlier version";
        Error::new(Code::FailedPrecondition, DOMAIN, "CONTRACT_FIRST_VERSION", message)
    })?;
    let now = was.clone();
    let contract = Contract {
        update_time: now.update_time,
        revision: now.revision,
        contract_type: now.contract_type,
        renewal_of_id: now.renewal_of_id,
        renewal_id: now.renewal_id,
        description: now.description,
        owner_id: now.owner_id,
        tags: now.tags,
        external_ids: now.external_ids,
        custom: now.custom,
        ..kept.content.0
    };
    relinked(tx, contract).await
}

/// The contract with what its kept content refers to as it is found today: an account that was merged since is the one it went into, and a deal or a quote that is gone for good is
/// none. Lines stay as they were agreed.
async fn relinked(tx: &mut Tx<'_>, contract: Contract) -> Result<Contract> {
    let tenant = tx.tenant_id();
    let links = (contract.opportunity_id, contract.quote_id);
    let (opportunity_id, quote_id) = store::known(tx.conn(), tenant, links).await?;
    let mut contract = Contract { opportunity_id, quote_id, ..contract };
    let account_id = contract.account_id;
    relink::catch_up(tx, &mut contract, account_id).await?;
    Ok(contract)
}
