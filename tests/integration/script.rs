//! `heeler check` over the scripts in tests/data/scripts: good ones say nothing, bad ones what is in the
//! file beside them. HEELER_BLESS=1 writes those files anew.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::harness::Test;

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/scripts")
}

fn heeler(words: &[&str]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_heeler"))
        .args(words)
        .env_clear()
        .current_dir(scripts())
        .stdin(std::process::Stdio::null())
        .output();
    output.expect("heeler starts")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("it is text")
}

fn files(folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(scripts().join(folder)).expect("it is a directory");
    let names =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    let mut files: Vec<String> =
        names.filter(|name| name.ends_with(".toml") || name.ends_with(".json")).collect();
    files.sort();
    assert!(!files.is_empty(), "there is nothing in {folder}");
    files.iter().map(|name| format!("{folder}/{name}")).collect()
}

#[test]
fn good_scripts_say_nothing() {
    for file in files("good") {
        let output = heeler(&["check", "--strict", &file]);
        assert_eq!((stderr(&output).as_str(), output.status.code()), ("", Some(0)), "{file}");
    }
}

fn golden(file: &str, code: i32) {
    let output = heeler(&["check", file]);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(code), "{file}: {said}");
    let path = scripts().join(format!("{file}.err"));
    if std::env::var_os("HEELER_BLESS").is_some() {
        std::fs::write(&path, &said).expect("it is written");
    }
    let wanted = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(said, wanted, "{file} says something else; HEELER_BLESS=1 takes it over");
}

#[test]
fn bad_scripts_say_where_and_what_helps() {
    for file in files("bad") {
        golden(&file, 125);
    }
}

#[test]
fn doubtful_scripts_are_warned_of() {
    for file in files("warn") {
        golden(&file, 0);
        assert_eq!(heeler(&["check", "--strict", &file]).status.code(), Some(1), "{file}");
    }
}

#[test]
fn findings_are_json_too() {
    let output = heeler(&["check", "--json", "bad/json.json"]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    assert_eq!(json[0]["code"], "unknown-key");
    assert_eq!((&json[0]["line"], &json[0]["column"]), (&4.into(), &21.into()));
    assert_eq!(json[0]["hint"], "did you mean `line`?");
    assert_eq!(stderr(&output), "");
}

#[test]
fn a_bad_script_starts_nothing_and_is_reported() {
    for file in files("bad") {
        let output =
            heeler(&["run", "--script", &file, "--report", "-", "--", "/bin/echo", "started"]);
        assert_eq!(output.status.code(), Some(125), "{file}: {}", stderr(&output));
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one object");
        assert_eq!(report["outcome"], "invalid", "{file}");
        assert_eq!(report["error"]["kind"], "script", "{file}");
        assert!(report["error"]["message"].as_str().expect("text").starts_with(&file), "{report}");
    }
}

#[test]
fn a_secret_that_is_written_out_is_not_shown() {
    let output = heeler(&["check", "bad/values.toml", "bad/many.toml"]);
    assert!(!stderr(&output).contains("hunter2"), "{}", stderr(&output));
}

#[test]
fn examples_fit_the_schema() {
    let output = heeler(&["schema", "script"]);
    let schema: serde_json::Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    for folder in ["good", "good/lib"] {
        for file in files(folder) {
            let text = std::fs::read_to_string(scripts().join(&file)).expect("it is there");
            let table = toml::de::DeTable::parse(&text).expect("it is TOML").into_inner();
            let value = tree(&toml::de::DeValue::Table(table));
            fits(&value, &schema["$defs"]["Script"], &schema, &file)
                .unwrap_or_else(|why| panic!("{why}"));
        }
    }
    let bad = serde_json::json!({"version": 1, "step": [{"lien": "x"}]});
    assert!(fits(&bad, &schema["$defs"]["Script"], &schema, "bad").is_err());
}

/// TOML as JSON.
fn tree(value: &toml::de::DeValue<'_>) -> serde_json::Value {
    use toml::de::DeValue;
    let number = |text: &str| text.replace('_', "").parse::<serde_json::Number>().unwrap().into();
    match value {
        DeValue::String(text) => text.as_ref().into(),
        DeValue::Integer(it) => number(it.as_str()),
        DeValue::Float(it) => number(it.as_str()),
        DeValue::Boolean(it) => (*it).into(),
        DeValue::Datetime(it) => it.to_string().into(),
        DeValue::Array(items) => items.iter().map(|item| tree(item.get_ref())).collect(),
        DeValue::Table(table) => serde_json::Value::Object(
            table.iter().map(|(key, it)| (key.get_ref().to_string(), tree(it.get_ref()))).collect(),
        ),
    }
}

/// As much of JSON Schema as the schema uses.
fn fits(
    value: &serde_json::Value,
    schema: &serde_json::Value,
    root: &serde_json::Value,
    at: &str,
) -> Result<(), String> {
    use serde_json::Value;
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.strip_prefix("#/$defs/").expect("a local name");
        return fits(value, &root["$defs"][name], root, at);
    }
    if let Some(any) = schema["anyOf"].as_array() {
        let tried: Vec<_> = any.iter().map(|one| fits(value, one, root, at)).collect();
        return if tried.iter().any(Result::is_ok) {
            Ok(())
        } else {
            Err(format!("{at}: {tried:?}"))
        };
    }
    if let Some(wanted) = schema.get("const") {
        return if value == wanted {
            Ok(())
        } else {
            Err(format!("{at}: {value} is not {wanted}"))
        };
    }
    if let Some(words) = schema["enum"].as_array() {
        return if words.contains(value) {
            Ok(())
        } else {
            Err(format!("{at}: {value} is no {words:?}"))
        };
    }
    let kinds = match &schema["type"] {
        Value::Array(kinds) => kinds.clone(),
        kind => vec![kind.clone()],
    };
    let kind = match value {
        Value::String(_) => "string",
        Value::Bool(_) => "boolean",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
        Value::Number(number) if number.is_i64() => "integer",
        Value::Number(_) => "number",
        Value::Null => "null",
    };
    let integer = kind == "integer" && kinds.contains(&"number".into());
    if !kinds.contains(&kind.into()) && !integer {
        return Err(format!("{at}: {value} is no {kinds:?}"));
    }
    if let (Some(pattern), Some(text)) = (schema["pattern"].as_str(), value.as_str())
        && !regex::Regex::new(pattern).expect("it is a regex").is_match(text)
    {
        return Err(format!("{at}: {text} does not match {pattern}"));
    }
    if let Some(items) = value.as_array() {
        for (index, item) in items.iter().enumerate() {
            fits(item, &schema["items"], root, &format!("{at}[{index}]"))?;
        }
    }
    let Some(object) = value.as_object() else { return Ok(()) };
    for need in schema["required"].as_array().into_iter().flatten() {
        if !object.contains_key(need.as_str().expect("a name")) {
            return Err(format!("{at}: {need} is missing"));
        }
    }
    for (key, value) in object {
        let at = format!("{at}.{key}");
        match (schema["properties"].get(key), &schema["additionalProperties"]) {
            (Some(schema), _) => fits(value, schema, root, &at)?,
            (None, Value::Object(other)) => fits(value, &Value::Object(other.clone()), root, &at)?,
            (None, _) => return Err(format!("{at}: there is no such key")),
        }
    }
    Ok(())
}

#[test]
fn params_come_from_set_and_from_words() {
    let argv = |words: &[&str]| {
        let mut line = vec!["run", "--dry-run", "--script", "good/login.toml"];
        line.extend(words);
        let output = heeler(&line);
        let json: serde_json::Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", stderr(&output)));
        json["argv"].clone()
    };
    assert_eq!(argv(&["--set", "host=db1"]), serde_json::json!(["ssh", "db1"]));
    assert_eq!(argv(&["db2"]), serde_json::json!(["ssh", "db2"]));
    assert_eq!(
        argv(&["--set", "host=db1", "--", "telnet", "x"]),
        serde_json::json!(["telnet", "x"])
    );
    for (words, says) in [
        (vec![], "the param `host` is required"),
        (vec!["a", "b"], "`b` is one word too many"),
        (vec!["--set", "hots=a"], "did you mean `host`?"),
    ] {
        let mut line = vec!["run", "--dry-run", "--script", "good/login.toml"];
        line.extend(words);
        let output = heeler(&line);
        assert_eq!(output.status.code(), Some(125));
        assert!(stderr(&output).contains(says), "{}", stderr(&output));
    }
}

#[test]
fn flags_go_before_the_script() {
    let line = "run --dry-run --script good/login.toml --set host=x --timeout 7s --pipe --expect more -- cat";
    let output = heeler(&line.split(' ').collect::<Vec<_>>());
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    assert_eq!(json["limits"]["timeout_ms"], 7000);
    assert_eq!(json["mode"], "pipe");
    let steps = json["dialogue"]["steps"].as_array().expect("a list");
    assert_eq!(steps.len(), 4);
    assert!(steps[3].to_string().contains("more"), "{json}");
}

/// A program says what it takes; a script that is none, or cannot be read, is no answer.
#[test]
fn a_script_that_is_a_program_says_what_it_takes() {
    let t = Test::new();
    let text = r#"
version = 1
description = "Copies a release.\u001b[31m"
[command]
argv = ["scp", "${files...}", "${host}"]
[params.host]
help = "where to"
[params.env]
values = ["test", "prod"]
default = "test"
[params.files]
type = "list"
required = false
[secrets.pw]
env = "PW"
"#;
    t.write("s.toml", text);
    let says = r"Copies a release.\x1b[31m

Usage: s.toml [OPTIONS] <host> [env] [files]... [-- COMMAND...]

Params, also as --set NAME=VALUE:
  host   where to
  env    one of test, prod; default test
  files

Secrets:
  pw  from the variable PW

Options are those of heeler run (heeler help run); --dry-run says what would be done.
A COMMAND is run in place of the script's own.
";
    for help in ["-h", "--help"] {
        t.heeler(["run", "--script", "s.toml", help]).out(says).check();
        t.heeler(["run", "--timeout", "5s", "--script=s.toml", help]).out(says).check();
    }
    t.write("none.toml", "version = 1\n[[step]]\nexpect = 'x'\n");
    t.write("broken.toml", "version = ");
    for other in ["none.toml", "broken.toml", "nowhere.toml", "-"] {
        let done = t.heeler(["run", "--script", other, "--help"]).any_out().check();
        assert!(done.out_text().starts_with("Supervise a command"), "{other}");
    }
    let done = t.heeler(["run", "--help", "--script", "s.toml"]).any_out().check();
    assert!(done.out_text().starts_with("Supervise a command"));
}
