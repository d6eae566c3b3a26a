//! Stand-in until the matcher is merged.
use std::time::Duration;
use crate::expect::pattern::{Kind, Pattern};
use crate::expect::program::View;
pub struct Match { pub id: usize, pub is_watch: bool, pub start: u64, pub end: u64, pub groups: Vec<Option<Vec<u8>>>, pub names: Vec<(String, Option<Vec<u8>>)>, pub before: Vec<u8> }
pub struct Matcher { regexes: Vec<regex::bytes::Regex>, buffer: Vec<u8>, cursor: usize, armed: Vec<usize>, watch: Vec<usize>, watched: Vec<usize>, }
impl Matcher {
    pub fn new(patterns: &[(Pattern, View)]) -> Matcher {
        let regexes = patterns.iter().map(|(p, _)| { let source = match &p.kind { Kind::Text(t) => regex::escape(std::str::from_utf8(t).unwrap()), Kind::Regex(r) => r.clone(), Kind::Event(_) => unreachable!() };
            regex::bytes::RegexBuilder::new(&source).multi_line(true).crlf(true).build().unwrap() }).collect::<Vec<_>>();
        let n = regexes.len();
        Matcher { regexes, buffer: vec![], cursor: 0, armed: vec![], watch: vec![], watched: vec![0; n] }
    }
    pub fn arm(&mut self, ids: &[usize]) { self.armed = ids.to_vec(); }
    pub fn watch(&mut self, ids: &[usize]) { self.watch = ids.to_vec(); }
    pub fn push(&mut self, _now: Duration, bytes: &[u8]) { self.buffer.extend_from_slice(bytes); }
    pub fn poll(&mut self, _now: Duration) -> Option<Match> {
        let mut best: Option<(usize, usize, bool)> = None;
        for (is_watch, list) in [(true, &self.watch), (false, &self.armed)] { for &id in list {
            let from = if is_watch { self.watched[id] } else { self.cursor };
            if let Some(m) = self.regexes[id].find_at(&self.buffer, from) { if best.is_none_or(|b| m.start() < b.0) { best = Some((m.start(), id, is_watch)); } }
        } }
        let (_, id, is_watch) = best?;
        let from = if is_watch { self.watched[id] } else { self.cursor };
        let caps = self.regexes[id].captures_at(&self.buffer, from)?;
        let all = caps.get(0)?;
        let m = Match { id, is_watch, start: all.start() as u64, end: all.end() as u64, groups: caps.iter().map(|g| g.map(|g| g.as_bytes().to_vec())).collect(),
            names: self.regexes[id].capture_names().flatten().map(|n| (n.to_owned(), caps.name(n).map(|g| g.as_bytes().to_vec()))).collect(), before: self.buffer[from..all.start()].to_vec() };
        let end = all.end();
        if is_watch { self.watched[id] = end; } else { self.cursor = end; }
        Some(m)
    }
    pub fn deadline(&self) -> Option<Duration> { None }
    pub fn close(&mut self) {}
    pub fn expect_echo(&mut self, _bytes: &[u8]) {}
    pub fn resize(&mut self, _c: u16, _r: u16) {}
    pub fn dropped(&self) -> u64 { 0 }
    pub fn last_lines(&self, n: usize) -> Vec<String> { let t = String::from_utf8_lossy(&self.buffer).into_owned(); let l: Vec<&str> = t.lines().collect(); l[l.len().saturating_sub(n)..].iter().map(|s| (*s).to_owned()).collect() }
    pub fn unmatched_text(&self) -> Vec<u8> { self.buffer[self.cursor..].to_vec() }
}
