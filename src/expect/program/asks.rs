//! Which values a program asks for.

use super::{Condition, ExecCommand, Kind, Program, Step, Text, Then, Verdict};

impl Program {
    /// Whether a text or a condition in it has `${name}`.
    pub fn asks_for(&self, name: &str) -> bool {
        let text = |text: &Text| text.names().any(|it| it == name);
        let condition = |condition: &Condition| condition.names().contains(&name);
        let then = |then: &Then| matches!(then, Then::Fail(Some(why)) if text(why));
        let kind = |kind: &Kind| match kind {
            Kind::Exec(exec) => {
                let argv = match &exec.command {
                    ExecCommand::Argv(words) => words.as_slice(),
                    ExecCommand::Shell(_) => &[],
                };
                argv.iter().any(text) || exec.otherwise.as_ref().is_some_and(then)
            }
            Kind::Ask(ask) => text(&ask.prompt) || ask.default.as_ref().is_some_and(text),
            Kind::Loop(body) => body.until.as_ref().is_some_and(condition),
            Kind::Call(call) => call.arguments.iter().any(|(_, argument)| text(argument)),
            Kind::Plain | Kind::Sleep(_) | Kind::Interact { .. } | Kind::WaitExit(_) => false,
        };
        let step = |step: &Step| {
            kind(&step.kind)
                || then(&step.then)
                || step.when.as_ref().is_some_and(condition)
                || step.branches.iter().any(|it| then(&it.then) || it.answers.iter().any(text))
        };
        let verdict = |verdict: &Verdict| match verdict {
            Verdict::Fail(said)
            | Verdict::Retry(said)
            | Verdict::Log(said)
            | Verdict::Append(_, said) => said.as_ref().is_some_and(text),
            Verdict::Pass | Verdict::Note(_) | Verdict::Count(_) => false,
        };
        self.all_actions().any(|action| action.text().is_some_and(text))
            || self.all_steps().any(|(_, it)| step(it))
            || self.rules.iter().any(|rule| rule.answers.iter().any(text))
            || self.watches.iter().any(|watch| verdict(&watch.verdict))
            || self.all_listens().any(|listen| listen.template.as_ref().is_some_and(text))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Action, Block, Branch, Call, Exec, Listen, Rule, Watch};
    use super::*;
    use crate::expect::pattern::Pattern;

    fn text() -> Text {
        Text::parse("as ${before}").expect("a text")
    }

    fn listen(template: Option<Text>) -> Listen {
        Listen { template, ..Listen::to(Pattern::parse("x").expect("a pattern")) }
    }

    fn exec(argv: Vec<Text>, otherwise: Option<Then>) -> Kind {
        Kind::Exec(Exec { command: ExecCommand::Argv(argv), into: None, otherwise })
    }

    #[test]
    fn wherever_it_stands() {
        let condition = || Condition::parse("\"${before}\" == \"x\"").expect("a condition");
        let fail = || Then::Fail(Some(text()));
        let branch = |change: fn(&mut Branch)| {
            let mut branch = Branch::on(listen(None));
            change(&mut branch);
            Step { branches: vec![branch], ..Step::default() }
        };
        let kind = |kind| Step { kind, ..Step::default() };
        let asking = [
            Step { actions: vec![Action::Line(text())], ..Step::default() },
            Step { when: Some(condition()), ..Step::default() },
            Step { then: fail(), ..Step::default() },
            branch(|it| it.listen.template = Some(text())),
            branch(|it| it.actions = vec![Action::Fail(Some(text()))]),
            branch(|it| it.answers = vec![text()]),
            branch(|it| it.then = Then::Fail(Some(text()))),
            kind(exec(vec![text()], None)),
            kind(exec(Vec::new(), Some(fail()))),
            kind(Kind::Call(Call { block: Block::Main, arguments: vec![("a".into(), text())] })),
        ];
        for step in asking {
            let shown = format!("{step:?}");
            let program = Program { steps: vec![step.clone()], ..Program::default() };
            assert!(program.asks_for("before") && !program.asks_for("after"), "{shown}");
            let program = Program { cleanup: vec![step], ..Program::default() };
            assert!(program.asks_for("before"), "{shown}");
        }
        let rule = Rule { answers: vec![text()], ..Rule::on(listen(None)) };
        let program = Program { rules: vec![rule], ..Program::default() };
        assert!(program.asks_for("before"));
        let verdict = Verdict::Append("list".into(), Some(text()));
        let watch = Watch { listen: listen(None), verdict, from: super::super::Origin::Flags };
        let program = Program { watches: vec![watch], ..Program::default() };
        assert!(program.asks_for("before"));
        let program = Program { start: vec![Action::Line("before".into())], ..Program::default() };
        assert!(!program.asks_for("before"));
    }
}
