//! Sends each event to a destination of a STOMP server, such as n6's, and waits until the server has it.

use super::export::Exporter;
use crate::bots::stomp::{Connection, Options, PARAMS};
use crate::bots::{Bot, BotSpec, Context, Failure, Level, Output, Site};
use crate::message::Message;
use crate::pipeline::{Kind, Param, ParamKind, Params, Spec, joined};
use crate::stomp::Frame;

/// The STOMP output.
pub(super) const SPEC: BotSpec = BotSpec {
    spec: Spec {
        module: "intelmq.bots.outputs.stomp.output",
        kind: Kind::Output,
        summary: "Sends each event to a destination of a STOMP server over TLS, such as n6's; at least once.",
        params: &joined::<15>(
            &[
                Param::new("server", ParamKind::Text, "\"127.0.0.1\"", "The server's name."),
                Param::new("port", ParamKind::Int, "61614", "The server's port."),
                Param::new(
                    "exchange",
                    ParamKind::Text,
                    "\"/exchange/_push\"",
                    "The destination to which events are sent.",
                ),
                Param::new(
                    "heartbeat",
                    ParamKind::Int,
                    "60000",
                    "Milliseconds between heartbeats; 0 is none.",
                ),
                Param::new(
                    "single_key",
                    ParamKind::Text,
                    "null",
                    "Sends this field alone: `raw` decoded, the text that is in `output`, or any other as it is. An event \
                 without it fails.",
                ),
                Param::new(
                    "message_hierarchical_output",
                    ParamKind::Bool,
                    "false",
                    "Nests fields at the dots of their names.",
                ),
                Param::new("keep_raw_field", ParamKind::Bool, "false", "Sends `raw` as well."),
                Param::new("message_with_type", ParamKind::Bool, "false", "Sends `__type` as well."),
                Param::new(
                    "message_jsondict_as_string",
                    ParamKind::Bool,
                    "false",
                    "Has no effect on JSON, as in IntelMQ 3.5.0.",
                ),
            ],
            &PARAMS,
        ),
        stateful: false,
        paths: &[],
    },
    make,
};

struct Stomp {
    options: Options,
    exchange: String,
    exporter: Exporter,
    connection: Option<Connection>,
}

fn make(params: &Params, site: &Site) -> Result<Bot, Failure> {
    let mut export = params.clone();
    // Beside the name of other outputs it has two more.
    let names = ["hierarchical_output", "message_hierarchical", "message_hierarchical_output"];
    export.set(names[0], names.iter().any(|name| params.flag(name)));
    Ok(Bot::Output(Box::new(Stomp {
        options: Options::of(params, site)?,
        exchange: params.required_text("exchange")?,
        exporter: Exporter::of(&export, site)?,
        connection: None,
    })))
}

impl Output for Stomp {
    fn write(&mut self, event: &Message, context: &mut Context) -> Result<(), Failure> {
        let body = self.exporter.body(event)?;
        let frame = Frame::new("SEND").with("destination", self.exchange.as_str()).with_body(body);
        if let Some(mut connection) = self.connection.take().filter(Connection::is_fresh) {
            match connection.deliver(frame.clone()) {
                Ok(()) => {
                    self.connection = Some(connection);
                    return Ok(());
                }
                // A server may go away between two events; that is no fault of this one.
                Err(failure) => {
                    context
                        .log(Level::Warning, format!("The connection is made anew, as it broke: {failure}"));
                }
            }
        }
        let mut connection = Connection::open(&self.options)?;
        connection.deliver(frame)?;
        self.connection = Some(connection);
        Ok(())
    }
}

impl Drop for Stomp {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.close();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::Receiver;
    use std::time::Duration;

    use serde_json::{Value as Json, json};

    use super::*;
    use crate::bots::http::tests::Pki;
    use crate::bots::stomp::peer::{greet, server};
    use crate::bots::trial::Trial;
    use crate::message::Idf;

    fn trial(pki: &Pki, port: u16, further: &Json) -> Trial {
        let mut params = json!({
            "server": "127.0.0.1", "port": port, "username": "me@example.com", "password": "key", "heartbeat": 0,
            "auth_by_ssl_client_certificate": false, "ssl_ca_certificate": pki.authority(),
        });
        params.as_object_mut().unwrap().extend(further.as_object().unwrap().clone());
        Trial::new(SPEC.spec.module, &params, &Idf::builtin()).unwrap()
    }

    fn event(name: &str) -> Message {
        let mut event = Message::event(&Idf::builtin());
        event.add("source.fqdn", name).unwrap();
        event
    }

    /// Answers a frame that wants a receipt with one.
    fn receipt(frame: &Frame) -> Vec<Frame> {
        let receipt = frame.header("receipt");
        receipt.map(|id| Frame::new("RECEIPT").with("receipt-id", id)).into_iter().collect()
    }

    /// Returns the commands and bodies of the frames that came, up to the one that ends the connection.
    fn came(frames: &Receiver<Frame>) -> Vec<(String, String)> {
        let mut all = Vec::new();
        loop {
            let frame = frames.recv_timeout(Duration::from_secs(20)).unwrap();
            all.push((frame.command.clone(), String::from_utf8(frame.body).unwrap()));
            if frame.command == "DISCONNECT" {
                return all;
            }
        }
    }

    #[test]
    fn events_are_sent_over_one_connection_which_is_ended_in_order() {
        let pki = Pki::new(false);
        let (port, frames) = server(&pki, |_, frame| greet(frame).or_else(|| Some(receipt(frame))));
        let mut trial = trial(&pki, port, &json!({}));
        for name in ["a.example", "b.example"] {
            assert_eq!(trial.feed(event(name)).failure, None);
        }
        drop(trial);
        let told = |command: &str, body: &str| (command.to_owned(), body.to_owned());
        let sent = |name: &str| told("SEND", &format!("{{\"source.fqdn\": \"{name}\"}}"));
        let expected = [told("CONNECT", ""), sent("a.example"), sent("b.example"), told("DISCONNECT", "")];
        assert_eq!(came(&frames), expected);
    }

    #[test]
    fn fields_are_nested_under_each_name_of_the_parameter() {
        let pki = Pki::new(false);
        for name in ["hierarchical_output", "message_hierarchical", "message_hierarchical_output"] {
            let (port, frames) = server(&pki, |_, frame| greet(frame).or_else(|| Some(receipt(frame))));
            let mut trial = trial(&pki, port, &json!({name: true}));
            assert_eq!(trial.feed(event("a.example")).failure, None);
            drop(trial);
            assert_eq!(came(&frames)[1].1, r#"{"source": {"fqdn": "a.example"}}"#, "{name}");
        }
    }

    #[test]
    fn what_the_server_does_not_say_to_have_is_sent_again_over_a_new_connection() {
        let pki = Pki::new(false);
        let mut sends = 0;
        let (port, frames) = server(&pki, move |_, frame| {
            if frame.command == "SEND" {
                sends += 1;
                // It goes away with the second one in hand.
                return (sends != 2).then(|| receipt(frame));
            }
            greet(frame).or_else(|| Some(receipt(frame)))
        });
        let mut trial = trial(&pki, port, &json!({}));
        assert!(trial.feed(event("a.example")).log.is_empty());
        let outcome = trial.feed(event("b.example"));
        assert_eq!(outcome.failure, None);
        assert!(matches!(&outcome.log[..], [(Level::Warning, line)] if line.contains("made anew")));
        drop(trial);
        let commands: Vec<String> = came(&frames).into_iter().map(|(command, _)| command).collect();
        assert_eq!(commands, ["CONNECT", "SEND", "CONNECT", "SEND", "DISCONNECT"]);
    }

    #[test]
    fn a_server_that_refuses_or_is_away_fails_the_event() {
        let pki = Pki::new(false);
        let (port, _frames) = server(&pki, |_, frame| {
            let refusal = Frame::new("ERROR").with("message", "Access refused").with_body("not to _push");
            greet(frame).or_else(|| Some(vec![refusal]))
        });
        let failure = trial(&pki, port, &json!({})).feed(event("a.example")).failure.unwrap().to_string();
        assert_eq!(failure, format!("127.0.0.1:{port}: the server says: Access refused not to _push"));
        let away = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let failure = trial(&pki, away, &json!({})).feed(event("a.example")).failure.unwrap();
        assert!(
            matches!(&failure, Failure::Other(text) if text.starts_with("127.0.0.1:")),
            "it is tried again: {failure}"
        );
    }
}
