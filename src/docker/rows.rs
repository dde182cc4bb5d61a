//! Lists: rows through a format into a table, lines or JSON.
//!
//! cli.md §4.1 to §4.3. A row is an object of texts (the fields of Docker's list formats), with the keys sorted.

use super::script::{Context, Stop};
use super::template::{Missing, Template};
use super::{json, tabwriter};
use serde_json::{Map, Value};

/// One kind of list.
pub struct Listing {
    /// Go's name of a row, for errors.
    pub kind: &'static str,
    /// Fields and their headers.
    pub headers: &'static [(&'static str, &'static str)],
    /// The template of `table`.
    pub table: &'static str,
    /// The template of `-q`.
    pub quiet: &'static str,
    /// Keys and fields of `--format raw`.
    pub raw: &'static [(&'static str, &'static str)],
}

/// A row; the pairs may come in any order.
pub fn row(fields: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let sorted: std::collections::BTreeMap<&str, Value> = fields.into_iter().collect();
    Value::Object(sorted.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Map<_, _>>())
}

/// Whether a format is a table (rows of history are indented only there).
pub fn is_table(format: &str) -> bool {
    let format = format.trim();
    format.is_empty() || format.starts_with("table")
}

/// Prints rows as `--format` and `-q` want them.
pub fn print(context: &mut Context, listing: &Listing, rows: &[Value], quiet: bool) -> Result<(), Stop> {
    let format = context.flags.text("format").unwrap_or("").to_owned();
    let text = render(listing, rows, &format, quiet).map_err(|error| format!("template parsing error: {error}"))?;
    context.out(text);
    Ok(())
}

fn render(listing: &Listing, rows: &[Value], format: &str, quiet: bool) -> Result<String, String> {
    let format = format.trim();
    let mut headed = is_table(format);
    let template = match format {
        "" | "table" if quiet => {
            headed = false;
            listing.quiet.to_owned()
        }
        "" | "table" => listing.table.to_owned(),
        "json" => return Ok(rows.iter().map(|row| json::compact(row, true) + "\n").collect()),
        "raw" if quiet => {
            let (key, field) = listing.raw.first().ok_or("no raw format")?;
            format!("{key}: {{{{.{field}}}}}")
        }
        "raw" => listing.raw.iter().map(|(key, field)| format!("{key}: {{{{.{field}}}}}\n")).collect(),
        custom => custom.strip_prefix("table").unwrap_or(custom).replace("\\t", "\t").replace("\\n", "\n"),
    };
    let template = Template::parse(template.trim_start_matches([' ', '\t']).trim_end_matches(' '))?;
    let mut body = String::new();
    for row in rows {
        body.push_str(&template.execute(row, Missing::Row(listing.kind))?);
        body.push('\n');
    }
    if !headed {
        return Ok(body);
    }
    let headers = row(listing.headers.iter().map(|(field, header)| (*field, Value::from(*header))));
    let header = template.execute(&headers, Missing::Header)?;
    Ok(tabwriter::layout(&format!("{header}\n{body}")))
}
