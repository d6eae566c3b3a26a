//! How fast the matcher reads: `cargo bench --bench matcher`, by hand. Each line is one way of hurting a
//! matcher that rescans; the figure is MiB of output a second, view and all.

#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock and prints")]
#![expect(clippy::print_stdout, reason = "a benchmark prints")]

use std::time::{Duration, Instant};

use heeler::expect::matcher::{Matcher, MatcherConfig};
use heeler::expect::pattern::Pattern;
use heeler::expect::program::View;

const MIB: usize = 1 << 20;
const CONFIG: MatcherConfig =
    MatcherConfig { window: MIB, before: 0, settle: Duration::from_millis(50), size: (80, 24) };

fn matcher(patterns: &[String]) -> Matcher {
    let patterns: Vec<(Pattern, View)> =
        patterns.iter().map(|p| (Pattern::parse(p).expect("a pattern"), View::Text)).collect();
    Matcher::new(&patterns, CONFIG).expect("they compile")
}

/// Feeds `total` bytes, `block` over and over, in pieces of `chunk`; gives seconds and matches.
fn feed(matcher: &mut Matcher, block: &[u8], total: usize, chunk: usize) -> (f64, usize) {
    let now = Duration::from_millis(1);
    let (begin, mut fed, mut found) = (Instant::now(), 0, 0);
    while fed < total {
        for piece in block.chunks(chunk) {
            matcher.push(now, piece);
            while matcher.poll(now).is_some() {
                found += 1;
            }
        }
        fed += block.len();
    }
    (begin.elapsed().as_secs_f64(), found)
}

fn report(name: &str, matcher: &mut Matcher, block: &[u8], total: usize, chunk: usize) -> f64 {
    let (seconds, found) = feed(matcher, block, total, chunk);
    let speed = total as f64 / MIB as f64 / seconds;
    println!("{name:<44} {speed:>8.0} MiB/s   {found} matches, {} dropped", matcher.dropped());
    seconds
}

fn log_lines(end: &str) -> Vec<u8> {
    let mut block = String::new();
    let mut seed = 1_u32;
    while block.len() < MIB {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let level = ["INFO", "DEBUG", "WARN", "TRACE"][(seed >> 29) as usize % 4];
        let line = format!(
            "2026-01-02T03:04:05.{:03}Z {level} worker-{} request id={:08x} took {} ms, cache {}{end}",
            seed % 1000,
            seed >> 28,
            seed,
            seed % 977,
            if seed & 64 == 0 { "hit" } else { "miss" },
        );
        block.push_str(&line);
    }
    block.into_bytes()
}

fn literals(count: usize) -> Vec<String> {
    let words = ["password:", "denied by", "error code", "failure in", "are you sure", "continue?"];
    (0..count).map(|n| format!("{} {n:03}", words[n % words.len()])).collect()
}

fn regexes(count: usize) -> Vec<String> {
    (0..count).map(|n| format!(r"/^(ERROR|FATAL) [\w.]+{n:03}: (?<why>.*)$/")).collect()
}

fn main() {
    let size: usize = std::env::args().find_map(|arg| arg.parse().ok()).unwrap_or(256);
    let total = size * MIB;
    let chunk = 64 << 10;
    let log = log_lines("\n");
    for (name, make) in [("literal", literals as fn(usize) -> Vec<String>), ("regex", regexes)] {
        let mut seconds = Vec::new();
        for count in [1, 100] {
            let mut m = matcher(&make(count));
            m.arm(&(0..count).collect::<Vec<_>>());
            let name = format!("{count} {name} rules, log lines");
            seconds.push(report(&name, &mut m, &log, total, chunk));
        }
        println!(
            "{:<44} {:>8.2} times the cost of 1",
            format!("100 {name} rules"),
            seconds[1] / seconds[0]
        );
    }
    for count in [1, 100] {
        let mut m = matcher(&regexes(count));
        m.watch(&(0..count).collect::<Vec<_>>());
        report(&format!("{count} regex watches, log lines"), &mut m, &log, total, chunk);
        report(&format!("{count} regex watches, reads of 4 KiB"), &mut m, &log, total, 4096);
    }
    let one = |pattern: &str| {
        let mut m = matcher(&[pattern.to_owned()]);
        m.arm(&[0]);
        m
    };
    report("nothing armed", &mut matcher(&[]), &log, total, chunk);
    for chunk in [chunk, 4096, 256 << 10] {
        let name = format!("1 rule, lines end in CR LF, reads of {} KiB", chunk >> 10);
        report(&name, &mut one("error code 7"), &log_lines("\r\n"), total, chunk);
    }
    report(
        "1 rule, coloured",
        &mut one("error code 7"),
        &log_lines("\x1b[0m\r\n\x1b[32m"),
        total,
        chunk,
    );
    report(
        "1 regex that begins with anything",
        &mut one(r"/\w+@\w+\.example/"),
        &log,
        total,
        chunk,
    );
    report("a match a line", &mut one(r"/took (\d+) ms/"), &log, total / 8, chunk);
    report("endless line", &mut one("/a[^x]*b/"), &vec![b'a'; MIB], total, chunk);
    report("endless line, greedy", &mut one("/a(.*)z/"), &vec![b'a'; MIB], total, chunk);
    report("spanning, never ends", &mut one("/2026(?s:.*)END/"), &log, total, chunk);
    report("spanning, lazy", &mut one("/2026-(?s:.*?)never/"), &log, total, chunk);
    report("byte-sized reads, literal", &mut one("error code 7"), &log, total / 8, 1);
    report("byte-sized reads, spanning", &mut one("/2026(?s:.*)END/"), &log, total / 8, 1);
    report("one huge read", &mut one(r"/nowhere (\d+)/"), &log, MIB, MIB);
    let peak = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = peak.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default();
    println!("{peak}");
}
