//! Bar charts as SVG, drawn by hand: one figure a block, one bar a server, with the spread.

use crate::report::{Row, Table};
use crate::server::Kind;
use crate::stats::{Distribution, short};
use std::fmt::Write;

const WIDTH: f64 = 760.0;
const LABEL: f64 = 70.0;
const BARS: f64 = 560.0;
const LINE: f64 = 22.0;
const HEAD: f64 = 30.0;

/// Draws the figures that are marked for it; `None` where there is none.
pub fn svg(title: &str, table: &Table, servers: &[Kind]) -> Option<String> {
    let rows: Vec<&Row> = table.rows().iter().filter(|r| r.figure.drawn).collect();
    if rows.is_empty() {
        return None;
    }
    let block = HEAD + LINE * servers.len() as f64;
    let height = 44.0 + block * rows.len() as f64;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"10\" y=\"26\" font-size=\"16\">{}</text>\n",
        escaped(title)
    );
    for (n, row) in rows.into_iter().enumerate() {
        draw(&mut out, row, servers, 44.0 + block * n as f64);
    }
    out.push_str("</svg>\n");
    Some(out)
}

fn draw(out: &mut String, row: &Row, servers: &[Kind], top: f64) {
    let all =
        |kind: Kind| Distribution::new(row.of(kind).iter().copied().filter(|v| v.is_finite()));
    let most = servers.iter().map(|k| all(*k).max()).fold(0.0, f64::max);
    let scale = if most > 0.0 { BARS / most } else { 0.0 };
    let goal = row.figure.goal.map_or(String::new(), |g| format!("  (goal {g})"));
    let name = escaped(&format!("{}{goal}", row.figure.name));
    line(out, format_args!("<text x=\"10\" y=\"{}\" fill=\"#333\">{name}</text>", top + 18.0));
    for (n, kind) in servers.iter().enumerate() {
        let values = all(*kind);
        let y = top + HEAD - 4.0 + LINE * n as f64;
        line(out, format_args!("<text x=\"10\" y=\"{}\">{}</text>", y + 12.0, kind.name()));
        if values.len() == 0 {
            continue;
        }
        let (median, min, max) =
            (values.median() * scale, values.min() * scale, values.max() * scale);
        let (colour, middle) = (colour(*kind), y + 7.0);
        line(
            out,
            format_args!(
                "<rect x=\"{LABEL}\" y=\"{y}\" width=\"{median:.1}\" height=\"14\" fill=\"{colour}\"/>"
            ),
        );
        let (from, to) = (LABEL + min, LABEL + max);
        line(out, format_args!("<path d=\"M{from:.1} {middle}H{to:.1}\" stroke=\"#222\"/>"));
        let (at, text) = (LABEL + max.max(median) + 6.0, short(values.median()));
        line(out, format_args!("<text x=\"{at:.1}\" y=\"{}\">{text}</text>", y + 12.0));
    }
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    let _ = writeln!(out, "{text}");
}

fn colour(kind: Kind) -> &'static str {
    match kind {
        Kind::Ours => "#2a7fb8",
        Kind::Nginx => "#b5b5b5",
        Kind::Srs => "#d9a648",
        Kind::Floor => "#7fb77e",
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::figure;

    #[test]
    fn bars_are_in_proportion_and_only_drawn_figures_are_there() {
        let mut table = Table::default();
        table.add(Kind::Ours, vec![figure("a < b, ms", 10.0).drawn(), figure("hidden", 1.0)]);
        table.add(Kind::Nginx, vec![figure("a < b, ms", 40.0).drawn()]);
        let svg = svg("t", &table, &[Kind::Ours, Kind::Nginx]).unwrap();
        assert!(svg.contains("a &lt; b") && !svg.contains("hidden"));
        assert!(svg.contains("width=\"140.0\"") && svg.contains("width=\"560.0\""));
        assert!(super::svg("t", &Table::default(), &[Kind::Ours]).is_none());
    }
}
