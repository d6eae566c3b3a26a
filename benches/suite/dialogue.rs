//! How fast a prompt is answered.

use crate::Scale;
use crate::group::{Contender, Figure, Group, Mark, Unit};
use crate::peers::Peers;
use crate::tools::Tools;

const MEDIAN: &str = "After, at the median";
const LAST: &str = "After, at the 99th percentile";

/// The groups of this file.
pub fn groups(tools: &Tools, peers: &Peers, scale: Scale) -> Vec<Group> {
    let prompt = "continue? ";
    let count = scale.rounds(1000).to_string();
    let asks = [tools.c("prompt"), count, tools.file("notes")];
    let program = || asks.iter().map(String::as_str);
    let flags = ["--pty", "--track", "off", "--on", prompt, "--line", "yes", "--"];
    let args: Vec<&str> = flags.into_iter().chain(program()).collect();
    let answer = tools.c("answer");
    let mut contenders = vec![
        Contender::heeler(tools, "heeler", &args),
        Contender::new(
            "C: poll and answer",
            [answer.as_str(), prompt, "yes"].into_iter().chain(program()),
        ),
    ];
    if let Some(path) = peers.path("expect") {
        let script = format!(
            "set timeout 30; spawn -noecho {}; expect -ex {{{prompt}}} {{ send yes\\r; exp_continue }} eof {{}}",
            asks.join(" ")
        );
        contenders.push(Contender::new("expect", [path, "-c", &script]));
    }
    if let Some(python) = &peers.pexpect {
        let script = "import pexpect, sys\n\
             child = pexpect.spawn(sys.argv[1], sys.argv[2:])\n\
             child.delaybeforesend = None\n\
             while child.expect_exact(['continue? ', pexpect.EOF]) == 0: child.send('yes\\r')";
        let command = [python.as_str(), "-c", script].into_iter().chain(program());
        contenders.push(Contender::new("pexpect", command));
    }
    let figure =
        |title: &str, share| Figure { title: title.to_owned(), unit: Unit::MicrosAt(share) };
    vec![Group {
        name: "answer",
        title: "A prompt on a terminal is answered".to_owned(),
        figures: vec![figure(MEDIAN, 0.5), figure(LAST, 0.99)],
        rounds: scale.rounds(9),
        block: 1,
        contenders,
        prepare: None,
        marks: vec![
            Mark::times(MEDIAN, "heeler", "C: poll and answer", 1.1),
            Mark::times(LAST, "heeler", "C: poll and answer", 1.3),
        ],
        headline: Some(("From prompt to answer, median", vec!["expect", "C: poll and answer"])),
    }]
}
