//! `serve`: the REST API and the page for all labs of the user, or for one, until it is interrupted.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use serde_json::json;

use super::args::{Common, LabArg};
use super::exit::Exit;
use super::failure::Failure;
use super::interrupt;
use super::lab;
use super::output;
use crate::api::{self, Api, Scope};
use crate::diagnostic::Diagnostic;
use crate::runtime::random_token;
use crate::session::World;

/// The arguments of `serve`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: intelmq-lab serve --listen 127.0.0.1:8080")]
pub(super) struct Args {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// What clients must show; made anew unless it is given here or by INTELMQ_LAB_TOKEN
    #[arg(long, value_name = "TOKEN", hide_default_value = true)]
    token: Option<String>,
    /// Serve IntelMQ Manager too: the folder that `intelmq-manager-build --output-dir DIR` made
    #[arg(long, value_name = "DIR")]
    manager: Option<PathBuf>,
    #[command(flatten)]
    lab: LabArg,
}

pub(super) fn run(args: &Args, common: &Common) -> Result<Exit, Failure> {
    if !args.listen.ip().is_loopback() {
        return Err(Failure::usage(
            "not-loopback",
            format!("{} is not an address of this machine alone", args.listen.ip()),
        )
        .help("listen on 127.0.0.1, and let a reverse proxy or ssh bring others to it"));
    }
    if let Some(folder) = args.manager.as_ref().filter(|folder| !folder.join("index.html").is_file()) {
        let title = format!("{} holds no IntelMQ Manager: it has no index.html", folder.display());
        return Err(Failure::usage("no-manager", title)
            .help("`pip install intelmq-manager`, then `intelmq-manager-build --output-dir DIR`"));
    }
    let interrupted = interrupt::watch()?;
    let world = World::of_user(interrupted.clone())?;
    let scope = match &args.lab.lab {
        Some(_) => Scope::One(lab::choose(&args.lab)?.lab.record.name),
        None => Scope::All,
    };
    let token = args.token.clone().or_else(|| std::env::var("INTELMQ_LAB_TOKEN").ok());
    let token = match token.filter(|token| !token.is_empty()) {
        Some(token) => token,
        None => random_token().map_err(|error| failed(&error))?,
    };
    let router = api::router(Api::new(world, scope, common.playbooks.clone()), args.manager.clone());
    let manager = args.manager.is_some();
    api::serve(router, args.listen, &token, &interrupted, |address| said(address, &token, manager, common))
        .map_err(|error| failed(&error))?;
    Ok(Exit::Ok)
}

fn failed(error: &std::io::Error) -> Failure {
    let problem = Diagnostic::error("cannot-serve", format!("the API cannot be served: {error}"));
    Failure::one(Exit::Target, problem.help("choose another address with --listen; port 0 takes a free one"))
}

/// Says where it is.
fn said(address: SocketAddr, token: &str, with_manager: bool, common: &Common) {
    let host = match address.ip() {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    };
    let url = format!("http://{host}:{}", address.port());
    let page = output::page(&url, token);
    let manager = with_manager.then(|| output::page(&format!("{url}/manager"), token));
    let told = if common.json {
        output::json(&json!({ "url": url, "token": token, "page": page, "manager": manager }))
    } else {
        let manager = manager.map(|manager| format!("\nIntelMQ Manager {manager}")).unwrap_or_default();
        output::data(&format!(
            "page  {page}\napi   {url}/v1, described by {url}/openapi.json\ntoken {token}{manager}"
        ))
    };
    // Whoever does not read it has no use for it either.
    let _ = told;
    output::talk("until Ctrl-C");
}
