use protocol::{Secret, VpxContainer};
use serde::Serialize;
use serde_json::Value;

use super::error::AdminError;
use super::{Admin, automatic, backup, callback, channel_secrets, display_name, house_storage, limits, only, source};
use crate::access::{App, ChannelAccess, Limits, Page, RecorderDefaults, Store, hex, is_id};
use crate::dialect::{Dialect, StartTerms};
use crate::http::Response;
use crate::input::{FieldError, Fields};

/// What may be set when an app is created and changed afterwards.
const SETTINGS: &[&str] = &[
    "name",
    "dialect",
    "flavour",
    "source",
    "certificate",
    "channels",
    "callback",
    "backup",
    "house_storage",
    "automatic",
    "recorder",
    "limits",
    "disabled",
];

/// An app as the operator sees it: its source without what is secret in it.
#[derive(Serialize)]
struct View {
    app_id: String,
    tenant: String,
    name: String,
    dialect: String,
    source: Value,
    has_certificate: bool,
    channels: ChannelsView,
    callback: Option<Value>,
    backup: Option<Value>,
    house_storage: Option<Value>,
    automatic: Option<Value>,
    recorder: RecorderDefaults,
    limits: Limits,
    disabled: bool,
    created_ms: u64,
}

/// Who may join the app's channels.
#[derive(Serialize)]
struct ChannelsView {
    access: ChannelAccess,
}

impl From<App> for View {
    fn from(app: App) -> Self {
        Self {
            app_id: app.app_id,
            tenant: app.tenant,
            name: app.name,
            dialect: app.dialect,
            source: source::view(&app.source),
            has_certificate: app.certificate.is_some(),
            channels: ChannelsView {
                access: app.channels.access,
            },
            callback: app.callback.as_ref().map(|set| callback::view(set, false)),
            backup: app.backup.as_ref().map(backup::view),
            house_storage: app.house_storage.as_ref().map(house_storage::view),
            automatic: app.automatic.as_ref().map(automatic::view),
            recorder: app.recorder,
            limits: app.limits,
            disabled: app.disabled,
            created_ms: app.created_ms,
        }
    }
}

impl View {
    /// With another view of its callback, if there is one.
    fn with(self, callback: Option<Value>) -> Self {
        Self {
            callback: callback.or(self.callback),
            ..self
        }
    }
}

impl<S: Store> Admin<'_, S> {
    pub(super) async fn create_app(&self) -> Result<Response, AdminError> {
        let body = self.body(&[&["app_id", "tenant"], SETTINGS].concat())?;
        let body = Fields::new(&body);
        let app_id = chosen_app_id(&body)?.map_or_else(|| hex(&self.entropy.id), str::to_owned);
        let tenant = body.require("tenant", body.string("tenant")?)?;
        let mut app = App::new(app_id, tenant, Dialect::default().name(), self.now_ms);
        let callback = self.change(&mut app, &body)?;
        if self.directory.tenant(tenant).await?.is_none() {
            return Err(body.error("tenant", "must be the id of a tenant").into());
        }
        if self.directory.app(&app.app_id).await?.is_some() {
            return Err(AdminError::exists("app", &app.app_id));
        }
        self.directory.put_app(&app, &self.entropy.nonce).await?;
        Ok(Response::json(201, &View::from(app).with(callback)))
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
        let body = self.body(SETTINGS)?;
        let mut app = self.app(app_id).await?;
        let callback = self.change(&mut app, &Fields::new(&body))?;
        self.directory.put_app(&app, &self.entropy.nonce).await?;
        Ok(Response::json(200, &View::from(app).with(callback)))
    }

    pub(super) async fn delete_app(&self, app_id: &str) -> Result<Response, AdminError> {
        let app = self.app(app_id).await?;
        self.directory.delete_app(&app).await?;
        Ok(Response::empty(204))
    }

    /// Takes over the settings that the body gives; the others stay. Returns how a callback with a new secret is shown, this
    /// once.
    fn change(&self, app: &mut App, body: &Fields<'_>) -> Result<Option<Value>, FieldError> {
        change(app, body)?;
        // Given and empty, null say, takes the backup away.
        if body.names().any(|name| name == "backup") {
            let given = body.object("backup")?;
            let read = |given| backup::read(&given, self.targets, self.now_ms);
            app.backup = given.map(read).transpose()?;
        }
        // Given and empty, null say, takes the store away.
        if body.names().any(|name| name == "house_storage") {
            let given = body.object("house_storage")?;
            let old = app.house_storage.as_ref();
            let read = |given| house_storage::read(&given, old, self.targets, self.now_ms);
            app.house_storage = given.map(read).transpose()?;
        }
        // Given and empty, null say, takes it away.
        if body.names().any(|name| name == "automatic") {
            app.automatic = body
                .object("automatic")?
                .map(|given| automatic::read(&given))
                .transpose()?;
        }
        let terms = StartTerms {
            targets: self.targets,
            now_ms: self.now_ms,
            entropy: self.entropy,
        };
        // Also when it was set before: what the body changes may make it unfit.
        automatic::check(app, body, terms)?;
        // Given and empty, null say, takes the callback away.
        if body.names().any(|name| name == "callback") && body.get("callback").is_none() {
            app.callback = None;
        }
        let Some(given) = body.object("callback")? else {
            return Ok(None);
        };
        let fresh = hex(&self.entropy.secret);
        let (set, is_new) = callback::read(&given, app.callback.as_ref(), &fresh, self.targets)?;
        let shown = is_new.then(|| callback::view(&set, true));
        app.callback = Some(set);
        Ok(shown)
    }

    pub(super) async fn app(&self, app_id: &str) -> Result<App, AdminError> {
        self.directory
            .app(app_id)
            .await?
            .ok_or_else(|| AdminError::not_found("app", app_id))
    }
}

/// All settings but the callback, the stores and the automatic recording.
fn change(app: &mut App, body: &Fields<'_>) -> Result<(), FieldError> {
    if let Some(name) = display_name(body)? {
        app.name = name.to_owned();
    }
    if let Some(dialect) = dialect(body)? {
        dialect.name().clone_into(&mut app.dialect);
    }
    // Given and empty, null say, takes the certificate away.
    if body.names().any(|name| name == "certificate") {
        app.certificate = certificate(body)?;
    }
    if let Some(given) = body.object("channels")? {
        channel_secrets::change(&mut app.channels, &given)?;
    }
    if let Some(given) = body.object("source")? {
        app.source = source::read(&given)?;
    }
    if let Some(recorder) = body.object("recorder")? {
        only(&recorder, &["strict_extinf", "multivariant_playlists", "vpx_container"])?;
        let own = &mut app.recorder;
        for (name, setting) in [
            ("strict_extinf", &mut own.strict_extinf),
            ("multivariant_playlists", &mut own.multivariant_playlists),
        ] {
            *setting = recorder.boolean(name)?.unwrap_or(*setting);
        }
        own.vpx_container = vpx_container(&recorder)?.unwrap_or(own.vpx_container);
    }
    if let Some(given) = body.object("limits")? {
        limits::change(&mut app.limits, &given)?;
    }
    app.disabled = body.boolean("disabled")?.unwrap_or(app.disabled);
    Ok(())
}

fn vpx_container(recorder: &Fields<'_>) -> Result<Option<VpxContainer>, FieldError> {
    const NAME: &str = "vpx_container";
    let Some(given) = recorder.string(NAME)? else {
        return Ok(None);
    };
    let known = VpxContainer::ALL
        .into_iter()
        .find(|container| container.name() == given);
    known
        .map(Some)
        .ok_or_else(|| recorder.error(NAME, "must be by_codec, webm or mp4"))
}

/// The dialect that the body names. `flavour` is its older name, which goes before `dialect`: clients of that time named with
/// the latter no more than the family.
fn dialect(body: &Fields<'_>) -> Result<Option<Dialect>, FieldError> {
    let mut named = None;
    for field in ["dialect", "flavour"] {
        if let Some(name) = body.string(field)? {
            named = Some(Dialect::named(name).ok_or_else(|| {
                let names: Vec<_> = Dialect::names().map(|name| format!("\"{name}\"")).collect();
                body.error(field, format!("must be {}", names.join(" or ")))
            })?);
        }
    }
    Ok(named)
}

fn certificate(body: &Fields<'_>) -> Result<Option<Secret>, FieldError> {
    let text = body.string("certificate")?;
    match text.is_none_or(is_hex_32) {
        true => Ok(text.map(Secret::new)),
        false => Err(body.error(
            "certificate",
            "must have 32 hexadecimal characters, or be null for none",
        )),
    }
}

fn chosen_app_id<'a>(body: &Fields<'a>) -> Result<Option<&'a str>, FieldError> {
    let id = body.string("app_id")?;
    match id.is_none_or(is_hex_32) {
        true => Ok(id),
        false => Err(body.error("app_id", "must have 32 hexadecimal characters")),
    }
}

fn is_hex_32(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
