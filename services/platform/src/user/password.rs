//! Use cases of passwords: the first one that an administrator hands out, and the user's own.

use crm_kit_api::{Call, Error, Result, error::Violations};
use crm_kit_pg::{Db, Tx};
use crm_proto::crm::platform::v1::{
    self as wire, ChangePasswordRequest, ResetPasswordResponse, SessionTokens,
};
use futures::FutureExt as _;
use parking_lot::Mutex;
use uuid::Uuid;

use super::{
    guardrails,
    model::{PasswordHash, User},
    ops, reach, store,
};
use crate::{
    password::{self, Hasher},
    reason,
    session::{self, Client, Sessions},
};

/// Sets passwords.
#[derive(Clone, Debug)]
pub struct Passwords {
    pub db: Db,
    pub hasher: Hasher,
    pub sessions: Sessions,
}

impl Passwords {
    /// Gives a user a new first password, which stands in the answer of the first attempt only.
    pub async fn reset(&self, call: &Call, id: Uuid) -> Result<ResetPasswordResponse> {
        let first_password = password::first();
        let hash = PasswordHash(self.hasher.hash(&first_password).await?);
        let (written, hash) = (&Mutex::new(None), &hash);
        let write =
            self.db.write(call, "user.reset_password", |tx| reset_in(tx, call, id, hash, written).boxed());
        let mut response = write.await?;
        // A repeat of the call gets the stored answer, with the user as it was after the first attempt; what the repeat wrote was undone.
        if *written.lock() == response.user {
            response.first_password = first_password;
        }
        Ok(response)
    }

    /// Sets the caller's own password, ends its sessions and opens a new one.
    pub async fn change(
        &self,
        call: &Call,
        request: &ChangePasswordRequest,
        client: &Client,
    ) -> Result<SessionTokens> {
        // The stored hash of the request would help to guess the password in it.
        let call = &Call { idempotency: None, ..call.clone() };
        let user = self.check_old(call, &request.old_password).await?;
        let mut violations = Violations::default();
        password::check("new_password", &request.new_password, &user.username, &mut violations);
        if request.new_password == request.old_password {
            violations.add("new_password", "UNCHANGED", "is the old one");
        }
        violations.into_result(())?;
        let hash = PasswordHash(self.hasher.hash(&request.new_password).await?);
        let opening = &self.sessions.opening(call.tenant_id(), user.id, client, call.now);
        let hash = &hash;
        self.db.write(call, "user.change_password", |tx| change_in(tx, call, hash, opening).boxed()).await?;
        opening.tokens(false)
    }

    /// The caller, when its old password is right. Wrong ones count as at sign-in.
    async fn check_old(&self, call: &Call, password: &str) -> Result<User> {
        let (tenant_id, id) = (call.tenant_id(), call.caller_id());
        let user = ops::get(&self.db, call, id).await?;
        if user.service_account {
            return Err(reason::service_account(id));
        }
        let stored = self.db.read(call, |tx| store::password_hash(tx.conn(), tenant_id, id).boxed()).await?;
        let admitted = session::ops::attempt(&self.db, tenant_id, &user.username, call.now).await?;
        let right = self.hasher.verify(stored.as_deref(), password).await?;
        match admitted {
            Err(wait) => Err(Error::exhausted("RATE_LIMITED", "too many wrong passwords", wait)),
            Ok(()) if !right => Err(reason::password_wrong()),
            Ok(()) => Ok(user),
        }
    }
}

async fn reset_in(
    tx: &mut Tx<'_>,
    call: &Call,
    id: Uuid,
    hash: &PasswordHash,
    written: &Mutex<Option<wire::User>>,
) -> Result<ResetPasswordResponse> {
    let before = ops::locked(tx, id, "").await?;
    if before.service_account {
        return Err(reason::service_account(id));
    }
    guardrails::check_cover_user(tx, call, &before).await?;
    reach::check_all(tx, call, id).await?;
    session::ops::end_all(tx, id).await?;
    session::ops::forgive(tx, &before.username).await?;
    let after = User { password_hash: Some(hash.clone()), password_change_required: true, ..before.clone() };
    let user = Some(ops::save(tx, call, &before, after).await?);
    written.lock().clone_from(&user);
    Ok(ResetPasswordResponse { user, first_password: String::new() })
}

async fn change_in(
    tx: &mut Tx<'_>,
    call: &Call,
    hash: &PasswordHash,
    opening: &session::Opening,
) -> Result<SessionTokens> {
    let before = ops::locked(tx, call.caller_id(), "").await?;
    session::ops::end_all(tx, before.id).await?;
    session::ops::forgive(tx, &before.username).await?;
    let after = User { password_hash: Some(hash.clone()), password_change_required: false, ..before.clone() };
    ops::save(tx, call, &before, after).await?;
    session::ops::open(tx, opening).await?;
    Ok(SessionTokens::default())
}
