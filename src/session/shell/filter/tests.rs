//! Examples of every filter, checked against what GNU's programs print.

use super::*;
use crate::session::shell::{Command, Dialect, expand, parse};

const TASKS: &str = "NAME   NODE  STATE\nweb.1  w1    Running\nweb.2  w2    Shutdown\nWEB.3  w1    Running\n";

/// Runs one command line written as at the prompt.
fn sh(line: &str, stdin: &str) -> (String, i32) {
    let list = parse(line, Dialect::Container).expect("the line parses");
    let Command::Simple(command) = &list.items[0].first.commands[0] else { panic!("not a simple command") };
    let argv = expand::expand(command, &Default::default(), 0, &[]).expect("it expands").argv;
    let files = |path: &str| (path == "f").then(|| "one\ntwo\nthree\n".to_string());
    let outcome = run(&argv, stdin, &files).expect("it is a filter");
    (outcome.stdout + &outcome.stderr, outcome.status)
}

fn out(line: &str, stdin: &str) -> String {
    sh(line, stdin).0
}

#[test]
fn grep_finds_lines() {
    assert_eq!(out("grep web", TASKS), "web.1  w1    Running\nweb.2  w2    Shutdown\n");
    assert_eq!(out("grep -i web.3", TASKS), "WEB.3  w1    Running\n");
    assert_eq!(out("grep -vc Running", TASKS), "2\n");
    assert_eq!(out("grep -n w2", TASKS), "3:web.2  w2    Shutdown\n");
    assert_eq!(out("grep -oE '[a-z]+\\.[0-9]'", TASKS), "web.1\nweb.2\n");
    assert_eq!(out("grep -o 'web\\.[12]\\|NODE'", TASKS), "NODE\nweb.1\nweb.2\n");
    assert_eq!(out("grep -w w", TASKS), "");
    assert_eq!(out("grep 'w(eb'", "w(eb\nweb\n"), "w(eb\n");
    assert_eq!(out("grep -A1 web.1", TASKS), "web.1  w1    Running\nweb.2  w2    Shutdown\n");
    assert_eq!(
        out("grep -n -B 1 -A 1 Shut", TASKS),
        "2-web.1  w1    Running\n3:web.2  w2    Shutdown\n4-WEB.3  w1    Running\n"
    );
    assert_eq!(out("grep -C1 b", "b\nx\ny\nz\nb\n"), "b\nx\n--\nz\nb\n");
    assert_eq!(sh("grep none", TASKS), (String::new(), 1));
    assert_eq!(sh("grep -E '('", TASKS), ("grep: Invalid regular expression: '('\n".into(), 2));
    assert_eq!(sh("grep -Z x", TASKS), ("grep: invalid option -- 'Z'\n".into(), 2));
    assert_eq!(out("grep t f", ""), "two\nthree\n");
    assert_eq!(sh("grep t g", ""), ("grep: g: No such file or directory\n".into(), 2));
}

#[test]
fn lines_are_counted_chosen_and_ordered() {
    assert_eq!(out("wc -l", TASKS), "4\n");
    assert_eq!(out("wc", "a b\nc\n"), "      2       3       6\n");
    assert_eq!(out("head -n 1", TASKS), "NAME   NODE  STATE\n");
    assert_eq!(out("head -2 f", ""), "one\ntwo\n");
    assert_eq!(out("head -n -1 f", ""), "one\ntwo\n");
    assert_eq!(out("tail -n +2", TASKS), TASKS[19..].to_string());
    assert_eq!(out("tail -1 f", ""), "three\n");
    assert_eq!(out("sort", "b\na\nc\n"), "a\nb\nc\n");
    assert_eq!(out("sort -rn", "9\n10\n1\n"), "10\n9\n1\n");
    assert_eq!(out("sort -k2 -n", "a 9\nb 10\nc 1\n"), "c 1\na 9\nb 10\n");
    assert_eq!(out("sort -t: -k2,2", "a:z\nb:y\n"), "b:y\na:z\n");
    assert_eq!(out("sort -u", "b\na\nb\n"), "a\nb\n");
    assert_eq!(out("uniq -c", "a\na\nb\n"), "      2 a\n      1 b\n");
}

#[test]
fn parts_of_lines_are_printed() {
    assert_eq!(out("awk '{print $2}'", TASKS), "NODE\nw1\nw2\nw1\n");
    assert_eq!(out("awk 'NR>1 {print $1, \"on\", $NF}'", "x y\na b\n"), "a on b\n");
    assert_eq!(out("awk -F: '{print $2}'", "a:b\n"), "b\n");
    assert_eq!(out("awk '/web.1/{print $1\"!\"}'", TASKS), "web.1!\n");
    assert_eq!(sh("awk 'BEGIN {x=1}'", "").1, 2);
    assert_eq!(out("cut -d : -f 1,3", "a:b:c\nd\n"), "a:c\nd\n");
    assert_eq!(out("cut -c1-3", "abcdef\n"), "abc\n");
    assert_eq!(out("tr a-z A-Z", "web\n"), "WEB\n");
    assert_eq!(out("tr -d '\\n'", "a\nb\n"), "ab");
    assert_eq!(out("tr -s ' '", "a   b\n"), "a b\n");
    assert_eq!(out("cat f", ""), "one\ntwo\nthree\n");
    assert_eq!(out("cat - f", "zero\n"), "zero\none\ntwo\nthree\n");
    assert_eq!(out("echo a  'b  c'", ""), "a b  c\n");
    assert_eq!(out("echo -n a", ""), "a");
    assert_eq!(out("printf '%s=%d\\n' a 1 b 2", ""), "a=1\nb=2\n");
    assert_eq!(out("printf '%-4s|%03d' ab 7", ""), "ab  |007");
    assert_eq!(out("sed -n '/tw/,/th/p' f", ""), "two\nthree\n");
    assert_eq!(out("sed -n '2,$p' f", ""), "two\nthree\n");
    assert_eq!(out("sed -n '1,2p' f", ""), "one\ntwo\n");
    assert_eq!(out("sed -n '/one/p;2,3p' f", ""), "one\ntwo\nthree\n");
    assert_eq!(out(r"sed -n '/o/,/tw/p; /x\|th/p' f", ""), "one\ntwo\nthree\n");
    assert_eq!(sh("sed -n '1p 2p' f", "").1, 1);
    assert_eq!(sh("sed 's/a/b/' f", "").1, 1);
}

proptest::proptest! {
    #[test]
    fn no_filter_panics(which in 0..FILTERS.len(), args in proptest::collection::vec(".{0,12}", 0..4), stdin in "(?s).{0,60}") {
        let mut argv = vec![FILTERS[which].to_string()];
        argv.extend(args);
        let _ = run(&argv, &stdin, &|_| None);
    }
}
