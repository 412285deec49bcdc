//! A lab asked as clients of intelmq-api 3 do it: each path with its parameters, and the answers that they know.

use serde_json::{Value, json};

use crate::api::{Lab, Question};
use crate::cli::Home;

/// What is asked, the status, and what stands where in the answer; `""` is all of it.
type Case = (Question, u16, Vec<(&'static str, Value)>);

fn get(path: &str, status: u16, wanted: Vec<(&'static str, Value)>) -> Case {
    (Question::new("GET", &format!("/v1/api/{path}")), status, wanted)
}

fn post(path: &str, kind: &str, body: &str, status: u16, wanted: Vec<(&'static str, Value)>) -> Case {
    let question = Question::new("POST", &format!("/v1/api/{path}"));
    (question.header(&format!("Content-Type: {kind}")).body(body), status, wanted)
}

/// Asks in order, and tells every answer that is not as it should be.
fn hold(lab: &Lab, cases: Vec<Case>) {
    let mut broken = Vec::new();
    for (question, status, wanted) in cases {
        let (head, body) = lab.ask(&question);
        let told: Value = serde_json::from_str(&body).unwrap_or_else(|_| json!(body));
        let differs = |(place, value): &(&str, Value)| told.pointer(place).unwrap_or(&Value::Null) != value;
        if !head.starts_with(&format!("http/1.1 {status}")) || wanted.iter().any(differs) {
            broken.push(format!("{question:?}: wanted {status} {wanted:?}\n{head}\n{body}"));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n\n"));
}

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";
const QUEUE: &str = "shadowserver-parser-queue";
const PARSER: &str = "shadowserver-parser";
const EVENT: &str = r#"{"feed.name": "own", "source.ip": "192.0.2.7", "classification.type": "scanner"}"#;

fn statuses(collector: &str, parser: &str, output: &str) -> Value {
    json!({ "file-collector": collector, "file-output": output, PARSER: parser })
}

fn bots() -> Vec<Case> {
    let run = |word| json!(word);
    let all = |collector, parser, output| vec![("", statuses(collector, parser, output))];
    vec![
        get("botnet?action=status", 200, all("running", "running", "running")),
        get("bot?action=stop&id=shadowserver-parser", 200, vec![("", run("stopped"))]),
        get("bot?action=stop&id=shadowserver-parser", 200, vec![("", run("stopped"))]),
        get("bot?action=status&id=shadowserver-parser", 200, vec![("", run("stopped"))]),
        get("bot?action=start&id=shadowserver-parser", 200, vec![("", run("running"))]),
        get("bot?action=restart&id=shadowserver-parser", 200, vec![("", json!(["stopped", "running"]))]),
        get("bot?action=reload&id=shadowserver-parser", 200, vec![("", run("running"))]),
        get("botnet?action=stop&group=parsers", 200, vec![("", json!({ PARSER: "stopped" }))]),
        get("botnet?action=status&group=botnet", 200, all("running", "stopped", "running")),
        get("botnet?action=start", 200, all("running", "running", "running")),
        get("botnet?action=restart", 200, all("running", "running", "running")),
        get(
            "bot?action=status&id=none",
            404,
            vec![("/message", json!("there is no bot \"none\"")), ("/tip", json!(""))],
        ),
        get("bot?action=explode&id=file-output", 422, vec![]),
        get("botnet", 422, vec![]),
        get(
            "bots",
            200,
            vec![
                ("/Collector/ShodanStream/module", json!("intelmq.bots.collectors.shodan.collector_stream")),
                ("/Output/File/parameters/hierarchical_output", json!(false)),
            ],
        ),
    ]
}

/// The output stands still, so that what comes to it waits.
fn queues() -> Vec<Case> {
    let message = format!("msg={}", EVENT.replace('"', "%22").replace(' ', "+"));
    let run =
        |query: &str, body: &str, status, wanted| post(&format!("run?{query}"), FORM, body, status, wanted);
    vec![
        get("bot?action=stop&id=file-output", 200, vec![("", json!("stopped"))]),
        get(
            "queues",
            200,
            vec![
                ("/file-collector", json!({ "destination_queues": [[QUEUE, 0]] })),
                (
                    "/file-output",
                    json!({
                        "source_queue": ["file-output-queue", 0], "internal_queue": 0, "destination_queues": [],
                    }),
                ),
            ],
        ),
        run(
            "bot=shadowserver-parser&cmd=send",
            &message,
            200,
            vec![("", json!("Message sent to output pipelines."))],
        ),
        get(
            "queues-and-status",
            200,
            vec![
                ("/0/shadowserver-parser/destination_queues", json!([["file-output-queue", 1]])),
                ("/1", statuses("running", "running", "stopped")),
            ],
        ),
        run(
            "bot=file-output&cmd=get",
            "",
            200,
            vec![(
                "",
                json!(
                    "{\n    \"__type\": \"Event\",\n    \"classification.type\": \"scanner\",\n    \"feed.name\": \"own\",\n    \"source.ip\": \"192.0.2.7\"\n}"
                ),
            )],
        ),
        run("bot=file-collector&cmd=get", "", 200, vec![("", json!("Bot has no source queues."))]),
        run("bot=file-output&cmd=process&dry=true", &message, 409, vec![]),
        run("bot=file-output&cmd=pop", "", 409, vec![]),
        run("bot=file-output&cmd=process", "msg=%5B%5D", 400, vec![]),
        get("clear?id=file-output-queue", 200, vec![("", json!("success"))]),
        get("clear?id=none", 200, vec![("", json!("not-found"))]),
        run("bot=file-output&cmd=get", "", 200, vec![("", json!("No message waits."))]),
        run(
            "bot=file-output&cmd=process",
            &message,
            200,
            vec![("", json!("Message put into file-output-queue; the bot processes it as it runs."))],
        ),
        get("bot?action=start&id=file-output", 200, vec![("", json!("running"))]),
    ]
}

fn insight(lab: &Lab) -> Vec<Case> {
    let file = format!("{}/out/events.jsonl", lab.folder);
    let text = std::fs::read_to_string(&file).unwrap();
    let shown = match text.len() {
        0..2000 => json!({ "contents": text }),
        size => json!({ "size": size, "path": file }),
    };
    let secret = format!("{}/secrets.json", lab.folder);
    let unknown = || vec![("", json!(["Unknown resource"]))];
    vec![
        get("version", 200, vec![("/intelmq", json!("3.5.0")), ("/intelmq-api", json!("3.2.0"))]),
        get("check", 200, vec![("/status", json!("success")), ("/lines/0/0", json!("info"))]),
        get(
            "debug",
            200,
            vec![
                ("/paths/ROOT_DIR", json!(lab.folder)),
                ("/paths/RUNTIME_CONF_FILE", json!(format!("{}/etc/runtime.yaml", lab.folder))),
            ],
        ),
        get(
            "getlog?id=shadowserver-parser&lines=1&level=INFO",
            200,
            vec![("/0/bot_id", json!(PARSER)), ("/0/log_level", json!("INFO")), ("/1", Value::Null)],
        ),
        get("getlog?id=shadowserver-parser&lines=-1&level=CRITICAL", 200, vec![("", json!([]))]),
        get("getlog?id=none&lines=1", 404, vec![]),
        get("getlog?id=file-output&lines=many", 422, vec![]),
        get("harmonization", 200, vec![("/event/source.ip/type", json!("IPAddress"))]),
        get(&format!("config?file={file}"), 200, vec![("/files/events.jsonl", shown)]),
        get(&format!("config?file={secret}"), 200, unknown()),
        get("config?file=/etc/passwd", 200, unknown()),
        get(&format!("config?file={}/in/../secrets.json", lab.folder), 200, unknown()),
        get("none", 404, vec![]),
    ]
}

#[test]
fn each_path_answers_as_its_clients_know_it() {
    let home = Home::new();
    let lab = Lab::up(&home);
    hold(&lab, bots());
    hold(&lab, insight(&lab));
    hold(&lab, queues());
}

#[test]
fn a_configuration_is_saved_as_intelmq_manager_sends_it() {
    let home = Home::new();
    let lab = Lab::up(&home);
    let (_, body) = lab.ask(&Question::new("GET", "/intelmq/v1/api/runtime"));
    let mut runtime: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        runtime[PARSER]["parameters"]["destination_queues"],
        json!({ "_default": ["file-output-queue"] })
    );
    // Beside what it changes it adds keys of its own, and `global` even where there was none.
    runtime[PARSER]["description"] = json!("Changed");
    runtime[PARSER]["bot_id"] = json!(PARSER);
    runtime[PARSER]["groupname"] = json!("parsers");
    runtime[PARSER]["defaults"] = json!({});
    runtime["global"] = json!({});
    let mut faulty = runtime.clone();
    faulty[PARSER]["module"] = json!("intelmq.bots.none");
    let positions = json!({ PARSER: { "x": 1, "y": -2 }, "settings": { "live": true, "physics": false } });
    let before = lab.get("/v1/configuration");
    let (_, told) = lab.ask(
        &Question::new("POST", "/v1/api/runtime")
            .header("Content-Type: application/json")
            .body(&faulty.to_string()),
    );
    assert!(told.contains("intelmq.bots.none"), "{told}");
    assert_eq!(lab.get("/v1/configuration"), before);
    hold(
        &lab,
        vec![
            post("runtime", JSON, &runtime.to_string(), 200, vec![("", json!("success"))]),
            get("runtime", 200, vec![("/shadowserver-parser/description", json!("Changed"))]),
            get("positions", 200, vec![("", json!({}))]),
            post("positions", JSON, &positions.to_string(), 200, vec![("", json!("success"))]),
            get("positions", 200, vec![("", positions)]),
        ],
    );
    let written = std::fs::read_to_string(format!("{}/etc/runtime.yaml", lab.folder)).unwrap();
    assert!(written.contains("description: Changed") && !written.contains("groupname"), "{written}");
}

#[test]
fn the_token_is_the_password_and_lets_one_in_bare() {
    let home = Home::new();
    let lab = Lab::up(&home);
    let status = || Question::new("GET", "/v1/api/botnet?action=status");
    let login = |path: &str, password: &str| {
        let question = Question::new("POST", path).header("Authorization:");
        question
            .header("Content-Type: application/x-www-form-urlencoded")
            .body(&format!("username=me&password={password}"))
    };
    let wrong = vec![("/error", json!("Invalid username and/or password."))];
    let token = vec![("/login_token", json!(lab.token)), ("/username", json!("me"))];
    let denied = vec![(
        "/error/Authentication Required",
        json!("Please provide valid Token verification credentials"),
    )];
    let page = lab.cookie();
    hold(
        &lab,
        vec![
            (login("/v1/api/login", &lab.token), 200, token.clone()),
            (login("/v1/api/login/", &lab.token), 200, token.clone()),
            (login("/intelmq/v1/api/login", &lab.token), 200, token),
            (login("/v1/api/login", "none"), 401, wrong),
            // It goes no further, whatever else the path is.
            (login("/v1/labs/passes/queues/file-output-queue/v1/api/login", "none"), 401, vec![]),
            (
                Question::new("POST", "/v1/api/login")
                    .header("Authorization:")
                    .header(&format!("Content-Type: {JSON}")),
                422,
                vec![],
            ),
            (login("/v1/api/login", &lab.token).header("Origin: http://evil.example"), 403, vec![]),
            (status().header(&format!("Authorization: {}", lab.token)), 200, vec![]),
            (status().header("Authorization:"), 401, denied.clone()),
            (status().header("Authorization: 00000000000000000000000000000000"), 401, denied),
            // A GET acts, so a cookie is not enough: the browser must say that its own page asks.
            (status().header("Authorization:").header(&page), 401, vec![]),
            (
                status().header("Authorization:").header(&page).header("Sec-Fetch-Site: same-site"),
                401,
                vec![],
            ),
            (
                status().header("Authorization:").header(&page).header("Sec-Fetch-Site: same-origin"),
                200,
                vec![],
            ),
        ],
    );
}
