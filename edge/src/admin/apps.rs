use protocol::Source;
use serde::Serialize;
use serde_json::Value;

use super::error::AdminError;
use super::{Admin, display_name, only, source};
use crate::access::{App, Dialect, Flavour, Page, RecorderDefaults, Store, hex, is_id};
use crate::http::Response;
use crate::input::{FieldError, Fields};

/// An app as the operator sees it: its source without what is secret in it.
#[derive(Serialize)]
struct View {
    app_id: String,
    tenant: String,
    name: String,
    dialect: Dialect,
    flavour: Flavour,
    source: Value,
    recorder: RecorderDefaults,
    disabled: bool,
    created_ms: u64,
}

impl From<App> for View {
    fn from(app: App) -> Self {
        Self {
            app_id: app.app_id,
            tenant: app.tenant,
            name: app.name,
            dialect: app.dialect,
            flavour: app.flavour,
            source: source::view(&app.source),
            recorder: app.recorder,
            disabled: app.disabled,
            created_ms: app.created_ms,
        }
    }
}

impl<S: Store> Admin<'_, S> {
    pub(super) async fn create_app(&self) -> Result<Response, AdminError> {
        let body = self.body(&[
            "app_id", "tenant", "name", "dialect", "flavour", "source", "recorder", "disabled",
        ])?;
        let body = Fields::new(&body);
        for name in ["dialect", "flavour"] {
            if body.string(name)?.is_some_and(|value| value != "agora") {
                return Err(body
                    .error(name, "must be \"agora\": this server offers no other")
                    .into());
            }
        }
        let app_id = chosen_app_id(&body)?.map_or_else(|| hex(&self.entropy.id), str::to_owned);
        let tenant = body.require("tenant", body.string("tenant")?)?;
        let mut app = App {
            app_id,
            tenant: tenant.to_owned(),
            name: String::new(),
            dialect: Dialect::Agora,
            flavour: Flavour::Agora,
            source: Source::Builtin {
                rtsp: None,
                roster: None,
            },
            recorder: RecorderDefaults::default(),
            disabled: false,
            created_ms: self.now_ms,
        };
        change(&mut app, &body)?;
        if self.directory.tenant(tenant).await?.is_none() {
            return Err(body.error("tenant", "must be the id of a tenant").into());
        }
        if self.directory.app(&app.app_id).await?.is_some() {
            return Err(AdminError::exists("app", &app.app_id));
        }
        self.directory.put_app(&app, &self.entropy.nonce).await?;
        Ok(Response::json(201, &View::from(app)))
    }

    pub(super) async fn list_apps(&self) -> Result<Response, AdminError> {
        let (limit, cursor) = self.paging()?;
        let tenant = self.request.query_value("tenant").filter(|tenant| !tenant.is_empty());
        if tenant.as_deref().is_some_and(|tenant| !is_id(tenant)) {
            let error = FieldError {
                field: "tenant".to_owned(),
                problem: "must be the id of a tenant".to_owned(),
            };
            return Err(error.into());
        }
        let Page { items, cursor } = self.directory.apps(tenant.as_deref(), limit, cursor.as_deref()).await?;
        Ok(Response::json(
            200,
            &Page {
                items: items.into_iter().map(View::from).collect(),
                cursor,
            },
        ))
    }

    pub(super) async fn read_app(&self, app_id: &str) -> Result<Response, AdminError> {
        Ok(Response::json(200, &View::from(self.app(app_id).await?)))
    }

    pub(super) async fn update_app(&self, app_id: &str) -> Result<Response, AdminError> {
        let body = self.body(&["name", "source", "recorder", "disabled"])?;
        let mut app = self.app(app_id).await?;
        change(&mut app, &Fields::new(&body))?;
        self.directory.put_app(&app, &self.entropy.nonce).await?;
        Ok(Response::json(200, &View::from(app)))
    }

    pub(super) async fn delete_app(&self, app_id: &str) -> Result<Response, AdminError> {
        let app = self.app(app_id).await?;
        self.directory.delete_app(&app).await?;
        Ok(Response::empty(204))
    }

    async fn app(&self, app_id: &str) -> Result<App, AdminError> {
        self.directory
            .app(app_id)
            .await?
            .ok_or_else(|| AdminError::not_found("app", app_id))
    }
}

/// Takes over the settings that the body gives; the others stay.
fn change(app: &mut App, body: &Fields<'_>) -> Result<(), FieldError> {
    if let Some(name) = display_name(body)? {
        app.name = name.to_owned();
    }
    if let Some(given) = body.object("source")? {
        app.source = source::read(&given)?;
    }
    if let Some(recorder) = body.object("recorder")? {
        only(&recorder, &["strict_extinf"])?;
        app.recorder.strict_extinf = recorder.boolean("strict_extinf")?.unwrap_or(app.recorder.strict_extinf);
    }
    app.disabled = body.boolean("disabled")?.unwrap_or(app.disabled);
    Ok(())
}

fn chosen_app_id<'a>(body: &Fields<'a>) -> Result<Option<&'a str>, FieldError> {
    let id = body.string("app_id")?;
    let is_app_id = |id: &str| id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    match id.is_none_or(is_app_id) {
        true => Ok(id),
        false => Err(body.error("app_id", "must have 32 hexadecimal characters")),
    }
}
