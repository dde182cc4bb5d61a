//! Reads what is done to a clock: a jump or a drift, each within its bounds.
//!
//! It follows the house plan §4.

use super::super::super::amount::decimal;
use super::super::words::Arg;
use super::super::{ClockChange, Verb};
use super::{Read, Reader};
use crate::engine::Duration;
use crate::swarm::world::Clock;

impl Reader<'_> {
    pub(super) fn clock(&mut self) -> Read<Verb> {
        let host = self.host()?;
        let arg = self.need("`+DURATION`, `-DURATION` or `drift=Nppm`")?;
        let change = if let Some(value) = arg.text.strip_prefix("drift=") {
            let (sign, number) = match value.strip_prefix('-') {
                Some(number) => (-1, number),
                None => (1, value.strip_prefix('+').unwrap_or(value)),
            };
            let parts = number.strip_suffix("ppm").and_then(|number| decimal(number, 3));
            match parts.and_then(|parts| i64::try_from(parts).ok()).filter(|&parts| parts <= 100_000_000) {
                Some(parts) => ClockChange::Drift(sign * parts),
                None => {
                    let message = format!("`{value}` is not a drift such as 50ppm or -12.5ppm (at most 100000ppm)");
                    return Err(self.error(arg.span, message));
                }
            }
        } else if arg.text.starts_with(['+', '-']) {
            ClockChange::Jump(self.jump(&arg)?)
        } else {
            return Err(self.error(arg.span, format!("`{}` is neither a jump nor a drift", arg.text)));
        };
        Ok(Verb::Clock { host, change })
    }

    /// How far a clock is set. What is too long even to be read as a duration is told as what it is.
    fn jump(&self, arg: &Arg) -> Read<Duration> {
        let hours =
            arg.text[1..].strip_suffix('h').is_some_and(|n| n.len() > 5 && n.bytes().all(|b| b.is_ascii_digit()));
        match Duration::parse(&arg.text) {
            Ok(by) if by <= Clock::FURTHEST && -by <= Clock::FURTHEST => Ok(by),
            Err(_) if !hours => self.duration(&arg.text, arg.span, false),
            _ => {
                let message = format!("`{}` is too far: a clock is set by 876000h (100 years) at most", arg.text);
                Err(self.error(arg.span, message))
            }
        }
    }
}
