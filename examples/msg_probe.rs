#![allow(missing_docs, clippy::all, clippy::pedantic)]
use intelmq_lab::message::*;
use std::io::BufRead;
fn dec(v: &Value) -> Value {
    if let Some(Value::Text(h)) = v.get("bytes_hex") {
        return Value::Bytes(
            (0..h.len()).step_by(2).map(|i| u8::from_str_radix(&h[i..i + 2], 16).unwrap()).collect(),
        );
    }
    v.clone()
}
fn main() {
    let idf = Idf::builtin();
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        let q = json::parse(line.as_bytes()).unwrap();
        let op = q.get("op").unwrap().as_str().unwrap();
        let out = match op {
            "type" => {
                let k = FieldType::from_name(q.get("type").unwrap().as_str().unwrap()).unwrap();
                let v = dec(q.get("in").unwrap());
                let s = k.sanitize(&v);
                let (s, a) = match s {
                    Ok(Some(x)) => {
                        let a = k.is_valid(&x);
                        (x, a)
                    }
                    Ok(None) => (Value::Null, false),
                    Err(_) => (Value::from("RAISES"), false),
                };
                Value::List(vec![s, Value::Bool(a), Value::Bool(k.is_valid(&v))])
            }
            "wire" => {
                match Message::from_wire(&idf, q.get("in").unwrap().as_str().unwrap().as_bytes(), None) {
                    Ok(m) => {
                        let f = |h, w| Export { hierarchical: h, with_type: w, jsondict_as_string: false };
                        Value::List(vec![
                            Value::from(m.to_wire()),
                            Value::from(m.hash_hex(&Filter::default())),
                            Value::from(m.hash_hex(&Filter::blacklist(["raw", "extra.a"]))),
                            Value::from(m.to_json(&f(false, false))),
                            Value::from(m.to_json(&f(true, true))),
                            Value::from(json::to_text(
                                &m.to_dict(&Export {
                                    hierarchical: true,
                                    with_type: false,
                                    jsondict_as_string: true,
                                }),
                                true,
                                false,
                            )),
                        ])
                    }
                    Err(e) => Value::from(format!("ERR {e:?}")),
                }
            }
            "convert" => match datetime::TimeFormat::parse(q.get("f").unwrap().as_str().unwrap()) {
                Ok(f) => match f.convert(&dec(q.get("in").unwrap())) {
                    Ok(s) => Value::from(s),
                    Err(_) => Value::Null,
                },
                Err(_) => Value::from("BADFORMAT"),
            },
            "add" => {
                let mut m = Message::event(&idf);
                let mut res = vec![];
                if let Some(Value::List(ops)) = q.get("ops") {
                    for o in ops {
                        let Value::List(o) = o else { panic!() };
                        let k = o[1].as_str().unwrap();
                        let v = dec(&o[2]);
                        let r = match o[0].as_str().unwrap() {
                            "add" => m.add(k, v),
                            "raw" => m.add_with(k, v, Add::RAW),
                            "over" => m.add_with(k, v, Add::REPLACE),
                            "keep" => m.add_with(k, v, Add::KEEP),
                            "change" => m.change(k, v),
                            "rawover" => m.add_with(k, v, Add { sanitize: false, overwrite: Some(true) }),
                            "update" => m.update([(k, v)]).map(|_| true),
                            "del" => Ok(m.remove(k)),
                            "in" => Ok(m.contains(k)),
                            "get" => {
                                res.push(
                                    m.get(k)
                                        .cloned()
                                        .or_else(|| m.dict_text(k).map(Value::from))
                                        .unwrap_or(Value::Null),
                                );
                                continue;
                            }
                            _ => panic!(),
                        };
                        res.push(match r {
                            Ok(b) => Value::Bool(b),
                            Err(MessageError::KeyExists(_)) => "KeyExists".into(),
                            Err(MessageError::KeyNotExists(_)) => "KeyNotExists".into(),
                            Err(MessageError::InvalidKey(_)) => "InvalidKey".into(),
                            Err(MessageError::InvalidValue { .. }) => "InvalidValue".into(),
                        });
                    }
                }
                Value::List(vec![Value::List(res), Value::from(m.to_wire())])
            }
            _ => panic!(),
        };
        println!("{}", json::to_text(&out, true, false));
    }
}
