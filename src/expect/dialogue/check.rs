//! Whether a program can be run: what it names has to be there.

use super::effect::{Setup, SetupError};
use crate::expect::names::nearest;
use crate::expect::program::{Action, Block, Kind, Program, StreamId, Then};

/// Checks a program against a run.
pub(super) fn check(program: &Program, setup: &Setup) -> Result<(), SetupError> {
    let asked: Vec<&str> = program.asked_secrets().collect();
    let rules: Vec<&str> = program.rules.iter().filter_map(|rule| rule.name.as_deref()).collect();
    for action in program.all_actions() {
        match action {
            Action::Secret { name, .. } => {
                let known = setup.secret_names.iter().map(String::as_str);
                let known: Vec<&str> = known.chain(asked.iter().copied()).collect();
                if !known.contains(&name.as_str()) {
                    let nearest = nearest(name, known).map(str::to_owned);
                    return Err(SetupError::UnknownSecret { name: name.clone(), nearest });
                }
            }
            Action::Enable(name) | Action::Disable(name) if !rules.contains(&name.as_str()) => {
                let nearest = nearest(name, rules).map(str::to_owned);
                return Err(SetupError::UnknownRule { name: name.clone(), nearest });
            }
            _ => {}
        }
    }
    streams(program, setup)?;
    if let Some(watch) = program.watches.iter().find(|watch| watch.listen.template.is_some()) {
        let source = &watch.listen.pattern.source;
        return Err(SetupError::Malformed(format!(
            "`{source}`: a watch listens from the start, so only parameters may stand in its pattern"
        )));
    }
    for (place, step) in program.all_steps() {
        let label = program.label(place);
        let waits = matches!(step.kind, Kind::Plain | Kind::Interact { .. });
        if !waits && !step.branches.is_empty() {
            let message = format!("step {label} has branches and is none that waits for text");
            return Err(SetupError::Malformed(message));
        }
        let inner = match &step.kind {
            Kind::Loop(repeat) => Some(repeat.body),
            Kind::Call(call) => Some(call.block),
            _ => None,
        };
        if inner.is_some_and(|block| !is_inner(program, block)) {
            let message = format!("step {label} does a block that is not there");
            return Err(SetupError::Malformed(message));
        }
        let otherwise = match &step.kind {
            Kind::Exec(exec) => exec.otherwise.as_ref(),
            _ => None,
        };
        let thens = step.branches.iter().map(|branch| &branch.then);
        for then in thens.chain([&step.then]).chain(otherwise) {
            if let Then::Goto(target) = then
                && program.step(*target).is_none()
            {
                let (target, steps) = (target.step + 1, program.block(target.block).len());
                return Err(SetupError::NoSuchStep { step: label, target, steps });
            }
        }
    }
    Ok(())
}

fn is_inner(program: &Program, block: Block) -> bool {
    matches!(block, Block::Other(index) if index < program.blocks.len())
}

fn streams(program: &Program, setup: &Setup) -> Result<(), SetupError> {
    for listen in program.all_listens() {
        if let Some(stream) = listen.stream
            && !setup.streams.contains(&stream)
        {
            return Err(SetupError::NoSuchStream {
                pattern: listen.pattern.source.clone(),
                stream: match stream {
                    StreamId::Stdout => "stdout",
                    StreamId::Stderr => "stderr",
                    StreamId::Terminal => "the terminal",
                },
                why: if setup.terminal {
                    "a terminal is one stream; use `--pipe`, or drop `--stream`"
                } else {
                    "it is not read"
                },
            });
        }
    }
    Ok(())
}
