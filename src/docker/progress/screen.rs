//! Lines of progress: on a terminal each id owns a line that is written again in place; in a pipe every text without
//! a bar is a line of its own.
//!
//! cli.md §6.3 to §6.5.

/// How full a bar is.
#[derive(Clone, Copy, Debug)]
pub struct Bar {
    /// So much.
    pub current: u64,
    /// Of so much.
    pub total: u64,
    /// What is counted; empty: the counts are not shown.
    pub units: &'static str,
}

/// The lines so far, and the output that is not yet taken.
#[derive(Clone, Debug)]
pub struct Screen {
    width: Option<u16>,
    lines: Vec<String>,
    output: String,
}

impl Screen {
    /// `None`: not a terminal.
    pub fn new(width: Option<u16>) -> Screen {
        Screen { width, lines: Vec::new(), output: String::new() }
    }

    /// What was written since the last time.
    pub fn take(&mut self) -> String {
        std::mem::take(&mut self.output)
    }

    /// Writes the line of an id.
    pub fn update(&mut self, id: &str, text: &str, bar: Option<Bar>) {
        let Some(width) = self.width else {
            if bar.is_none() {
                self.output.push_str(&format!("{id}: {text}\n"));
            }
            return;
        };
        let line = match self.lines.iter().position(|known| known == id) {
            Some(line) => line,
            None => {
                self.output.push('\n');
                self.lines.push(id.to_owned());
                self.lines.len() - 1
            }
        };
        let distance = self.lines.len() - line;
        let counts = bar.filter(|bar| !bar.units.is_empty());
        let counts = counts.map(|bar| format!("{}/{} {}", bar.current, bar.total, bar.units)).unwrap_or_default();
        let bar = bar.filter(|_| width > 110).map(draw).unwrap_or_default() + &counts;
        self.output.push_str(&format!("\x1b[{distance}A\x1b[2K\r{id}: {text} {bar}\r\x1b[{distance}B"));
    }

    /// A text behind everything, whether the lines are shown or not.
    pub fn raw(&mut self, text: &str) {
        self.output.push_str(text);
    }

    /// A text that is no progress: ends the table of lines.
    pub fn message(&mut self, text: &str) {
        self.lines.clear();
        self.output.push_str(&format!("{text}\n"));
    }
}

fn draw(bar: Bar) -> String {
    let percent = (bar.current * 100).checked_div(bar.total).unwrap_or(0) / 2;
    let full = usize::try_from(percent).unwrap_or(50).min(50);
    format!("[{}>{}] ", "=".repeat(full), " ".repeat(50 - full))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_of_the_nine_states() {
        let full: Vec<usize> =
            (1..=9).map(|current| draw(Bar { current, total: 9, units: "" }).matches('=').count()).collect();
        assert_eq!(full, [5, 11, 16, 22, 27, 33, 38, 44, 50]);
        assert_eq!(
            draw(Bar { current: 1, total: 9, units: "" }),
            "[=====>                                             ] "
        );
    }

    #[test]
    fn a_terminal_gets_the_recorded_bytes() {
        let mut screen = Screen::new(Some(130));
        screen.update("overall progress", "0 out of 1 tasks", None);
        screen.update("1/1", " ", None);
        screen.update("1/1", "pending  ", Some(Bar { current: 3, total: 9, units: "" }));
        screen.update("overall progress", "0 out of 1 tasks", None);
        assert_eq!(
            screen.take().replace('\n', "\r\n"),
            "\r\n\x1b[1A\x1b[2K\roverall progress: 0 out of 1 tasks \r\x1b[1B\r\n\x1b[1A\x1b[2K\r1/1:   \r\x1b[1B\x1b[1A\
             \x1b[2K\r1/1: pending   [================>                                  ] \r\x1b[1B\x1b[2A\x1b[2K\
             \roverall progress: 0 out of 1 tasks \r\x1b[2B"
        );
    }

    #[test]
    fn a_narrow_terminal_has_no_bars() {
        let mut screen = Screen::new(Some(80));
        screen.update("1/1", "running  ", Some(Bar { current: 9, total: 9, units: "" }));
        assert_eq!(screen.take(), "\n\x1b[1A\x1b[2K\r1/1: running   \r\x1b[1B");
    }
}
