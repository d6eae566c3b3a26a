//! What a script that is a program says of itself: `./deploy.toml --help`.

use std::fmt::Write as _;

use super::Loaded;
use super::model::{ListOr, Param, Script, Secret};

impl Loaded {
    /// How `program` is used, when it has a command of its own and can be read.
    pub fn usage(&self, program: &str) -> Option<String> {
        let script = self.scripts.first().filter(|_| self.has_command() && !self.is_broken())?;
        let params = || self.scripts.iter().flat_map(|script| &script.params).flat_map(|it| &it.0);
        let mut text = String::new();
        if let Some(description) = &script.description {
            let _ = writeln!(text, "{}\n", description.value.trim_end());
        }
        let _ = write!(text, "Usage: {program} [OPTIONS]");
        for (name, param) in params() {
            let more = if param.is_list() { "..." } else { "" };
            let name = &name.value;
            let _ = if param.is_needed() {
                write!(text, " <{name}>{more}")
            } else {
                write!(text, " [{name}]{more}")
            };
        }
        text += " [-- COMMAND...]\n";
        let params: Vec<_> =
            params().map(|(name, param)| (name.value.as_str(), param.says())).collect();
        table(&mut text, "Params, also as --set NAME=VALUE", &params);
        table(&mut text, "Secrets", &secrets(script));
        text += "\nOptions are those of heeler run (heeler help run); --dry-run says what would be done.\n\
                 A COMMAND is run in place of the script's own.\n";
        Some(text)
    }
}

impl Param {
    fn is_needed(&self) -> bool {
        self.default.is_none() && self.required.as_ref().is_none_or(|required| required.value)
    }

    /// What it is for, which values it takes, what it is when it is not given.
    fn says(&self) -> String {
        let mut parts: Vec<String> = self.help.iter().map(|help| help.value.clone()).collect();
        if let Some(values) = &self.values {
            let all: Vec<&str> = values.iter().map(|it| it.value.0.as_str()).collect();
            parts.push(format!("one of {}", all.join(", ")));
        }
        match &self.default {
            Some(ListOr::One(one)) if one.value.0.is_empty() => {}
            Some(ListOr::One(one)) => parts.push(format!("default {}", one.value.0)),
            Some(ListOr::List(list)) if list.is_empty() => {}
            Some(ListOr::List(list)) => {
                let all: Vec<&str> = list.iter().map(|it| it.value.0.as_str()).collect();
                parts.push(format!("default {}", all.join(",")));
            }
            None => {}
        }
        parts.join("; ")
    }
}

fn secrets(script: &Script) -> Vec<(&str, String)> {
    let source = |secret: &Secret| match secret {
        Secret { env: Some(name), .. } => format!("from the variable {}", name.value),
        Secret { file: Some(file), .. } => format!("from the file {}", file.value),
        Secret { fd: Some(fd), .. } => format!("from descriptor {}", fd.value),
        Secret { cmd: Some(_), .. } => "from a command".to_owned(),
        Secret { ask: Some(_), .. } => "asked for".to_owned(),
        _ => String::new(),
    };
    let all = script.secrets.iter().flat_map(|it| &it.0);
    all.map(|(name, secret)| (name.value.as_str(), source(secret))).collect()
}

fn table(text: &mut String, title: &str, rows: &[(&str, String)]) {
    let Some(width) = rows.iter().map(|(name, _)| name.chars().count()).max() else { return };
    let _ = writeln!(text, "\n{title}:");
    for (name, says) in rows {
        let line = format!("  {name:width$}  {says}");
        text.push_str(line.trim_end());
        text.push('\n');
    }
}
