//! Help texts, made from the table: Docker's layout, our own descriptions.
//!
//! cli.md §3.3. Wrapping follows pflag at 80 columns.

use super::flags::Flag;
use super::table::{COMMANDS, Command, GROUPS};

const COLUMNS: usize = 79;

/// `docker --help`.
pub fn root() -> String {
    let mut text = String::from("Usage:  docker [OPTIONS] COMMAND [ARG...]\n\nA client for the engine of this host\n");
    let single = COMMANDS.iter().filter(|command| !command.path.contains(' '));
    list(&mut text, "Commands", single.map(|command| (command.path, command.summary)));
    list(&mut text, "Management Commands", GROUPS.iter().map(|group| (group.name, group.summary)));
    text.push_str("\nRun 'docker COMMAND --help' for more information on a command.\n");
    text
}

/// `docker GROUP --help`.
pub fn group(name: &str) -> String {
    let summary = GROUPS.iter().find(|group| group.name == name).map_or("", |group| group.summary);
    let mut text = format!("Usage:  docker {name} COMMAND\n\n{summary}\n");
    let inside = COMMANDS.iter().filter_map(|command| {
        command.path.split_once(' ').filter(|(group, _)| *group == name).map(|(_, word)| (word, command.summary))
    });
    list(&mut text, "Commands", inside);
    text.push_str(&format!("\nRun 'docker {name} COMMAND --help' for more information on a command.\n"));
    text
}

fn list<'a>(text: &mut String, title: &str, entries: impl Iterator<Item = (&'a str, &'a str)>) {
    let entries: Vec<_> = entries.collect();
    let width = entries.iter().map(|(name, _)| name.len()).max().unwrap_or(0) + 2;
    text.push_str(&format!("\n{title}:\n"));
    for (name, summary) in entries {
        text.push_str(&format!("  {name:width$}{summary}\n"));
    }
}

/// `docker COMMAND --help`.
pub fn command(command: &Command) -> String {
    let mut text = format!("Usage:  {}\n\n{}\n", command.usage_line(), command.summary);
    let group = command.path.rsplit_once(' ').map(|(group, _)| format!("{group} ")).unwrap_or_default();
    let mut names = vec![format!("docker {}", command.path)];
    names.extend(command.aliases.iter().map(|alias| format!("docker {group}{alias}")));
    names.extend(command.elsewhere.iter().map(|name| (*name).to_owned()));
    if names.len() > 1 {
        text.push_str(&format!("\nAliases:\n  {}\n", names.join(", ")));
    }
    let mut flags: Vec<Flag> = command.flags().into_iter().filter(|flag| flag.long != "help").collect();
    flags.sort_by_key(|flag| flag.long);
    if flags.is_empty() {
        return text;
    }
    text.push_str("\nOptions:\n");
    let heads: Vec<String> = flags.iter().map(head).collect();
    let indent = heads.iter().map(String::len).max().unwrap_or(0) + 3;
    for (flag, head) in flags.iter().zip(heads) {
        let default = if flag.default.is_empty() { String::new() } else { format!(" (default {})", flag.default) };
        let note = if flag.modelled { "" } else { " (not modelled yet)" };
        let lines = wrap(&format!("{}{note}{default}", flag.help), COLUMNS.saturating_sub(indent));
        text.push_str(&format!("{head:indent$}{}\n", lines.join(&format!("\n{}", " ".repeat(indent)))));
    }
    text
}

fn head(flag: &Flag) -> String {
    let short = flag.short.map_or("    ".to_owned(), |short| format!("-{short}, "));
    let space = if flag.kind.name().is_empty() { "" } else { " " };
    format!("  {short}--{}{space}{}", flag.long, flag.kind.name())
}

/// Breaks at spaces; a line that would only be a little too long stays whole, as in pflag.
fn wrap(text: &str, width: usize) -> Vec<String> {
    const SLOP: usize = 5;
    let width = width.max(24) - SLOP;
    let mut lines = Vec::new();
    let mut rest = text;
    while rest.len() > width + SLOP {
        let limit = (0..=width).rev().find(|&at| rest.is_char_boundary(at)).unwrap_or(0);
        let Some(space) = rest[..limit].rfind(' ').filter(|&space| space > 0) else { break };
        lines.push(rest[..space].to_owned());
        rest = &rest[space + 1..];
    }
    lines.push(rest.to_owned());
    lines
}
