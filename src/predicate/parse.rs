//! From text to the tree of the `cel` crate, within limits; its messages in our words; the range of each node.
//!
//! Macros are left as calls, so that they can be checked and evaluated for what they are.

use std::collections::BTreeMap;

use cel::common::ast::{EntryExpr, Expr, IdedExpr, SourceInfo};

use super::syntax::Range;
use super::{ConditionError, MAX_CONDITION_BYTES, MAX_CONDITION_OPERATORS};

fn error(span: Range, message: impl Into<String>, help: Option<&str>) -> ConditionError {
    ConditionError { span, message: message.into(), help: help.map(str::to_string) }
}

/// The tree, and the range of each of its nodes by id.
pub(super) fn parsed(source: &str) -> Result<(IdedExpr, BTreeMap<u64, Range>), ConditionError> {
    if source.len() > MAX_CONDITION_BYTES {
        let message = format!("the condition has {} bytes; at most {MAX_CONDITION_BYTES} are read", source.len());
        return Err(error((0, 0), message, None));
    }
    if source.trim().is_empty() {
        return Err(error((0, source.len()), "the condition is empty", Some("for example: raft.quorum")));
    }
    let operators = outside_strings(source).filter(|(_, c)| ".[({?:!-+*/%<>=&|,".contains(*c)).count();
    if operators > MAX_CONDITION_OPERATORS {
        let message = format!(
            "the condition has {operators} operators, dots and brackets; at most {MAX_CONDITION_OPERATORS} are read"
        );
        return Err(error((0, source.len()), message, None));
    }
    let parser = cel::Env::default().with_optional_support(false).parser().max_recursion_depth(60);
    let (tree, info) = parser.parse_with_source_info(source).map_err(|errors| first(source, &errors))?;
    let mut ranges = BTreeMap::new();
    range(source, &tree, &info, &mut ranges);
    Ok((tree, ranges))
}

/// The characters of a condition that are not in a string or a comment.
fn outside_strings(source: &str) -> impl Iterator<Item = (usize, char)> {
    let mut quote = None;
    let mut escaped = false;
    source.char_indices().filter(move |&(_, c)| {
        match quote {
            Some(open) => {
                if escaped {
                    escaped = false;
                } else if c == '\\' {
                    escaped = true;
                } else if c == open || c == '\n' {
                    quote = None;
                }
                return false;
            }
            None if c == '"' || c == '\'' => {
                quote = Some(c);
                return false;
            }
            None => {}
        }
        true
    })
}

/// The first of the parser's errors, in our words.
fn first(source: &str, errors: &cel::ParseErrors) -> ConditionError {
    let Some(first) = errors.errors.first() else {
        return error((0, source.len()), "this is not a condition in CEL", None);
    };
    let line = usize::try_from(first.pos.0).unwrap_or(1).max(1);
    let column = usize::try_from(first.pos.1).unwrap_or(1).max(1);
    let before: usize = source.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let rest = source.get(before..).unwrap_or("");
    let at = before + rest.char_indices().nth(column - 1).map_or(rest.trim_end_matches('\n').len(), |(at, _)| at);
    let width = source.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
    let quoted = first.msg.split('\'').nth(1).unwrap_or("");
    let end = at + width.max(if source[at..].starts_with(quoted) { quoted.len() } else { 0 });
    let span = (at, end);
    if source[at..].starts_with('=') || source[..at].ends_with('=') {
        let equals = if source[at..].starts_with('=') { (at, at + 1) } else { (at - 1, at) };
        return error(equals, "one `=` is not an operator", Some("write `==` to compare"));
    }
    if quoted == "<EOF>" || at >= source.trim_end().len() {
        return error((at, at), "the condition ends too early", Some("a value or a closing bracket is missing"));
    }
    let letters = source[at..].bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
    let word = (at, at + letters.max(width));
    if first.msg.contains("reserved identifier") {
        let message = format!("`{}` is not part of CEL", &source[word.0..word.1]);
        return error(word, message, Some("for a choice write CONDITION ? THIS : THAT"));
    }
    if first.msg.contains("literal") {
        return error(word, "this number or text is not one that CEL can hold", None);
    }
    if source[at..].starts_with(['"', '\'']) {
        return error((at, at + 1), "this quote is never closed", Some("close it on the same line"));
    }
    let help = match &source[at..end] {
        "and" => Some("write `&&`"),
        "or" => Some("write `||`"),
        "not" => Some("write `!`"),
        "`" | "?" => None,
        _ => Some("conditions are written in CEL: services[\"web\"].running == 6 && raft.quorum"),
    };
    if first.msg.contains("recursion") || first.msg.contains("Recursion") || first.msg == "UNKNOWN" {
        return error((0, source.len()), "the condition is nested too deeply", Some("at most 60 brackets deep"));
    }
    let text = &source[at..end];
    error(span, format!("`{text}` was not expected here"), help)
}

/// The range of a node: its own token (the crate keeps only that) and all that belongs to it.
fn range(source: &str, node: &IdedExpr, info: &SourceInfo, out: &mut BTreeMap<u64, Range>) -> Range {
    let token = info.offset_for(node.id).map(|(start, stop)| {
        let start = boundary(source, start as usize);
        (start, boundary(source, (stop as usize).saturating_add(1)).max(start))
    });
    let mut parts: Vec<Range> = Vec::new();
    let mut all = token;
    match &node.expr {
        Expr::Call(call) => {
            parts.extend(call.target.iter().map(|target| range(source, target, info, out)));
            parts.extend(call.args.iter().map(|arg| range(source, arg, info, out)));
        }
        Expr::Select(select) => parts.push(range(source, &select.operand, info, out)),
        Expr::List(list) => parts.extend(list.elements.iter().map(|element| range(source, element, info, out))),
        Expr::Map(map) => {
            for entry in &map.entries {
                if let EntryExpr::MapEntry(entry) = &entry.expr {
                    parts.push(range(source, &entry.key, info, out));
                    parts.push(range(source, &entry.value, info, out));
                }
            }
        }
        _ => {}
    }
    for part in parts {
        all = Some(all.map_or(part, |(start, end)| (start.min(part.0), end.max(part.1))));
    }
    let (mut start, mut end) = all.unwrap_or((0, source.len()));
    if let Some((at, stop)) = token {
        // A field's name stands behind its dot; a function's before its bracket; brackets are closed.
        match (&node.expr, source[at..stop].chars().next()) {
            (Expr::Select(select), _) => {
                let name = source[stop..].find(select.field.as_str()).unwrap_or(0);
                end = end.max(stop + name + select.field.len()).min(source.len());
            }
            (Expr::Call(call), Some('(')) if call.target.is_none() => {
                start = start.min(source[..at].rfind(call.func_name.as_str()).unwrap_or(at));
                end = end.max(closing(source, at));
            }
            (_, Some('(' | '[' | '{')) => end = end.max(closing(source, at)),
            _ => {}
        }
    }
    let range = balanced(source, (start, end));
    out.insert(node.id, range);
    range
}

fn boundary(source: &str, at: usize) -> usize {
    let mut at = at.min(source.len());
    while !source.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The end of the bracket that opens at a byte.
fn closing(source: &str, open: usize) -> usize {
    let mut depth = 0;
    for (at, c) in outside_strings(&source[open..]) {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => {
                depth -= 1;
                if depth == 0 {
                    return open + at + 1;
                }
            }
            _ => {}
        }
    }
    source.len()
}

/// A range that begins or ends within brackets, widened to hold them whole.
fn balanced(source: &str, (mut start, end): Range) -> Range {
    for _ in 0..60 {
        let text = &source[start..end];
        let open = outside_strings(text).filter(|(_, c)| *c == '(').count();
        let close = outside_strings(text).filter(|(_, c)| *c == ')').count();
        match source[..start].rfind('(') {
            Some(at) if close > open => start = at,
            _ => break,
        }
    }
    (start, end)
}
