//! The server that takes mails: connecting, saying who we are, and handing over one mail after the other.

use std::time::Duration;

use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{SmtpConnection, TlsParameters};
use lettre::transport::smtp::extension::{ClientId, Extension};
use lettre::transport::smtp::{Error, commands};

use super::letter::Letter;
use crate::bots::Failure;
use crate::pipeline::{ParamError, Params};

/// How long the server may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A mail server, and the connection to it while it lasts.
pub(crate) struct MailServer {
    host: String,
    port: u16,
    tls: Tls,
    login: Option<Credentials>,
    connection: Option<SmtpConnection>,
}

/// How a connection is encrypted.
enum Tls {
    Never,
    AfterGreeting(TlsParameters),
    FromTheStart(TlsParameters),
}

/// How the two outputs call the same parameters.
pub(crate) struct Names {
    /// The user.
    pub(crate) user: &'static str,
    /// The password.
    pub(crate) password: &'static str,
    /// Whether certificates are verified.
    pub(crate) verify: &'static str,
}

impl MailServer {
    /// Reads where the server is and how to speak to it; nothing is connected yet.
    pub(crate) fn of(params: &Params, names: &Names) -> Result<MailServer, Failure> {
        let host = params.text("smtp_host")?.unwrap_or_else(|| "localhost".to_owned());
        let port = params.int("smtp_port")?.unwrap_or(25);
        let port = u16::try_from(port).map_err(|_| ParamError {
            name: "smtp_port".to_owned(),
            problem: format!("must be a port, 1 to 65535, not {port}"),
        })?;
        let tls = || {
            TlsParameters::builder(host.clone())
                .dangerous_accept_invalid_certs(!params.flag(names.verify))
                .build()
                .map_err(|error| Failure::Configuration(format!("TLS for {host}: {}", told(&error))))
        };
        let tls = match (params.flag("ssl"), params.flag("starttls")) {
            (true, _) => Tls::FromTheStart(tls()?),
            (false, true) => Tls::AfterGreeting(tls()?),
            (false, false) => Tls::Never,
        };
        let user = params.text(names.user)?.filter(|user| !user.is_empty());
        let password = params.text(names.password)?;
        let login = user.zip(password).map(|(user, password)| Credentials::new(user, password));
        Ok(MailServer { host, port, tls, login, connection: None })
    }

    /// Hands over one mail; returns the recipients that the server refused, unless it refused all.
    pub(crate) fn send(&mut self, letter: &Letter) -> Result<Vec<String>, Failure> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect().map_err(|error| self.failure(&error))?,
        };
        let sent = deliver(&mut connection, letter);
        if sent.is_ok() {
            self.connection = Some(connection);
        } else {
            connection.abort();
        }
        sent.map_err(|problem| self.failure(&problem))
    }

    /// Ends the connection in order.
    pub(crate) fn leave(&mut self) {
        if let Some(mut connection) = self.connection.take() {
            // The mails are the server's already; what it says to the farewell changes nothing.
            let _ = connection.quit();
        }
    }

    fn connect(&self) -> Result<SmtpConnection, String> {
        let me = ClientId::default();
        let wrapper = match &self.tls {
            Tls::FromTheStart(tls) => Some(tls),
            _ => None,
        };
        let address = (self.host.as_str(), self.port);
        let mut connection =
            SmtpConnection::connect(address, Some(PATIENCE), &me, wrapper, None).map_err(|e| told(&e))?;
        if let Tls::AfterGreeting(tls) = &self.tls {
            if !connection.can_starttls() {
                connection.abort();
                return Err("it does not offer STARTTLS; set starttls to false to do without".to_owned());
            }
            connection.starttls(tls, &me).map_err(|error| told(&error))?;
        }
        if let Some(login) = &self.login {
            connection.auth(DEFAULT_MECHANISMS, login).map_err(|error| format!("login: {}", told(&error)))?;
        }
        Ok(connection)
    }

    fn failure(&self, problem: &str) -> Failure {
        Failure::Other(format!("the mail server {}:{}: {problem}", self.host, self.port))
    }
}

fn deliver(connection: &mut SmtpConnection, letter: &Letter) -> Result<Vec<String>, String> {
    let from = &letter.from.address;
    let all = std::iter::once(&letter.from).chain(&letter.to);
    let wide = all.clone().any(|address| !address.address.is_ascii());
    if wide && !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
        return Err("it takes no address with letters beyond ASCII".to_owned());
    }
    let options = if wide { " SMTPUTF8" } else { "" };
    connection
        .command(format!("MAIL FROM:<{from}>{options}\r\n"))
        .map_err(|error| format!("the sender {from}: {}", told(&error)))?;
    let mut refused = Vec::new();
    for recipient in &letter.to {
        let recipient = &recipient.address;
        match connection.command(format!("RCPT TO:<{recipient}>\r\n")) {
            Ok(_) => {}
            Err(error) if error.is_permanent() || error.is_transient() => {
                refused.push(format!("{recipient}: {}", told(&error)));
            }
            Err(error) => return Err(told(&error)),
        }
    }
    if refused.len() == letter.to.len() {
        return Err(format!("every recipient was refused: {}", refused.join("; ")));
    }
    connection.command(commands::Data).map_err(|error| told(&error))?;
    connection.message(&letter.bytes).map_err(|error| format!("the mail: {}", told(&error)))?;
    Ok(refused)
}

/// Says an error with its causes.
fn told(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(deeper) = cause {
        let more = deeper.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = deeper.source();
    }
    text
}
