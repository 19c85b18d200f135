//! The functions by which requests are signed. What they compute is computed by programs that share nothing with the server.

use std::io::Write as _;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Values;
use super::request::Request;
use crate::fsp;

/// Signs a request by the function of this name.
///
/// # Panics
/// When there is none.
pub(super) fn sign(name: &str, request: &mut Request, values: &Values) {
    match name {
        // In the place of the step's own.
        "none" => {}
        "basic" => {
            let caller = format!("{}:{}", values.text("customer_id"), values.text("customer_secret"));
            authorize(request, format!("Basic {}", STANDARD.encode(caller)));
        }
        "app secret" => show_key(request, values, "app_id"),
        "other app secret" => show_key(request, values, "other_app"),
        "bare app secret" => show_key(request, values, "bare_app"),
        "disabled app secret" => show_key(request, values, "disabled_app"),
        "foreign app secret" => show_key(request, values, "foreign_app"),
        "access token" => authorize(request, values.text("access_token")),
        "developer" => authorize(request, developer(values)),
        "developer in the query" => {
            let whole = developer(values);
            let (dev_id, token) = whole.split_once('.').expect("a token");
            request.query.push(("dev_id".to_owned(), dev_id.to_owned()));
            request.query.push(("token".to_owned(), token.to_owned()));
        }
        "md5" => add_sign(request, "md5sum", values),
        "sha256" => add_sign(request, "sha256sum", values),
        // Of the vendor's sample: the parameters in this order, and as they are.
        "php" => {
            add_sign(request, "md5sum", values);
            let order = ["appId", "timestamp", "sign", "url"];
            let place = |name: &str| order.iter().position(|known| *known == name);
            request.query.sort_by_key(|(name, _)| place(name));
            request.is_bare = true;
        }
        name => panic!("no function is called {name:?}"),
    }
}

fn authorize(request: &mut Request, value: String) {
    request.headers.push(("Authorization".to_owned(), value));
}

/// The key of the app that has this name among what is known.
fn show_key(request: &mut Request, values: &Values, app: &str) {
    let key = format!("key={}.{}", values.text(app), values.text("secret"));
    authorize(request, key);
}

fn developer(values: &Values) -> String {
    let (dev_id, secret) = (values.text("dev_id"), values.text("dev_secret"));
    format!("{dev_id}.{}", fsp::developers_token(&dev_id, &secret))
}

/// The digest of all parameters that are not empty, between two secrets. It stands where the parameters are.
fn add_sign(request: &mut Request, program: &str, values: &Values) {
    let mut signed: Vec<_> = request.query.iter().chain(request.form.iter().flatten()).collect();
    signed.retain(|(_, value)| !value.is_empty());
    signed.sort();
    let text: String = signed.iter().map(|(name, value)| format!("{name}{value}")).collect();
    let secret = values.text("app_secret");
    let digest = digest(program, &format!("{secret}{text}{secret}")).to_uppercase();
    let place = request.form.as_mut().unwrap_or(&mut request.query);
    place.push(("sign".to_owned(), digest));
}

fn digest(program: &str, text: &str) -> String {
    let mut child = Command::new(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let mut stdin = child.stdin.take().expect("its standard input");
    stdin.write_all(text.as_bytes()).expect("it reads");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    let line = String::from_utf8(output.stdout).expect("text");
    line.split(' ').next().expect("a digest").to_owned()
}
