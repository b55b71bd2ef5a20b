//! The session service on the wire.

use std::sync::Arc;

use crm_kit_api::{Error, id};
use crm_kit_rpc::{auth::Credential, call, layer::observe::Observed};
use crm_proto::crm::platform::v1::{
    CreateSessionRequest, DeleteSessionRequest, ListSessionsRequest, ListSessionsResponse,
    RefreshSessionRequest, Session, SessionTokens, session_service_server::SessionService,
};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{Client, Sessions, events::COLLECTION, ops, sign_in::Origin};

/// Stands for the session the call is made with.
const ME: &str = "me";

/// Serves sessions.
#[derive(Clone, Debug)]
pub struct SessionsApi {
    pub sessions: Sessions,
    pub trust_client_ip: bool,
}

impl SessionsApi {
    fn origin<T>(&self, request: &Request<T>, method: &str) -> Origin {
        let observed = request.extensions().get::<Arc<Observed>>().cloned().unwrap_or_default();
        Origin {
            client: Client::of(request, self.trust_client_ip),
            request_id: Arc::clone(&observed.request_id),
            method: format!("/crm.platform.v1.SessionService/{method}").into(),
            statistics: Arc::clone(&observed.statistics),
        }
    }

    /// The session of the access token the call is made with; API keys have none.
    async fn current<T>(&self, request: &Request<T>) -> Result<Uuid, Error> {
        let credential = Credential::from_headers(&request.metadata().clone().into_headers())?;
        let credential = credential.ok_or_else(Error::credential_missing)?;
        let claims = self.sessions.keys.verify(credential.text(), self.sessions.clock.now()).await?;
        claims.map(|claims| claims.sid).map_err(|_| Error::not_found(COLLECTION, ME))
    }
}

#[tonic::async_trait]
impl SessionService for SessionsApi {
    async fn create_session(
        &self,
        request: Request<CreateSessionRequest>,
    ) -> Result<Response<SessionTokens>, Status> {
        let origin = self.origin(&request, "CreateSession");
        Ok(Response::new(self.sessions.sign_in(request.get_ref(), &origin).await?))
    }

    async fn refresh_session(
        &self,
        request: Request<RefreshSessionRequest>,
    ) -> Result<Response<SessionTokens>, Status> {
        let origin = self.origin(&request, "RefreshSession");
        Ok(Response::new(self.sessions.refresh(&request.get_ref().refresh_token, &origin).await?))
    }

    async fn list_sessions(
        &self,
        request: Request<ListSessionsRequest>,
    ) -> Result<Response<ListSessionsResponse>, Status> {
        let call = call(&request)?;
        Ok(Response::new(ops::list(&self.sessions.db, &call, &request.get_ref().user_id).await?))
    }

    async fn delete_session(
        &self,
        request: Request<DeleteSessionRequest>,
    ) -> Result<Response<Session>, Status> {
        let call = call(&request)?;
        let id = match request.get_ref().id.as_str() {
            ME => self.current(&request).await?,
            id => id::parse("id", id)?,
        };
        Ok(Response::new(ops::delete(&self.sessions.db, &call, id).await?))
    }
}
