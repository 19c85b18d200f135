use tracing_subscriber::EnvFilter;

/// What these libraries tell at `info` says nothing to an operator. Retina's warnings name whole URLs of cameras, and OpenDAL
/// takes a request that is dropped with its process for a mistake. A filter that names them has its way.
const QUIET_LIBRARIES: &str = "retina=error,opendal_core=error,opendal_service_s3=error";

/// JSON lines on standard error: standard output belongs to reports.
pub(super) fn start(filter: &str) -> Result<(), String> {
    let filter = EnvFilter::try_new(format!("{QUIET_LIBRARIES},{filter}")).map_err(|error| error.to_string())?;
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_span_list(false)
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .try_init()
        .map_err(|error| error.to_string())
}
