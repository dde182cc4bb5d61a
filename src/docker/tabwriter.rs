//! Go's `text/tabwriter` as Docker sets it: minimal width 10, three spaces between columns.
//!
//! cli.md §4.1. A row is cells joined by TAB; the last cell of a row is not padded.

const MINIMUM: usize = 10;
const PADDING: usize = 3;

/// Lays out rows (cells separated by TAB, each row ended by a newline).
pub fn layout(text: &str) -> String {
    spread(text, MINIMUM, PADDING)
}

/// The same with another least width and another padding.
pub fn spread(text: &str, minimum: usize, padding: usize) -> String {
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').collect()).collect();
    let mut widths: Vec<Vec<usize>> = rows.iter().map(|row| vec![0; row.len() - 1]).collect();
    let columns = widths.iter().map(Vec::len).max().unwrap_or(0);
    for column in 0..columns {
        let mut from = 0;
        while from < rows.len() {
            if widths[from].len() <= column {
                from += 1;
                continue;
            }
            let end = (from..rows.len()).find(|&row| widths[row].len() <= column).unwrap_or(rows.len());
            let longest = rows[from..end].iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
            for row in &mut widths[from..end] {
                row[column] = minimum.max(longest + padding);
            }
            from = end;
        }
    }
    let mut out = String::new();
    for (row, widths) in rows.iter().zip(&widths) {
        for (cell, width) in row.iter().zip(widths) {
            out.push_str(cell);
            out.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.chars().count())));
        }
        out.push_str(row.last().unwrap_or(&""));
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::layout;

    #[test]
    fn check_values_of_the_reference() {
        assert_eq!(
            layout("ID\tNAME\tMODE\tREPLICAS\tIMAGE\tPORTS\n"),
            "ID        NAME      MODE      REPLICAS   IMAGE     PORTS\n"
        );
        assert_eq!(layout("NAME\tSERVICES\n"), "NAME      SERVICES\n");
        assert!(layout("NETWORK ID\tNAME\n0af2c4288be3\thost\n").starts_with("NETWORK ID     NAME\n"));
    }

    #[test]
    fn the_last_cell_is_not_padded_and_an_empty_one_leaves_the_padding_before_it() {
        assert_eq!(layout("A\tB\nlongest cell\t\n"), "A              B\nlongest cell   \n");
    }

    #[test]
    fn widths_are_code_points() {
        assert_eq!(layout("“…”\tx\n"), "“…”       x\n");
    }
}
