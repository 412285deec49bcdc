//! What is made of an engine's answers, with a small fake of its API for those that no real one can be brought to give.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};

use super::*;

/// An answer: what the path holds, the status, and the body.
type Answer = (&'static str, u16, &'static str);

/// Starts a fake engine that knows some answers, and returns its address; its socket goes with the folder.
fn fake(answers: &'static [Answer]) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("docker.sock");
    let listener = UnixListener::bind(&path).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || serve(stream, answers));
        }
    });
    (folder, format!("unix://{}", path.display()))
}

fn serve(stream: UnixStream, answers: &[Answer]) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut stream = stream;
    loop {
        let mut request = String::new();
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
            if line.trim().is_empty() {
                break;
            }
            request += &line;
        }
        reader.by_ref().take(length).read_to_end(&mut Vec::new()).ok()?;
        let path = request.split(' ').nth(1)?;
        let known = answers.iter().find(|(part, ..)| path.contains(part));
        let (_, status, body) = known.copied().unwrap_or(("", 404, "{\"message\": \"no such thing\"}"));
        let head = "content-type: application/json\r\ncontent-length";
        write!(stream, "HTTP/1.1 {status} X\r\n{head}: {}\r\n\r\n{body}", body.len()).ok()?;
    }
}

const NEW: Answer =
    ("/version", 200, "{\"Version\": \"26.1.5\", \"ApiVersion\": \"1.45\", \"MinAPIVersion\": \"1.24\"}");
const OLD: Answer =
    ("/version", 200, "{\"Version\": \"20.10.24\", \"ApiVersion\": \"1.41\", \"MinAPIVersion\": \"1.12\"}");

fn code<T>(result: Result<T>) -> &'static str {
    match result {
        Ok(_) => "well",
        Err(trouble) => {
            assert!(
                !trouble.ways.is_empty() || trouble.code == "engine-failed",
                "{trouble:?} names no way out"
            );
            trouble.code
        }
    }
}

#[test]
fn an_engine_that_cannot_be_used_says_why() {
    let (_kept, new) = fake(&[NEW]);
    let (_too, old) = fake(&[OLD]);
    let (_three, broken) = fake(&[("/version", 500, "{\"message\": \"out of order\"}")]);
    for (host, expected) in [
        (new.as_str(), "well"),
        (&old, "engine-too-old"),
        (&broken, "engine-failed"),
        ("unix:///nowhere/docker.sock", "no-engine"),
        ("tcp://192.0.2.1:2375", "engine-address"),
    ] {
        assert_eq!(code(Engine::at(host)), expected, "{host}");
    }
    let denied = std::io::Error::from(ErrorKind::PermissionDenied);
    assert_eq!(unreachable(Path::new("/run/docker.sock"), &denied).code, "engine-permission");
}

#[test]
fn images_and_memory_that_are_not_there_are_told() {
    let (_kept, host) = fake(&[
        NEW,
        ("/images/here", 200, "{\"Id\": \"sha256:0\"}"),
        ("/images/create", 200, "{\"errorDetail\": {\"message\": \"no route\"}, \"error\": \"no route\"}\n"),
        (
            "/build",
            200,
            "{\"stream\": \"Step 1\"}\n{\"errorDetail\": {\"message\": \"bad step\"}, \"error\": \"bad step\"}\n",
        ),
        ("/info", 200, "{\"MemTotal\": 1073741824}"),
    ]);
    let engine = Engine::at(&host).unwrap();
    assert_eq!((engine.has_image("here"), engine.has_image("nowhere")), (Ok(true), Ok(false)));
    let missing = engine.pull("nowhere:1").unwrap_err();
    assert_eq!((missing.code, missing.problem.contains("no route")), ("image-missing", true), "{missing}");
    let built = engine.build(("mine:1", &[]), &HashMap::new(), Vec::new()).unwrap_err();
    assert_eq!((built.code, built.problem.contains("bad step")), ("image-not-built", true), "{built}");
    assert_eq!((code(engine.has_memory(512)), code(engine.has_memory(1536))), ("well", "too-little-memory"));
}

#[test]
fn containers_are_told_by_what_they_do() {
    let (_kept, host) = fake(&[
        NEW,
        (
            "/containers/json",
            200,
            r#"[
            {"Id": "1", "State": "running", "Status": "Up 2 seconds (healthy)", "Labels": {"com.docker.compose.service": "redis"}},
            {"Id": "2", "State": "running", "Status": "Up 2 seconds (health: starting)", "Labels": {"com.docker.compose.service": "bot", "com.docker.compose.container-number": "2"}},
            {"Id": "3", "State": "restarting", "Status": "Restarting (1) 1 second ago", "Labels": {"com.docker.compose.service": "agent"}},
            {"Id": "4", "State": "running", "Status": "Up 1 minute (unhealthy)", "Labels": {"com.docker.compose.service": "x"}},
            {"Id": "5", "State": "created", "Status": "Created", "Labels": {"com.docker.compose.service": "y"}}]"#,
        ),
    ]);
    let containers = Engine::at(&host).unwrap().containers("project").unwrap();
    let seen: Vec<_> = containers.iter().map(|one| (one.service.as_str(), one.state)).collect();
    let expected = [
        ("agent", State::Ended),
        ("bot-2", State::Starting),
        ("redis", State::Well),
        ("x", State::Unwell),
        ("y", State::Made),
    ];
    assert_eq!(seen, expected);
}
