//! `heeler screen RUN`: what its terminal shows, also at its end.

use super::{Found, failed, find, unexpected};
use crate::cli::detached::Screen;
use crate::command::tracked::print_json;
use crate::control::client::after;
use crate::control::protocol::{self, Reply, Request};
use crate::control::session::Session;
use crate::core::outcome::EXIT_HEELER;
use crate::expect::view::emulator::Emulator;
use crate::report::output::{Io, escape};
use crate::report::screen as report;
use crate::report::svg::svg;

/// Prints the screen.
pub fn run(args: &Screen, io: &mut Io<'_>) -> i32 {
    let screen = match ask(args, io) {
        Ok(screen) => screen,
        Err(code) => return code,
    };
    // Drawn again from what rebuilds it: colours, cursor and title are in that.
    let mut emulator = Emulator::new((screen.columns, screen.rows), 0);
    emulator.push(screen.state.as_bytes());
    let printed = if args.json {
        let offset = Some(screen.offset);
        print_json(io, &report::Screen { offset, ..report::Screen::from(&emulator) })
    } else if args.svg {
        io.out.write_all(svg(&emulator).as_bytes())
    } else {
        report::text(&emulator).lines().try_for_each(|line| writeln!(io.out, "{}", escape(line)))
    };
    match printed {
        Ok(()) => 0,
        Err(error) => {
            io.say(format_args!("cannot print the screen: {error}"));
            EXIT_HEELER
        }
    }
}

fn ask(args: &Screen, io: &mut Io<'_>) -> Result<protocol::Screen, i32> {
    match find(&args.target, io)? {
        Found::Living(mut living) => match living.connection.ask(&Request::Screen) {
            Ok(Reply::Screen(screen)) => Ok(screen),
            Ok(other) => Err(unexpected(&other, io)),
            Err(error) => Err(failed(&living.run, &error, io)),
        },
        Found::Record(over) => {
            let kept = after::kept(&over.db, &over.subject.record.facts.run).ok().flatten();
            let screen = kept.and_then(|rest| Session::after(&rest, 1).screen());
            screen.ok_or_else(|| over.complain(io))
        }
    }
}
