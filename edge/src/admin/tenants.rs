use super::error::AdminError;
use super::{Admin, chosen_id, display_name};
use crate::access::{Store, Tenant, hex};
use crate::http::Response;
use crate::input::Fields;

impl<S: Store> Admin<'_, S> {
    pub(super) async fn create_tenant(&self) -> Result<Response, AdminError> {
        let body = self.body(&["id", "name"])?;
        let body = Fields::new(&body);
        let id = chosen_id(&body, "id")?.map_or_else(|| hex(&self.entropy.id), str::to_owned);
        let name = body.require("name", display_name(&body)?)?.to_owned();
        if self.directory.tenant(&id).await?.is_some() {
            return Err(AdminError::exists("tenant", &id));
        }
        let tenant = Tenant {
            id,
            name,
            created_ms: self.now_ms,
        };
        self.directory.put_tenant(&tenant).await?;
        Ok(Response::json(201, &tenant))
    }

    pub(super) async fn list_tenants(&self) -> Result<Response, AdminError> {
        let (limit, cursor) = self.paging()?;
        Ok(Response::json(
            200,
            &self.directory.tenants(limit, cursor.as_deref()).await?,
        ))
    }

    pub(super) async fn read_tenant(&self, id: &str) -> Result<Response, AdminError> {
        Ok(Response::json(200, &self.tenant(id).await?))
    }

    pub(super) async fn update_tenant(&self, id: &str) -> Result<Response, AdminError> {
        let body = self.body(&["name"])?;
        let mut tenant = self.tenant(id).await?;
        if let Some(name) = display_name(&Fields::new(&body))? {
            tenant.name = name.to_owned();
        }
        self.directory.put_tenant(&tenant).await?;
        Ok(Response::json(200, &tenant))
    }

    pub(super) async fn delete_tenant(&self, id: &str) -> Result<Response, AdminError> {
        self.tenant(id).await?;
        if self.directory.owns_anything(id).await? {
            let reason = "delete the tenant's apps and credentials first";
            return Err(AdminError::new(409, "tenant_not_empty", reason));
        }
        self.directory.delete_tenant(id).await?;
        Ok(Response::empty(204))
    }

    pub(super) async fn tenant(&self, id: &str) -> Result<Tenant, AdminError> {
        self.directory
            .tenant(id)
            .await?
            .ok_or_else(|| AdminError::not_found("tenant", id))
    }
}
