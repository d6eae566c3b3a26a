use super::*;

const ABOUT: About<'_> =
    About { argv: &[], script: "s.toml", cast: None, host: "buildbox", exact: false };

/// A session: `o`utput, and input as the terminal `s`howed, `h`id or passed on as `k`eys.
fn session(moments: &[(char, &str)]) -> Session {
    let mut session = Session::default();
    (session.size, session.exit) = ((80, 24), Some(0));
    for (n, (code, text)) in moments.iter().enumerate() {
        let at = Duration::from_millis(n as u64 * 100);
        let typing = match code {
            'o' => {
                session.output(at, text.as_bytes());
                continue;
            }
            's' => Typing::Shown,
            'h' => Typing::Hidden,
            _ => Typing::Keys,
        };
        session.input(at, text.as_bytes(), typing);
    }
    session
}

/// The steps of the script, without what is around them.
fn steps(moments: &[(char, &str)]) -> String {
    let script = learn(&session(moments), &ABOUT).script;
    let at = script.find("[[step]]").expect("the exit is a step");
    let body = script[at..].strip_suffix("\n[[step]]\nwait_exit = 0\n").unwrap_or(&script[at..]);
    body.to_owned()
}

fn inputs(moments: &[(char, &str)]) -> Vec<String> {
    let tape = learn(&session(moments), &ABOUT).tape;
    let inputs = tape.facts.iter().filter_map(|fact| match &fact.what {
        What::Input(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        _ => None,
    });
    inputs.collect()
}

#[test]
fn prompts_and_answers_become_steps() {
    let typed = [
        ('o', "Welcome\r\nName: "),
        ('s', "al"),
        ('o', "al"),
        ('s', "x\x7fice\r"),
        ('o', "x\x08 \x08ice\r\nAge: "),
        ('s', "7\r"),
        ('o', "7\r\nok\r\n"),
    ];
    let script = "[[step]]\nexpect = \"Name: \"\nline = \"alice\"\n\n\
                  [[step]]\nexpect = \"Age: \"\nline = \"7\"\n";
    assert_eq!(steps(&typed), script);
    assert_eq!(inputs(&typed), ["alice\r", "7\r"]);
}

#[test]
fn what_was_typed_unseen_is_nowhere() {
    let typed = [
        ('o', "Password: "),
        ('h', "hun"),
        ('h', "ter2\r"),
        ('o', "\r\nyou said hun"),
        ('o', "ter2\r\nAgain: "),
        ('h', "hunter2\r"),
        ('o', "\r\nName of hunter2: "),
        ('s', "hunter2\r"),
    ];
    let learned = learn(&session(&typed), &ABOUT);
    assert!(!learned.script.contains("hunter2"), "{}", learned.script);
    assert!(!format!("{:?}", learned.tape).contains("hunter2"));
    let bytes: Vec<u8> = learned.tape.output().collect::<Vec<_>>().concat();
    assert!(memchr::memmem::find(&bytes, b"hunter2").is_none());
    assert_eq!(learned.secrets, ["secret1"]);
    assert_eq!(learned.script.matches("secret = \"secret1\"").count(), 2);
}

#[test]
fn a_command_that_reads_keys_shows_what_it_likes() {
    let shell = [
        ('o', "me@box:~$ "),
        ('k', "l"),
        ('o', "l"),
        ('k', "s"),
        ('o', "s"),
        ('k', "\r"),
        ('o', "\r\na b\r\nme@box:~$ "),
        ('k', "exit\r"),
        ('o', "exit\r\nlogout\r\n"),
    ];
    let script = steps(&shell);
    assert!(script.contains("line = \"ls\"") && script.contains("line = \"exit\""), "{script}");
    let hidden = [('o', "Pass: "), ('k', "s3cret\r"), ('o', "\r\nok\r\n")];
    assert!(steps(&hidden).contains("secret = \"secret1\""));
    assert_eq!(inputs(&hidden), ["\r"]);
    let stars = [('o', "Pass: "), ('k', "s3"), ('o', "**"), ('k', "cret\r"), ('o', "****\r\nok")];
    assert!(steps(&stars).contains("secret = \"secret1\""), "{}", steps(&stars));
    let broken_off = [('o', "Pass: "), ('k', "s3cret"), ('k', "\x03"), ('o', "^C\r\n")];
    let script = steps(&broken_off);
    assert!(!script.contains("s3") && script.contains("key = \"ctrl-c\""), "{script}");
    assert_eq!(inputs(&broken_off), ["\x03"]);
}

#[test]
fn keys_have_names() {
    let menu = [
        ('o', "\x1b[2J\x1b[1;1HPick one\x1b[3;1H> first"),
        ('k', "\x1b[B"),
        ('o', "\x1b[4;1H> second"),
        ('k', "q"),
        ('o', "\x1b[5;1Hreally quit?"),
        ('k', "y"),
        ('o', "\x1b[?1049l"),
    ];
    let script = steps(&menu);
    let wanted = "[[step]]\nexpect = \"> first\"\nview = \"screen\"\nkey = \"down\"\n\n\
                  [[step]]\nexpect = \"> second\"\nview = \"screen\"\nsend = \"q\"\n\n\
                  [[step]]\nexpect = \"really quit?\"\nview = \"screen\"\nsend = \"y\"\n";
    assert_eq!(script, wanted);
    let ends = [('o', "$$$ > "), ('s', "\x04"), ('o', "\r\n"), ('s', "\x1a")];
    let script = steps(&ends);
    assert!(script.contains("key = \"eof\"") && script.contains("key = \"ctrl-z\""), "{script}");
}

#[test]
fn without_a_prompt_the_last_line_counts() {
    let quiet = [('o', "starting\r\nready for input\r\n"), ('s', "go\r"), ('o', "go\r\n")];
    assert_eq!(steps(&quiet), "[[step]]\nexpect = \"ready for input\"\nline = \"go\"\n");
    let mute = [('s', "go\r"), ('o', "go\r\n"), ('s', "on\r"), ('o', "on\r\n")];
    assert_eq!(steps(&mute), "[[step]]\nline = \"go\"\n\n[[step]]\nline = \"on\"\n");
}

#[test]
fn names_and_quotes_are_written_so_that_they_are_read_back() {
    let odd = [('o', "cost ${x} 'a' \"b\": "), ('s', "${y} \\ $$\r"), ('o', "\r\n")];
    let script = steps(&odd);
    let table = toml::de::DeTable::parse(&script).expect("it is TOML").into_inner();
    let step = table["step"].get_ref()[0].get_ref();
    let read = |key: &str| {
        let text = step[key].get_ref().as_str().unwrap();
        let text = crate::expect::program::Text::parse(text).unwrap();
        String::from_utf8(text.as_literal().expect("no names").to_vec()).unwrap()
    };
    assert_eq!(read("expect"), "cost ${x} 'a' \"b\": ");
    assert_eq!(read("line"), "${y} \\ $$");
}

#[test]
fn a_slow_command_gets_time() {
    let mut session = session(&[('o', "wait"), ('s', "a\r"), ('o', "a\r\nName: "), ('s', "b\r")]);
    for moment in &mut session.moments[2..] {
        moment.at += Duration::from_secs(20);
    }
    session.exit = Some(143);
    let script = learn(&session, &ABOUT).script;
    assert!(script.contains("expect = \"Name: \"\nwithin = \"61s\"\n"), "{script}");
    assert!(script.contains("signal 15") && script.contains("wait_exit = true"), "{script}");
}

/// Between a line and a ctrl-c nothing may be written: typed at once, the line would be lost.
#[test]
fn a_key_in_the_middle_waits_until_the_command_rests() {
    let sleeper = [
        ('o', ">>> "),
        ('k', "time.sleep(9)\r"),
        ('o', "time.sleep(9)\r\n"),
        ('k', "\x03"),
        ('o', "^C\r\n>>> "),
        ('k', "\x04"),
    ];
    let script = steps(&sleeper);
    assert!(script.contains("expect = \"@idle:100ms\"\nkey = \"ctrl-c\"\n"), "{script}");
    assert_eq!(script.matches("@idle").count(), 1, "{script}");
    let mute = [('s', "go\r"), ('o', "go\r\n"), ('s', "\x03"), ('o', "^C")];
    let rests = "[[step]]\nexpect = \"@idle:100ms\"\nkey = \"ctrl-c\"\n";
    assert!(steps(&mute).ends_with(rests), "{}", steps(&mute));
    assert_eq!(steps(&mute[2..]), rests, "the command starts first");
}

/// What a line editor draws for a key is its guess at what the person wants, behind a prompt that was waited for.
#[test]
fn what_a_key_had_drawn_again_is_not_waited_for() {
    let recalled = [
        ('o', ">>> "),
        ('k', "1+1\r"),
        ('o', "1+1\r\n2\r\n>>> "),
        ('k', "\x1b[A"),
        ('o', "1+1"),
        ('k', "\x15"),
        ('o', "\x08\x08\x08\x1b[K"),
        ('k', "\x1b[A\x1b[A"),
        ('o', "1+1\x08\x08\x08x=2"),
        ('k', "\r"),
        ('o', "\r\n>>> "),
        ('k', "\x04"),
    ];
    let prompt = "# It was: >>> \n[[step]]\nexpect = \"/^>>> $/\"\n";
    let rests = "[[step]]\nexpect = \"@idle:100ms\"\n";
    let script = format!(
        "{prompt}key = \"up\"\n\n{rests}key = \"ctrl-u\"\n\n\
         {rests}key = \"up\"\n\n[[step]]\nkey = \"up\"\n\n{rests}line = \"\"\n\n{prompt}key = \"ctrl-d\"\n"
    );
    let (first, others) =
        steps(&recalled).split_once("\n\n").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    assert!(first.ends_with("line = \"1+1\""), "{first}");
    assert_eq!(others, script);
    // An answer on the same line, after a while, is one.
    let mut slow = session(&[('o', "> "), ('k', "\x1b[A"), ('o', "Really? "), ('k', "y\r")]);
    for moment in &mut slow.moments[2..] {
        moment.at += Duration::from_secs(1);
    }
    let script = learn(&slow, &ABOUT).script;
    assert!(script.contains("expect = \"Really? \""), "{script}");
}
