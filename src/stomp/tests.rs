use super::*;

/// Decodes bytes that arrive in pieces of a size.
fn decoded(bytes: &[u8], version: Version, piece: usize) -> Result<Vec<Item>, StompError> {
    let mut decoder = Decoder::new(version);
    let mut items = Vec::new();
    for piece in bytes.chunks(piece) {
        decoder.push(piece);
        while let Some(item) = decoder.next_item()? {
            items.push(item);
        }
    }
    Ok(items)
}

fn frame(command: &str, headers: &[(&str, &str)], body: &str) -> Frame {
    let frame = headers.iter().fold(Frame::new(command), |frame, (name, value)| frame.with(name, *value));
    frame.with_body(body)
}

#[test]
fn what_is_written_is_read_back_in_every_version() {
    let hard = frame("SEND", &[("destination", "/exchange/a:b\\c"), ("x", "ü")], "one\ntwo\0three\n");
    let soft = frame("SEND", &[("destination", "/exchange/_push")], "");
    for version in Version::ALL {
        for frame in [&hard, &soft] {
            let bytes = frame.encode(version);
            for piece in [1, 2, 7, 1000] {
                let mut read = decoded(&bytes, version, piece).unwrap();
                assert_eq!(read.len(), 1, "{version:?} {read:?}");
                let Some(Item::Frame(mut read)) = read.pop() else { panic!("no frame") };
                read.headers.retain(|(name, _)| name != "content-length");
                assert_eq!(&read, frame, "{version:?} in pieces of {piece}");
            }
        }
    }
}

#[test]
fn headers_are_escaped_as_the_version_says() {
    let send = frame("SEND", &[("a:b", "x\ny\rz\\:")], "");
    let connect = frame("CONNECT", &[("passcode", "a:b\\c")], "");
    for (frame, version, text) in [
        (&send, Version::V1_0, "SEND\na b:x y z\\:\n\n\0\n"),
        (&send, Version::V1_1, "SEND\na\\cb:x\\ny z\\\\\\c\n\n\0\n"),
        (&send, Version::V1_2, "SEND\na\\cb:x\\ny\\rz\\\\\\c\n\n\0\n"),
        (&connect, Version::V1_2, "CONNECT\npasscode:a:b\\c\n\n\0\n"),
    ] {
        assert_eq!(String::from_utf8(frame.encode(version)).unwrap(), text, "{version:?}");
    }
}

#[test]
fn bytes_are_read_as_the_version_says() {
    let message =
        |headers: &[(&str, &str)], body: &str| Ok(vec![Item::Frame(frame("MESSAGE", headers, body))]);
    for (bytes, version, result) in [
        ("MESSAGE\na:1\n\nhi\0", Version::V1_0, message(&[("a", "1")], "hi")),
        ("MESSAGE\na : 1 \n\nhi\0", Version::V1_0, message(&[("a", "1")], "hi")),
        ("MESSAGE\na:\\c\n\n\0", Version::V1_0, message(&[("a", "\\c")], "")),
        ("MESSAGE\na:\\c \n\n\0", Version::V1_1, message(&[("a", ": ")], "")),
        ("MESSAGE\r\na:1\r\n\r\nhi\0", Version::V1_2, message(&[("a", "1")], "hi")),
        ("MESSAGE\na:1\na:2\n\n\0\n", Version::V1_2, message(&[("a", "1"), ("a", "2")], "")),
        ("MESSAGE\na:\\r\n\n\0", Version::V1_1, Err(StompError::BadEscape("\\r".to_owned()))),
        ("MESSAGE\na:\\t\n\n\0", Version::V1_2, Err(StompError::BadEscape("\\t".to_owned()))),
        ("MESSAGE\nabc\n\n\0", Version::V1_2, Err(StompError::NoColon("abc".to_owned()))),
        ("MESSAGE\0", Version::V1_2, Err(StompError::NoColon("MESSAGE\0".to_owned()))),
        ("MESSAGE\ncontent-length:x\n\n\0", Version::V1_2, Err(StompError::BadLength("x".to_owned()))),
        ("MESSAGE\ncontent-length:1\n\nab\0", Version::V1_2, Err(StompError::WrongLength(1))),
    ] {
        for piece in [1, 3, 1000] {
            let read = decoded(bytes.as_bytes(), version, piece);
            match (&read, &result) {
                // What of it has arrived when the mistake is seen depends on the pieces.
                (Err(StompError::NoColon(_)), Err(StompError::NoColon(_))) => {}
                _ => assert_eq!(read, result, "{bytes:?} {version:?} in pieces of {piece}"),
            }
        }
    }
}

#[test]
fn line_ends_between_frames_are_heartbeats() {
    let bytes = b"\n\r\nMESSAGE\n\n\0\n\n\nMESSAGE\n\n\0MESSAGE\n\n\0\n";
    let one = || Item::Frame(Frame::new("MESSAGE"));
    let beat = || Item::HeartBeat;
    for piece in [1, 4, 1000] {
        let read = decoded(bytes, Version::V1_2, piece).unwrap();
        assert_eq!(read, [beat(), beat(), one(), beat(), beat(), one(), one()], "in pieces of {piece}");
    }
}

#[test]
fn a_frame_that_is_too_long_is_refused_and_one_that_is_cut_off_is_noticed() {
    for bytes in
        ["MESSAGE\ncontent-length:99\n\n", "MESSAGE\n\n0123456789012345678901", "MESSAGE0123456789012345"]
    {
        let mut decoder = Decoder::new(Version::V1_2);
        decoder.set_limit(20);
        decoder.push(bytes.as_bytes());
        assert_eq!(decoder.next_item(), Err(StompError::TooLong(20)), "{bytes}");
    }
    let mut decoder = Decoder::new(Version::V1_0);
    decoder.set_version(Version::V1_1);
    decoder.push(b"MESSAGE\n\nhal");
    assert_eq!(decoder.next_item(), Ok(None));
    assert!(decoder.is_within_frame());
    decoder.push(b"f\0\n");
    assert_eq!(decoder.next_item(), Ok(Some(Item::Frame(Frame::new("MESSAGE").with_body("half")))));
    assert_eq!(decoder.next_item(), Ok(None));
    assert!(!decoder.is_within_frame());
}

#[test]
fn both_sides_agree_on_a_version_and_on_heartbeats() {
    for (accept, version) in [
        (None, Some(Version::V1_0)),
        (Some("1.0,1.1,1.2"), Some(Version::V1_2)),
        (Some("1.1, 2.0"), Some(Version::V1_1)),
        (Some("2.0"), None),
    ] {
        assert_eq!(Version::best(accept), version, "{accept:?}");
    }
    for (client, server, agreed) in [
        (None, Some("1000,1000"), Ok((0, 0))),
        (Some("6000,6000"), None, Ok((0, 0))),
        (Some("6000,5000"), Some("10000,500"), Ok((6000, 10_000))),
        (Some("0,5000"), Some("100,100"), Ok((0, 5000))),
        (Some("x"), None, Err(StompError::BadHeartBeat("x".to_owned()))),
    ] {
        assert_eq!(heart_beats(client, server), agreed, "{client:?} {server:?}");
    }
}
