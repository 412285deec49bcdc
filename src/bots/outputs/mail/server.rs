//! The server that takes mails: connecting, saying who we are, and handing over one mail after the other.

use std::time::Duration;

use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{SmtpConnection, TlsParameters};
use lettre::transport::smtp::extension::{ClientId, Extension};
use lettre::transport::smtp::{Error, commands};

use super::letter::Letter;
use crate::bots::{Context, Failure, Level};
use crate::message::Message;
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
    /// The event whose mail some recipients have, and those who have not, for the server refused them for the moment.
    left: Option<(Message, Vec<String>)>,
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
        Ok(MailServer { host, port, tls, login, connection: None, left: None })
    }

    /// Hands over the mail of an event. Recipients that the server refuses for good are logged, unless it refuses all; those that
    /// it refuses for the moment fail the event, and when it comes again only they get the mail.
    pub(crate) fn send(
        &mut self,
        event: &Message,
        letter: &Letter,
        context: &mut Context,
    ) -> Result<(), Failure> {
        let left = self.left.as_ref().filter(|(known, _)| known == event).map(|(_, left)| left.clone());
        let others_have_it = left.is_some();
        let to = left.unwrap_or_else(|| letter.to.iter().map(|to| to.address.clone()).collect());
        let Answers { taken, for_good, for_now } = self.hand_over(letter, &to)?;
        if !taken && !others_have_it {
            let refused: Vec<String> =
                for_good.into_iter().chain(for_now.into_iter().map(|(_, said)| said)).collect();
            return Err(self.failure(&format!("every recipient was refused: {}", refused.join("; "))));
        }
        for refused in for_good {
            context.log(Level::Warning, format!("The mail server refused a recipient: {refused}"));
        }
        if for_now.is_empty() {
            if others_have_it {
                self.left = None;
            }
            return Ok(());
        }
        let (left, said): (Vec<String>, Vec<String>) = for_now.into_iter().unzip();
        self.left = Some((event.clone(), left));
        let problem = format!("refused for the moment, and only these are tried again: {}", said.join("; "));
        Err(self.failure(&problem))
    }

    /// Hands over one mail on the connection that there is, or on a new one.
    fn hand_over(&mut self, letter: &Letter, to: &[String]) -> Result<Answers, Failure> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect().map_err(|error| self.failure(&error))?,
        };
        let answers = deliver(&mut connection, letter, to);
        if answers.as_ref().is_ok_and(|answers| answers.taken) {
            self.connection = Some(connection);
        } else {
            connection.abort();
        }
        answers.map_err(|problem| self.failure(&problem))
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

/// What the server said to the recipients of a mail.
struct Answers {
    /// Whether it took the mail for one of them at least.
    taken: bool,
    /// Whom it refused for good, with its words.
    for_good: Vec<String>,
    /// Whom it refused for the moment, as greylisting does: address, and the same with its words.
    for_now: Vec<(String, String)>,
}

fn deliver(connection: &mut SmtpConnection, letter: &Letter, to: &[String]) -> Result<Answers, String> {
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
    let mut answers = Answers { taken: false, for_good: Vec::new(), for_now: Vec::new() };
    for recipient in to {
        let said = |error: &Error| format!("{recipient}: {}", told(error));
        match connection.command(format!("RCPT TO:<{recipient}>\r\n")) {
            Ok(_) => answers.taken = true,
            Err(error) if error.is_permanent() => answers.for_good.push(said(&error)),
            Err(error) if error.is_transient() => answers.for_now.push((recipient.clone(), said(&error))),
            Err(error) => return Err(told(&error)),
        }
    }
    if answers.taken {
        connection.command(commands::Data).map_err(|error| told(&error))?;
        connection.message(&letter.bytes).map_err(|error| format!("the mail: {}", told(&error)))?;
    }
    Ok(answers)
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
