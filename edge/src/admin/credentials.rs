use protocol::Secret;
use serde::Serialize;

use super::error::AdminError;
use super::{Admin, chosen_id};
use crate::access::{Credential, Page, Store, hex};
use crate::http::Response;
use crate::input::Fields;

/// A credential as the operator sees it: without its secret, but in the answer to its creation.
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
        let body = self.body(&["customer_id"])?;
        let chosen = chosen_id(&Fields::new(&body), "customer_id")?;
        let customer_id = chosen.map_or_else(|| hex(&self.entropy.id), str::to_owned);
        let tenant = self.tenant(tenant).await?.id;
        if self.directory.credential(&customer_id).await?.is_some() {
            return Err(AdminError::exists("customer ID", &customer_id));
        }
        let secret = hex(&self.entropy.secret);
        let credential = Credential {
            customer_id,
            tenant,
            secret: Secret::new(secret.as_str()),
            created_ms: self.now_ms,
        };
        self.directory.put_credential(&credential, &self.entropy.nonce).await?;
        Ok(Response::json(
            201,
            &View {
                customer_secret: Some(secret),
                ..credential.into()
            },
        ))
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
