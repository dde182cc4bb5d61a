//! The grammar by example, and the errors with their columns.

use super::*;
use crate::observe::tests::settings;

/// The tree in short: words as their pieces.
fn short(list: &List) -> String {
    let word = |word: &Word| -> String {
        word.pieces
            .iter()
            .map(|piece| {
                let text = match &piece.kind {
                    PieceKind::Text(text) => text.replace('\n', "⏎"),
                    PieceKind::Variable(name) => format!("${{{name}}}"),
                    PieceKind::Status => "${?}".to_string(),
                    PieceKind::Substitution(list) => format!("$({})", short(list)),
                };
                if piece.quoted && matches!(piece.kind, PieceKind::Text(_)) { format!("'{text}'") } else { text }
            })
            .collect()
    };
    let command = |command: &Command| match command {
        Command::Verb(verb) => format!("<{}>", verb.text),
        Command::Simple(simple) => {
            let mut parts: Vec<String> =
                simple.assignments.iter().map(|set| format!("{}={}", set.name, word(&set.value))).collect();
            parts.extend(simple.words.iter().map(word));
            parts.extend(simple.redirects.iter().map(|redirect| match &redirect.kind {
                RedirectKind::Out(file) => format!(">{}", word(file)),
                RedirectKind::Append(file) => format!(">>{}", word(file)),
                RedirectKind::In(file) => format!("<{}", word(file)),
                RedirectKind::Here(body) => format!("<<{}", word(body)),
                RedirectKind::ErrToOut => "2>&1".to_string(),
                RedirectKind::Err(file) => format!("2>{}", word(file)),
            }));
            format!("[{}]", parts.join(" "))
        }
    };
    let pipeline = |line: &Pipeline| line.commands.iter().map(command).collect::<Vec<_>>().join("|");
    let chain = |chain: &AndOr| {
        let mut out = pipeline(&chain.first);
        for (connective, next) in &chain.rest {
            out += if *connective == Connective::And { "&&" } else { "||" };
            out += &pipeline(next);
        }
        out
    };
    list.items.iter().map(chain).collect::<Vec<_>>().join("; ")
}

fn tree(source: &str) -> String {
    short(&parse(source, Dialect::Lab).unwrap_or_else(|error| panic!("{}", error.render(source))))
}

#[test]
fn the_grammar_by_example() {
    for (source, expected) in [
        ("", ""),
        ("  # nothing\n\n", ""),
        ("docker service ls", "[docker service ls]"),
        ("a; b\nc ;", "[a]; [b]; [c]"),
        ("a | b|c && d || e", "[a]|[b]|[c]&&[d]||[e]"),
        ("a |\n b &&\n\n c", "[a]|[b]&&[c]"),
        ("a \\\n  b", "[a b]"),
        ("a 'x y'\"z $V\"w", "[a 'x yz '${V}w]"),
        ("a \"\" ''", "[a '' '']"),
        ("a b#c #d", "[a b#c]"),
        ("a \\; \\\"", "[a ';' '\"']"),
        ("a \"\\$x \\n \\\"\"", "[a '$x \\n \"']"),
        ("A=1 B='x y' cmd", "[A=1 B='x y' cmd]"),
        ("A=", "[A=]"),
        ("A=$(docker ps -q | head -1)", "[A=$([docker ps -q]|[head -1])]"),
        ("a `b c` \"$(d \"$(e)\")\"", "[a $([b c]) ''$([d ''$([e])])]"),
        ("a $? ${N}x $", "[a ${?} ${N}x $]"),
        ("a > f 2>&1 < g 2> h >> i", "[a >f 2>&1 <g 2>h >>i]"),
        ("a>f b2>x", "[a b2 >f >x]"),
        ("cat <<EOF > f\nx $V\n\\$y\nEOF\nb", "[cat <<'x '${V}'⏎$y⏎' >f]; [b]"),
        ("cat <<'E'\n$V `x`\nE", "[cat <<'$V `x`⏎']"),
        ("cat <<-E | b\n\t\tx\n\tE\nc", "[cat <<'x⏎']|[b]; [c]"),
        ("a <<A; b <<B\n1\nA\n2\nB\nc", "[a <<'1⏎']; [b <<'2⏎']; [c]"),
        ("a $(cat <<E\nx\nE\n) y", "[a $([cat <<'x⏎']) y]"),
        ("cat <<E\nE\n", "[cat <<]"),
        (
            "docker ps --format '{{.Names}}' | grep web; kill w1",
            "[docker ps --format '{{.Names}}']|[grep web]; <kill w1>",
        ),
        (
            "docker run -p 80:80 --mount type=bind,src=/a,dst=/b x",
            "[docker run -p 80:80 --mount type=bind,src=/a,dst=/b x]",
        ),
        ("a\r\nb\r\n", "[a]; [b]"),
        ("echo héllo \"wörld\"", "[echo héllo 'wörld']"),
        ("partition m1 m2 | m3\\\n w1 # so\nhosts", "<partition m1 m2 | m3   w1>; <hosts>"),
    ] {
        assert_eq!(tree(source), expected, "{source}");
    }
}

#[test]
fn a_wrong_text_says_where_and_what() {
    let mut shown = String::new();
    for source in [
        "a 'b",
        "a \"b $(c)",
        "a `b",
        "a $(b",
        "a $(b | )",
        "a ${b",
        "a ${b:-c}",
        "a $((1+1))",
        "a $1",
        "a $'x'",
        "a &",
        "a & b",
        "a |",
        "a | | b",
        "a &&",
        "|| a",
        "; a",
        "a ;; b",
        "(a)",
        "a (b)",
        "a )",
        "a >",
        "> f",
        "a 2>> f",
        "a &> f",
        "a |& b",
        "a <<< b",
        "a <(b)",
        "a >&2",
        "cat <<EOF\nx\n",
        "cat <<",
        "cat <<$V\nx\n",
        "cat <<E 'x\nE\n'",
        "for i in 1 2; do a; done",
        "if a; then b; fi",
        "! a",
        "a `b \\`c\\``",
        "a $(kill w1)",
        "a \\",
        "ok; é | ; b",
        "line one\nline `two",
    ] {
        let error = parse(source, Dialect::Lab).expect_err(source);
        shown += &error.render(source);
        if error.incomplete {
            shown += "  (more may follow)\n";
        }
    }
    settings().bind(|| insta::assert_snapshot!("shell_wrong_texts", shown));
}

#[test]
fn limits_are_messages() {
    let deep = "$(".repeat(MAX_SHELL_DEPTH + 1);
    assert!(parse(&deep, Dialect::Lab).unwrap_err().message.contains("more than 32"));
    let long = "a".repeat(MAX_SHELL_BYTES + 1);
    assert!(parse(&long, Dialect::Lab).unwrap_err().message.contains("at most"));
}

/// Every span lies in its text and says what it is of.
fn check_spans(source: &str, list: &List) {
    let inside = |span: Span| source.get(span.start..span.end).expect("a span on character boundaries");
    for item in &list.items {
        inside(item.span);
        for pipeline in std::iter::once(&item.first).chain(item.rest.iter().map(|(_, next)| next)) {
            for command in &pipeline.commands {
                inside(command.span());
                let Command::Simple(simple) = command else { continue };
                for piece in simple.words.iter().flat_map(|word| &word.pieces) {
                    inside(piece.span);
                    match &piece.kind {
                        PieceKind::Text(text) if !piece.quoted && !inside(piece.span).contains('\\') => {
                            assert_eq!(inside(piece.span), text);
                        }
                        PieceKind::Substitution(list) => check_spans(source, list),
                        _ => {}
                    }
                }
            }
        }
    }
}

proptest::proptest! {
    #[test]
    fn arbitrary_text_never_panics(source in "(?s).{0,80}") {
        match parse(&source, Dialect::Lab) {
            Ok(list) => check_spans(&source, &list),
            Err(error) => { error.render(&source); }
        }
    }

    #[test]
    fn texts_of_shell_letters_never_panic(source in "[ab $(){}`'\"\\\\|&;<>#=?E2é\n\t-]{0,40}") {
        match parse(&source, Dialect::Lab) {
            Ok(list) => check_spans(&source, &list),
            Err(error) => { error.render(&source); }
        }
    }

    #[test]
    fn here_documents_never_panic(source in "(cat )?<<-?'?E'?[ ;|a$(\n]{0,6}\n[aE$()`\\\\\n\t]{0,20}\nE\n?[a)\n]{0,5}") {
        match parse(&source, Dialect::Lab) {
            Ok(list) => check_spans(&source, &list),
            Err(error) => { error.render(&source); }
        }
    }
}
