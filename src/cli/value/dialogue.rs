//! Words of the dialogue.

/// `--do`, as typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Do {
    /// `pass`.
    Pass,
    /// `fail[:WHY]`.
    Fail(Option<String>),
    /// `interrupt`.
    Interrupt,
    /// `terminate`.
    Terminate,
    /// `kill`.
    Kill,
    /// `next`.
    Next,
}

/// Parses `pass|fail[:WHY]|interrupt|terminate|kill|next`.
pub fn do_action(text: &str) -> Result<Do, String> {
    match text {
        "pass" => Ok(Do::Pass),
        "fail" => Ok(Do::Fail(None)),
        "interrupt" => Ok(Do::Interrupt),
        "terminate" => Ok(Do::Terminate),
        "kill" => Ok(Do::Kill),
        "next" => Ok(Do::Next),
        _ => match text.strip_prefix("fail:") {
            Some(why) => Ok(Do::Fail(Some(why.to_owned()))),
            None => {
                Err("it is pass, fail, fail:WHY, interrupt, terminate, kill or next".to_owned())
            }
        },
    }
}

/// Parses `--set K=V`.
pub fn param(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("it is NAME=VALUE".to_owned()),
    }
}

/// Parses `LABEL=P`; without a label the pattern is its own.
pub fn labelled(text: &str) -> Result<(String, String), String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    Ok(match text.split_once('=') {
        Some((label, pattern)) if !label.is_empty() && label.chars().all(fits) => {
            (label.to_owned(), pattern.to_owned())
        }
        _ => (text.to_owned(), text.to_owned()),
    })
}

/// `--stream`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Stream {
    /// Only stdout.
    Stdout,
    /// Only stderr.
    Stderr,
}

/// `--view`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum View {
    /// Terminal escapes removed, CR LF to LF.
    Text,
    /// The bytes as they came.
    Raw,
    /// The rendered screen.
    Screen,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels() {
        let two = |label: &str, pattern: &str| Ok((label.to_owned(), pattern.to_owned()));
        assert_eq!(labelled("ok=$ "), two("ok", "$ "));
        assert_eq!(labelled("a.b-c_1=/x=y/"), two("a.b-c_1", "/x=y/"));
        assert_eq!(labelled("login: "), two("login: ", "login: "));
        assert_eq!(labelled("=text"), two("=text", "=text"));
        assert_eq!(labelled("/a=b/"), two("/a=b/", "/a=b/"));
    }

    #[test]
    fn verdicts_and_acts() {
        assert_eq!(do_action("pass"), Ok(Do::Pass));
        assert_eq!(do_action("fail"), Ok(Do::Fail(None)));
        assert_eq!(do_action("fail:no: route"), Ok(Do::Fail(Some("no: route".to_owned()))));
        for bad in ["", "Pass", "pass:x", "stop", "kill:9"] {
            assert!(do_action(bad).is_err(), "{bad:?}");
        }
    }
}
