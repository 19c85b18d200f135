/// What a path names; ids are as sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route<'a> {
    Tenants,
    Tenant(&'a str),
    Credentials {
        tenant: &'a str,
    },
    Credential {
        tenant: &'a str,
        customer_id: &'a str,
    },
    Apps,
    App(&'a str),
    ChannelSecrets {
        app_id: &'a str,
    },
    ChannelSecret {
        app_id: &'a str,
        id: &'a str,
    },
    Usage {
        app_id: &'a str,
    },
    Nodes,
    NodeTokens {
        node_id: &'a str,
    },
    NodeToken {
        node_id: &'a str,
        id: &'a str,
    },
    Channels {
        app_id: &'a str,
    },
    ChannelUser {
        app_id: &'a str,
        channel: &'a str,
        uid: &'a str,
    },
    Recordings {
        app_id: &'a str,
    },
    Recording {
        app_id: &'a str,
        sid: &'a str,
    },
    AwaitedMedia {
        app_id: &'a str,
        sid: &'a str,
    },
    StopRecording {
        app_id: &'a str,
        sid: &'a str,
    },
    Notices {
        app_id: &'a str,
        sid: &'a str,
    },
    ReplayNotices {
        app_id: &'a str,
        sid: &'a str,
    },
    ReplayNotice {
        app_id: &'a str,
        sid: &'a str,
        number: &'a str,
    },
    TestCallback {
        app_id: &'a str,
    },
}

impl<'a> Route<'a> {
    pub(super) fn parse(path: &'a str) -> Option<Self> {
        let segments: Vec<_> = path.strip_prefix("/admin/v1/")?.split('/').collect();
        if segments.iter().any(|segment| segment.is_empty()) {
            return None;
        }
        Some(match *segments.as_slice() {
            ["tenants"] => Self::Tenants,
            ["tenants", id] => Self::Tenant(id),
            ["tenants", tenant, "credentials"] => Self::Credentials { tenant },
            ["tenants", tenant, "credentials", customer_id] => Self::Credential { tenant, customer_id },
            ["apps"] => Self::Apps,
            ["apps", app_id] => Self::App(app_id),
            ["apps", app_id, "channel-secrets"] => Self::ChannelSecrets { app_id },
            ["apps", app_id, "channel-secrets", id] => Self::ChannelSecret { app_id, id },
            ["apps", app_id, "usage"] => Self::Usage { app_id },
            ["nodes"] => Self::Nodes,
            ["nodes", node_id, "tokens"] => Self::NodeTokens { node_id },
            ["nodes", node_id, "tokens", id] => Self::NodeToken { node_id, id },
            ["apps", app_id, "channels"] => Self::Channels { app_id },
            ["apps", app_id, "channels", channel, "users", uid] => Self::ChannelUser { app_id, channel, uid },
            ["apps", app_id, "recordings"] => Self::Recordings { app_id },
            ["apps", app_id, "recordings", sid] => Self::Recording { app_id, sid },
            ["apps", app_id, "recordings", sid, "stop"] => Self::StopRecording { app_id, sid },
            ["apps", app_id, "recordings", sid, "awaited"] => Self::AwaitedMedia { app_id, sid },
            ["apps", app_id, "recordings", sid, "notices"] => Self::Notices { app_id, sid },
            ["apps", app_id, "recordings", sid, "notices", "replay"] => Self::ReplayNotices { app_id, sid },
            ["apps", app_id, "recordings", sid, "notices", number, "replay"] => {
                Self::ReplayNotice { app_id, sid, number }
            }
            ["apps", app_id, "callback", "test"] => Self::TestCallback { app_id },
            _ => return None,
        })
    }

    /// The methods that this path takes, as the `Allow` header lists them.
    pub(super) fn methods(self) -> &'static str {
        match self {
            Self::Tenants
            | Self::Credentials { .. }
            | Self::Apps
            | Self::ChannelSecrets { .. }
            | Self::NodeTokens { .. } => "GET, POST",
            Self::ChannelSecret { .. }
            | Self::NodeToken { .. }
            | Self::AwaitedMedia { .. }
            | Self::ChannelUser { .. } => "DELETE",
            Self::Recording { .. } => "GET, DELETE",
            Self::Tenant(_) | Self::App(_) => "GET, PATCH, DELETE",
            Self::Credential { .. } => "GET, PATCH, DELETE",
            Self::Usage { .. }
            | Self::Nodes
            | Self::Channels { .. }
            | Self::Recordings { .. }
            | Self::Notices { .. } => "GET",
            Self::StopRecording { .. }
            | Self::ReplayNotices { .. }
            | Self::ReplayNotice { .. }
            | Self::TestCallback { .. } => "POST",
        }
    }
}
