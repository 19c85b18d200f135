use protocol::Secret;
use serde::Serialize;

use super::error::AdminError;
use super::{Admin, MAX_SECRET_BYTES, chosen_id, is_visible};
use crate::access::{Credential, Page, Store, hex};
use crate::http::Response;
use crate::input::{FieldError, Fields};

/// A credential as the operator sees it: without its secret, but in the answer that sets it.
#[derive(Serialize)]
struct View {
    customer_id: String,
    tenant: String,
    created_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_secret: Option<String>,
}

impl From<Credential> for View {
    fn from(credential: Credential) -> Self {
        let Credential {
            customer_id,
            tenant,
            created_ms,
            secret: _,
        } = credential;
        Self {
            customer_id,
            tenant,
            created_ms,
            customer_secret: None,
        }
    }
}

impl<S: Store> Admin<'_, S> {
    pub(super) async fn create_credential(&self, tenant: &str) -> Result<Response, AdminError> {
        let body = self.body(&["customer_id", "customer_secret"])?;
        let body = Fields::new(&body);
        let chosen = chosen_id(&body, "customer_id")?;
        let secret = self.secret(&body)?;
        let customer_id = chosen.map_or_else(|| hex(&self.entropy.id), str::to_owned);
        let tenant = self.tenant(tenant).await?.id;
        if self.directory.credential(&customer_id).await?.is_some() {
            return Err(AdminError::exists("customer ID", &customer_id));
        }
        let credential = Credential {
            customer_id,
            tenant,
            secret,
            created_ms: self.now_ms,
        };
        self.put_credential(201, credential).await
    }

    /// Replaces the secret. The old one is good no more.
    pub(super) async fn update_credential(&self, tenant: &str, customer_id: &str) -> Result<Response, AdminError> {
        let body = self.body(&["customer_secret"])?;
        let secret = self.secret(&Fields::new(&body))?;
        let credential = self.credential(tenant, customer_id).await?;
        self.put_credential(200, Credential { secret, ..credential }).await
    }

    /// Answers with the secret, this once.
    async fn put_credential(&self, status: u16, credential: Credential) -> Result<Response, AdminError> {
        self.directory.put_credential(&credential, &self.entropy.nonce).await?;
        let customer_secret = Some(credential.secret.expose().to_owned());
        Ok(Response::json(
            status,
            &View {
                customer_secret,
                ..credential.into()
            },
        ))
    }

    /// The secret that the operator brings along, from a vendor say, or a new one.
    fn secret(&self, body: &Fields<'_>) -> Result<Secret, FieldError> {
        match body.string("customer_secret")? {
            None => Ok(Secret::new(hex(&self.entropy.secret))),
            Some(chosen) if chosen.len() <= MAX_SECRET_BYTES && is_visible(chosen) => Ok(Secret::new(chosen)),
            Some(_) => Err(body.error(
                "customer_secret",
                format!("must have at most {MAX_SECRET_BYTES} characters, all of visible ASCII"),
            )),
        }
    }

    pub(super) async fn list_credentials(&self, tenant: &str) -> Result<Response, AdminError> {
        let (limit, cursor) = self.paging()?;
        self.tenant(tenant).await?;
        let Page { items, cursor } = self.directory.credentials(tenant, limit, cursor.as_deref()).await?;
        Ok(Response::json(
            200,
            &Page {
                items: items.into_iter().map(View::from).collect(),
                cursor,
            },
        ))
    }

    pub(super) async fn read_credential(&self, tenant: &str, customer_id: &str) -> Result<Response, AdminError> {
        Ok(Response::json(
            200,
            &View::from(self.credential(tenant, customer_id).await?),
        ))
    }

    pub(super) async fn delete_credential(&self, tenant: &str, customer_id: &str) -> Result<Response, AdminError> {
        let credential = self.credential(tenant, customer_id).await?;
        self.directory.delete_credential(&credential).await?;
        Ok(Response::empty(204))
    }

    async fn credential(&self, tenant: &str, customer_id: &str) -> Result<Credential, AdminError> {
        let credential = self.directory.credential(customer_id).await?;
        let credential = credential.filter(|credential| credential.tenant == tenant);
        credential.ok_or_else(|| AdminError::not_found("customer ID", customer_id))
    }
}
