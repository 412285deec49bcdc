//! Sends each event to a web server, in a request of its own.

use serde_json::{Map, Value as Json};

use super::export::Exporter;
use crate::bots::http::{Http, PARAMS, Request, form, with_query};
use crate::bots::{Bot, BotSpec, Context, Failure, Output, Site};
use crate::message::{Export, Message, Value, json, python};
use crate::pipeline::{Kind, Param, ParamKind, Params, Spec, joined};

/// The REST API output.
pub(super) const SPEC: BotSpec = BotSpec {
    spec: Spec {
        module: "intelmq.bots.outputs.restapi.output",
        kind: Kind::Output,
        summary: "Sends each event to a REST API, one POST request an event; at least once.",
        params: &joined::<17>(
            &[
                Param::required(
                    "host",
                    ParamKind::Text,
                    "The address, such as `https://example.com/events`.",
                ),
                Param::new(
                    "auth_type",
                    ParamKind::Choice(&["http_header", "http_basic_auth"]),
                    "null",
                    "How the bot says who it is: by a header line, or by basic authentication. Needs name and token.",
                ),
                Param::new(
                    "auth_token_name",
                    ParamKind::Text,
                    "null",
                    "The name of the header line, or the user.",
                ),
                Param::new(
                    "auth_token",
                    ParamKind::Text,
                    "null",
                    "The value of the header line, or the password.",
                ),
                Param::new(
                    "use_json",
                    ParamKind::Bool,
                    "true",
                    "Sends JSON; otherwise the fields of a form.",
                ),
                Param::new(
                    "hierarchical_output",
                    ParamKind::Bool,
                    "false",
                    "Nests fields at the dots of their names; a form is always flat.",
                ),
            ],
            &PARAMS,
        ),
        stateful: false,
        paths: &[],
    },
    make,
};

struct RestApi {
    http: Http,
    host: String,
    exporter: Exporter,
    use_json: bool,
    /// Whether what is odd about the parameters was said.
    warned: bool,
}

fn make(params: &Params, site: &Site) -> Result<Bot, Failure> {
    let host = params.required_text("host")?;
    with_query(&host, &[])
        .map_err(|problem| Failure::Configuration(format!("parameter \"host\": {problem}")))?;
    Ok(Bot::Output(Box::new(RestApi {
        http: Http::for_bodies(&authorized(params)?, site)?,
        host,
        exporter: Exporter::whole(params.flag("hierarchical_output")),
        use_json: params.flag("use_json"),
        warned: false,
    })))
}

/// Returns the parameters with name and token where the client looks for them.
fn authorized(params: &Params) -> Result<Params, Failure> {
    let mut all = params.clone();
    let filled = |name: &str| params.text(name).map(|text| text.filter(|text| !text.is_empty()));
    let Some((name, token)) = filled("auth_token_name")?.zip(filled("auth_token")?) else { return Ok(all) };
    match (params.text("auth_type")?.as_deref(), params.get("http_header")) {
        (Some("http_basic_auth"), _) => {
            all.set("http_username", name);
            all.set("http_password", token);
        }
        (Some("http_header"), None) => all.set("http_header", Map::from_iter([(name, Json::from(token))])),
        (Some("http_header"), Some(Json::Object(lines))) => {
            let mut lines = lines.clone();
            lines.retain(|line, _| !line.eq_ignore_ascii_case(&name));
            lines.insert(name, token.into());
            all.set("http_header", lines);
        }
        _ => {}
    }
    Ok(all)
}

/// Returns the fields of an event as those of a form: a list gives its field several times.
fn fields(event: &Message) -> Vec<(String, String)> {
    let Value::Map(items) = event.to_dict(&Export::default()) else { return Vec::new() };
    let mut pairs = Vec::new();
    for (name, value) in items {
        match value {
            Value::Null => {}
            Value::List(list) => pairs.extend(list.iter().map(|one| (name.clone(), python::str(one)))),
            Value::Map(_) => pairs.push((name, json::to_text(&value, false, false))),
            other => pairs.push((name, python::str(&other))),
        }
    }
    pairs
}

impl RestApi {
    /// Returns what kind of text is sent, and the text.
    fn body(&self, event: &Message) -> Result<(&'static str, Vec<u8>), Failure> {
        if !self.use_json {
            return Ok(("application/x-www-form-urlencoded", form(&fields(event)).into_bytes()));
        }
        let mut text = Vec::new();
        self.exporter.write(event, &mut text)?;
        Ok(("application/json; charset=utf-8", text))
    }
}

impl Output for RestApi {
    fn write(&mut self, event: &Message, context: &mut Context) -> Result<(), Failure> {
        if !std::mem::replace(&mut self.warned, true) {
            self.http.warn(context);
        }
        let (kind, body) = self.body(event)?;
        let headers = [("content-type", kind)];
        let request = Request { method: "POST", url: &self.host, headers: &headers, body: Some(body) };
        let answer = self.http.ask(&request)?;
        if !answer.is_success() {
            return Err(Failure::Other(answer.complaint()));
        }
        answer.finish();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::bots::trial::Trial;
    use crate::bots::trial::server::{Answer, Server};
    use crate::message::Idf;

    fn trial(params: &Json) -> Result<Trial, Failure> {
        Trial::new(SPEC.spec.module, params, &Idf::builtin())
    }

    fn event() -> Message {
        let mut event = Message::event(&Idf::builtin());
        event.add("source.ip", "192.0.2.1").unwrap();
        event
    }

    #[test]
    fn what_the_server_refuses_fails_with_its_words() {
        let server = Server::start(|_| Answer::new(422, "{\n  \"error\": \"no such field\"\n}")).unwrap();
        let mut trial = trial(&json!({"host": server.url("/events?key=secret")})).unwrap();
        let failure = trial.feed(event()).failure.unwrap().to_string();
        let said = "(http://ADDRESS/events) The server says: { \"error\": \"no such field\" }";
        assert!(failure.ends_with(&said.replace("ADDRESS", &server.address().to_string())), "{failure}");
        assert!(failure.contains("422") && !failure.contains("secret"), "{failure}");
        assert_eq!(server.asked().len(), 1, "the runtime tries again, not the bot");
    }

    #[test]
    fn a_server_that_is_away_fails_the_event_and_takes_it_once_it_is_back() {
        let mut away = true;
        let server =
            Server::start(move |_| Answer::new(if std::mem::take(&mut away) { 503 } else { 202 }, ""))
                .unwrap();
        let mut trial = trial(&json!({"host": server.url("/")})).unwrap();
        assert!(matches!(trial.feed(event()).failure, Some(Failure::Other(_))));
        assert_eq!(trial.feed(event()).failure, None);
        let bodies: Vec<String> = server.asked().into_iter().map(|asked| asked.body).collect();
        assert_eq!(bodies, ["{\"source.ip\": \"192.0.2.1\"}"; 2]);
    }

    #[test]
    fn a_redirect_that_drops_the_body_is_a_failure_and_one_that_keeps_it_is_followed() {
        for (status, taken) in [(301, false), (302, false), (303, false), (307, true), (308, true)] {
            let server = Server::start(move |asked| {
                let mut answer = Answer::new(if asked.path == "/new" { 200 } else { status }, "");
                answer.headers.push(("location", "/new".to_owned()));
                answer
            })
            .unwrap();
            let mut trial = trial(&json!({"host": server.url("/old")})).unwrap();
            let failure = trial.feed(event()).failure.map(|failure| failure.to_string());
            let arrived = server.asked().iter().any(|asked| asked.path == "/new" && !asked.body.is_empty());
            assert_eq!((arrived, failure.is_none()), (taken, taken), "{status}: {failure:?}");
            let told =
                failure.is_none_or(|text| text.ends_with("The server says that it has moved to /new."));
            assert!(told, "{status}");
        }
    }

    #[test]
    fn parameters_that_cannot_work_are_refused() {
        let cases = [
            (json!({}), "parameter \"host\": is required"),
            (
                json!({"host": "example.com/events"}),
                "parameter \"host\": \"example.com/events\" is no address",
            ),
            (
                json!({"host": "http://example.com/", "auth_type": "http_header", "auth_token_name": "a b",
                       "auth_token": "x"}),
                "\"a b\" is no header line",
            ),
        ];
        for (params, wanted) in cases {
            let refused = trial(&params).err().unwrap_or_else(|| panic!("{params} is taken"));
            assert!(matches!(&refused, Failure::Configuration(text) if text.contains(wanted)), "{refused}");
        }
    }

    #[test]
    fn an_odd_proxy_is_said_once() {
        let server = Server::start(|_| Answer::new(200, "")).unwrap();
        let params = json!({"host": server.url("/"), "http_proxy": "http://192.0.2.9:3128"});
        let mut trial = trial(&params).unwrap();
        let lines = [trial.feed(event()), trial.feed(event())].map(|outcome| outcome.log.len());
        assert_eq!(lines, [1, 0]);
    }
}
