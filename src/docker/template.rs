//! The subset of Go's `text/template` that `--format` needs: fields, pipelines, `if`/`else`/`end`, `range`, `with`,
//! variables, literals, trim markers, and the functions of `functions`.
//!
//! cli.md §4.3. Not here: `define`, `template`, `block`, `break`, `continue`, and methods but `.Label "key"`. Values
//! are JSON; what Go keeps apart and JSON does not (maps and structs) prints as a map.

mod functions;
mod parse;

use super::json;
use parse::{Command, Node, Pipeline, Place, Term};
use serde_json::Value;

/// What a field that is not there means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// A row of a list, of this Go type: an error.
    Row(&'static str),
    /// The header of a table: `<no value>`.
    Header,
    /// An object of the API: the zero value of the fields that JSON leaves out, an error for any other.
    Object,
}

/// A template that was understood.
#[derive(Clone, Debug)]
pub struct Template {
    nodes: Vec<Node>,
}

impl Template {
    /// Reads a template; the error is Go's text after `template parsing error: `.
    pub fn parse(text: &str) -> Result<Template, String> {
        parse::parse(text).map(|nodes| Template { nodes })
    }

    /// Fills it in; the error is Go's text after `template parsing error: `.
    pub fn execute(&self, value: &Value, missing: Missing) -> Result<String, String> {
        let mut run = Run { out: String::new(), variables: vec![("$".into(), value.clone())], missing };
        run.nodes(&self.nodes, value)?;
        Ok(run.out)
    }
}

/// Whether Go holds a value true.
fn truth(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
    }
}

/// A value as Go's `%v` prints it.
fn display(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".into(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => json::number(number),
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(display).collect::<Vec<_>>().join(" ")),
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().map(|(key, value)| format!("{key}:{}", display(value))).collect();
            fields.sort();
            format!("map[{}]", fields.join(" "))
        }
    }
}

/// The zero value of the API's fields that JSON leaves out when they are empty.
fn zero(field: &str) -> Option<Value> {
    Some(match field {
        "ManagerStatus" | "UpdateStatus" | "PreviousSpec" | "ServiceStatus" | "JobStatus" | "Resources" | "Limits"
        | "Reservations" | "RestartPolicy" | "Placement" | "UpdateConfig" | "RollbackConfig" | "EndpointSpec"
        | "Replicated" | "Global" | "ReplicatedJob" | "GlobalJob" | "Replicas" | "MaxConcurrent"
        | "TotalCompletions" | "Delay" | "MaxAttempts" | "Window" | "StopGracePeriod" | "Init" | "StartedAt"
        | "CompletedAt" | "ContainerStatus" | "DNSConfig" | "Healthcheck" | "LogDriver" | "Privileges" | "Cluster" => {
            Value::Null
        }
        "Name"
        | "Hostname"
        | "Message"
        | "Err"
        | "NodeID"
        | "ServiceID"
        | "Addr"
        | "Dir"
        | "User"
        | "StopSignal"
        | "Isolation"
        | "Runtime"
        | "Mode"
        | "Protocol"
        | "PublishMode"
        | "FailureAction"
        | "EngineVersion"
        | "TrustRoot"
        | "CertIssuerSubject"
        | "CertIssuerPublicKey"
        | "Architecture"
        | "OS"
        | "Condition" => Value::String(String::new()),
        "Labels" => Value::Object(serde_json::Map::new()),
        "Leader" | "TTY" | "OpenStdin" | "ReadOnly" => Value::Bool(false),
        "Slot" | "TargetPort" | "PublishedPort" | "NanoCPUs" | "MemoryBytes" | "Pids" | "MaxReplicas" | "Monitor"
        | "Nodes" | "Managers" => Value::from(0),
        "Command" | "Args" | "Env" | "Ports" | "VirtualIPs" | "Constraints" | "Preferences" | "Plugins" | "Mounts"
        | "Networks" | "Secrets" | "Configs" | "Hosts" | "Groups" => Value::Array(Vec::new()),
        _ => return None,
    })
}

struct Run {
    out: String,
    variables: Vec<(String, Value)>,
    missing: Missing,
}

impl Run {
    fn nodes(&mut self, nodes: &[Node], dot: &Value) -> Result<(), String> {
        nodes.iter().try_for_each(|node| self.node(node, dot))
    }

    fn node(&mut self, node: &Node, dot: &Value) -> Result<(), String> {
        match node {
            Node::Text(text) => self.out.push_str(text),
            Node::Action(pipeline) => {
                let value = self.pipeline(pipeline, dot)?;
                if let Some(name) = pipeline.variables.first() {
                    self.assign(name, value, pipeline.declares);
                } else {
                    let text = match (&value, self.missing) {
                        (Value::Null, Missing::Header) => "<no value>".into(),
                        _ => display(&value),
                    };
                    self.out.push_str(&text);
                }
            }
            Node::If { pipeline, then, otherwise } | Node::With { pipeline, then, otherwise } => {
                let scope = self.variables.len();
                let value = self.pipeline(pipeline, dot)?;
                if let Some(name) = pipeline.variables.first() {
                    self.assign(name, value.clone(), true);
                }
                let inner = if matches!(node, Node::With { .. }) { &value } else { dot };
                if truth(&value) {
                    self.nodes(then, inner)?
                } else {
                    self.nodes(otherwise, dot)?
                }
                self.variables.truncate(scope);
            }
            Node::Range { pipeline, body, otherwise } => {
                let value = self.pipeline(pipeline, dot)?;
                let items: Vec<(Value, Value)> = match value {
                    Value::Array(items) => items.into_iter().enumerate().map(|(i, v)| (Value::from(i), v)).collect(),
                    Value::Object(fields) => {
                        let mut fields: Vec<_> = fields.into_iter().collect();
                        fields.sort_by(|a, b| a.0.cmp(&b.0));
                        fields.into_iter().map(|(key, value)| (Value::String(key), value)).collect()
                    }
                    Value::Null => Vec::new(),
                    other => {
                        return Err(pipeline.place.error(&format!("range can't iterate over {}", display(&other))));
                    }
                };
                if items.is_empty() {
                    return self.nodes(otherwise, dot);
                }
                for (key, item) in items {
                    let scope = self.variables.len();
                    match pipeline.variables.as_slice() {
                        [] => {}
                        [value] => self.assign(value, item.clone(), true),
                        [index, value, ..] => {
                            self.assign(index, key, true);
                            self.assign(value, item.clone(), true);
                        }
                    }
                    self.nodes(body, &item)?;
                    self.variables.truncate(scope);
                }
            }
        }
        Ok(())
    }

    fn assign(&mut self, name: &str, value: Value, declares: bool) {
        let known = self.variables.iter_mut().rev().find(|(known, _)| known == name);
        match known {
            Some((_, slot)) if !declares => *slot = value,
            _ => self.variables.push((name.to_owned(), value)),
        }
    }

    fn pipeline(&mut self, pipeline: &Pipeline, dot: &Value) -> Result<Value, String> {
        let mut value = None;
        for command in &pipeline.commands {
            value = Some(self.command(command, dot, value)?);
        }
        Ok(value.unwrap_or(Value::Null))
    }

    fn command(&mut self, command: &Command, dot: &Value, last: Option<Value>) -> Result<Value, String> {
        let Some((first, rest)) = command.terms.split_first() else { return Ok(Value::Null) };
        if let Term::Function(name, place) = first {
            if name == "and" || name == "or" {
                return self.short_circuit(name, rest, dot, last);
            }
            let mut arguments = Vec::new();
            for term in rest {
                arguments.push(self.term(term, dot)?);
            }
            arguments.extend(last);
            let root = matches!(rest, [Term::Dot]) && self.missing != Missing::Object;
            return functions::call(name, &arguments, root).map_err(|error| place.call_error(name, &error));
        }
        if let (Term::Field(names, _), [argument]) = (first, rest)
            && names.as_slice() == ["Label"]
        {
            let key = display(&self.term(argument, dot)?);
            return Ok(Value::String(label(dot, &key)));
        }
        if let (Some(_), Term::Field(names, place)) = (rest.first(), first) {
            let name = names.last().map_or("", String::as_str);
            return Err(place.error(&format!("{name} has arguments but cannot be invoked as function")));
        }
        self.term(first, dot)
    }

    fn short_circuit(&mut self, name: &str, terms: &[Term], dot: &Value, last: Option<Value>) -> Result<Value, String> {
        let mut value = Value::Null;
        for term in terms {
            value = self.term(term, dot)?;
            if truth(&value) == (name == "or") {
                return Ok(value);
            }
        }
        Ok(last.unwrap_or(value))
    }

    fn term(&mut self, term: &Term, dot: &Value) -> Result<Value, String> {
        match term {
            Term::Dot => Ok(dot.clone()),
            Term::Literal(value) => Ok(value.clone()),
            Term::Field(names, place) => self.fields(dot.clone(), names, place),
            Term::Variable(name, names, place) => {
                let value = self.variables.iter().rev().find(|(known, _)| known == name).map(|(_, v)| v.clone());
                self.fields(value.unwrap_or(Value::Null), names, place)
            }
            Term::Parenthesis(pipeline, names, place) => {
                let value = self.pipeline(pipeline, dot)?;
                self.fields(value, names, place)
            }
            Term::Function(name, place) => {
                functions::call(name, &[], false).map_err(|error| place.call_error(name, &error))
            }
        }
    }

    fn fields(&self, mut value: Value, names: &[String], place: &Place) -> Result<Value, String> {
        for name in names {
            value = match (&mut value, self.missing) {
                (Value::Object(fields), missing) => match (fields.remove(name), missing) {
                    (Some(value), _) => value,
                    (None, Missing::Header) => Value::Null,
                    (None, Missing::Row(kind)) => {
                        return Err(place.error(&format!("can't evaluate field {name} in type {kind}")));
                    }
                    (None, Missing::Object) => match zero(name) {
                        Some(value) => value,
                        None => return Err(place.error(&format!("map has no entry for key {}", quote(name)))),
                    },
                },
                (Value::Null, Missing::Object) => {
                    return Err(place.error(&format!("nil pointer evaluating interface {{}}.{name}")));
                }
                (Value::Null, _) => Value::Null,
                (other, _) => {
                    let kind = match other {
                        Value::String(_) => "string",
                        Value::Bool(_) => "bool",
                        Value::Array(_) => "[]interface {}",
                        _ => "float64",
                    };
                    return Err(place.error(&format!("can't evaluate field {name} in type {kind}")));
                }
            };
        }
        Ok(value)
    }
}

use super::format::quote;

/// The value of one label in a row whose `Labels` are `a=1,b=2`.
fn label(row: &Value, key: &str) -> String {
    let labels = row.get("Labels").and_then(Value::as_str).unwrap_or("");
    let found = labels.split(',').find_map(|pair| pair.split_once('=').filter(|(name, _)| *name == key));
    found.map_or(String::new(), |(_, value)| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn run(template: &str) -> Result<String, String> {
        let value = json!({"Name": "web", "N": 3, "On": true, "L": ["a", "b"], "M": {"k": "v"}, "S": {"T": {"U": 1}}});
        Template::parse(template)?.execute(&value, Missing::Row("*x.Context"))
    }

    #[test]
    fn what_is_documented_works() {
        for (template, output) in [
            ("{{.Name}}-{{.N}}", "web-3"),
            ("{{.S.T.U}}", "1"),
            ("{{if .On}}yes{{else}}no{{end}}", "yes"),
            ("{{if eq .N 2}}two{{else if eq .N 3}}three{{else}}many{{end}}", "three"),
            ("{{range .L}}<{{.}}>{{end}}", "<a><b>"),
            ("{{range $i, $x := .L}}{{$i}}={{$x}},{{end}}", "0=a,1=b,"),
            ("{{range $k, $v := .M}}{{$k}}={{$v}}{{end}}", "k=v"),
            ("{{with .M}}{{.k}}{{end}}{{with $.Name}}!{{.}}{{end}}", "v!web"),
            ("{{json .L}} {{.M}} {{.L}}", r#"["a","b"] map[k:v] [a b]"#),
            ("{{.Name | upper}} {{lower \"AB\"}} {{title \"ab cd\"}}", "WEB ab Ab Cd"),
            ("{{join .L \"+\"}} {{split \"a,b\" \",\"}} {{len .L}} {{index .L 1}}", "a+b [a b] 2 b"),
            ("{{truncate .Name 2}} {{pad .Name 1 2}}|", "we  web  |"),
            ("{{printf \"%s=%d %5s|%-5s|%q %v\" .Name .N .Name .Name .Name .On}}", "web=3   web|web  |\"web\" true"),
            ("{{println .Name .N}}", "web 3\n"),
            (
                "{{if and .On (ne .Name \"x\")}}1{{end}}{{if or (lt .N 1) (gt .N 2)}}2{{end}}{{if not .On}}3{{end}}",
                "12",
            ),
            ("a {{- .N -}} b", "a3b"),
            ("{{/* nothing */}}{{$x := .N}}{{$x}}", "3"),
            ("{{`raw`}} {{\"q\\\"\"}}", "raw q\""),
        ] {
            assert_eq!(run(template).as_deref(), Ok(output), "{template}");
        }
    }

    #[test]
    fn errors_are_those_of_go() {
        let error = |template: &str| run(template).unwrap_err();
        assert_eq!(
            error("{{.Foo}}"),
            r#"template: :1:2: executing "" at <.Foo>: can't evaluate field Foo in type *x.Context"#
        );
        assert_eq!(error("{{.Name"), "template: :1: unclosed action");
        assert_eq!(error("{{foo .}}"), r#"template: :1: function "foo" not defined"#);
        assert_eq!(error("{{if .On}}"), "template: :1: unexpected EOF");
        assert_eq!(error("{{end}}"), "template: :1: unexpected {{end}}");
    }

    #[test]
    fn fields_that_json_leaves_out() {
        let object = json!({"Spec": {"Name": "web"}});
        let run = |text: &str| Template::parse(text)?.execute(&object, Missing::Object);
        assert_eq!(run("{{json .UpdateStatus}}").as_deref(), Ok("null"));
        assert_eq!(run("{{with .PreviousSpec}}x{{else}}none{{end}}").as_deref(), Ok("none"));
        assert!(run("{{.Spec.Foo}}").is_err());
    }
}
