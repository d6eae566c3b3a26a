//! Whether and when a failed attempt is followed by another.

use std::time::Duration;

use crate::cli::value;

/// Whether and when a failed attempt is followed by another.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Retries")]
pub struct Retries {
    /// Try again up to N times after a failure
    ///
    /// The next attempt starts only after the last tree is proven gone. What could not be started (125,
    /// 126, 127) and what was cancelled is never tried again.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=1_000_000), allow_negative_numbers = true)]
    pub retries: Option<u32>,

    /// Pause before the second attempt [default: 1s]
    #[arg(long, value_name = "D", value_parser = value::duration, allow_negative_numbers = true, hide_short_help = true)]
    pub retry_delay: Option<Duration>,

    /// Each pause is so many times the one before [default: 2]
    #[arg(long, value_name = "F", value_parser = value::factor, allow_negative_numbers = true, hide_short_help = true)]
    pub retry_backoff: Option<f64>,

    /// No pause is longer [default: 1m]
    #[arg(long, value_name = "D", value_parser = value::duration, allow_negative_numbers = true, hide_short_help = true)]
    pub retry_max_delay: Option<Duration>,

    /// Shorten each pause at random by up to this share, 0 to 1 [default: 0]
    #[arg(long, value_name = "F", value_parser = value::jitter, allow_negative_numbers = true, hide_short_help = true)]
    pub retry_jitter: Option<f64>,

    /// When: exit, exit:75,69, signal, timeout, idle, dialogue, match:P
    ///
    /// May be repeated; the default is any, which is any failure. match:P: the output of the failed attempt
    /// contained the pattern P.
    #[arg(long, value_name = "COND", value_parser = value::retry_on)]
    pub retry_on: Vec<value::RetryOnList>,
}
