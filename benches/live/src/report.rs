//! Figures of all rounds, as tables in Markdown.

use crate::case::Figure;
use crate::server::Kind;
use crate::stats::{Distribution, median_ratio, short};
use std::fmt::Write;

/// One figure of one case: what each server gave in each round.
#[derive(Clone, Debug)]
pub struct Row {
    /// The figure's name, goal and whether it is drawn.
    pub figure: Figure,
    /// Values of each server in the order of the rounds.
    pub values: Vec<(Kind, Vec<f64>)>,
}

impl Row {
    /// The values of one server.
    pub fn of(&self, kind: Kind) -> &[f64] {
        self.values.iter().find(|(k, _)| *k == kind).map_or(&[], |(_, v)| v)
    }
}

/// All figures of one case, in the order in which the case gives them.
#[derive(Clone, Debug, Default)]
pub struct Table {
    rows: Vec<Row>,
}

impl Table {
    /// Adds what one run gave.
    pub fn add(&mut self, kind: Kind, figures: Vec<Figure>) {
        for figure in figures {
            let row = match self.rows.iter().position(|r| r.figure.name == figure.name) {
                Some(at) => at,
                None => {
                    self.rows.push(Row { figure: figure.clone(), values: Vec::new() });
                    self.rows.len() - 1
                }
            };
            let values = &mut self.rows[row].values;
            match values.iter_mut().find(|(k, _)| *k == kind) {
                Some((_, list)) => list.push(figure.value),
                None => values.push((kind, vec![figure.value])),
            }
        }
    }

    /// Its rows.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// A Markdown table: median [least–most] for each server, the ratio of the first server to
    /// the second (median of the ratios of each round), and the goal for ours.
    pub fn markdown(&self, servers: &[Kind]) -> String {
        let mut out = String::from("| figure |");
        let pair = servers.first().zip(servers.get(1));
        servers.iter().for_each(|k| write_to(&mut out, format_args!(" {} |", k.name())));
        if let Some((a, b)) = pair {
            write_to(&mut out, format_args!(" {} / {} |", a.name(), b.name()));
        }
        out.push_str(" goal |\n|---|");
        (0..servers.len() + usize::from(pair.is_some()) + 1).for_each(|_| out.push_str("---|"));
        out.push('\n');
        for row in &self.rows {
            write_to(&mut out, format_args!("| {} |", row.figure.name));
            servers
                .iter()
                .for_each(|k| write_to(&mut out, format_args!(" {} |", spread(row.of(*k)))));
            let ratio = pair.map(|(a, b)| median_ratio(row.of(*a), row.of(*b)));
            if let Some(ratio) = ratio {
                write_to(&mut out, format_args!(" {} |", short(ratio)));
            }
            write_to(&mut out, format_args!(" {} |\n", verdict(row, ratio.unwrap_or(f64::NAN))));
        }
        out
    }
}

fn write_to(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    let _ = out.write_fmt(text);
}

/// Median, with the least and the most where there are several values.
fn spread(values: &[f64]) -> String {
    let all = Distribution::new(values.iter().copied());
    match all.len() {
        0 => "–".into(),
        1 => short(all.median()),
        _ => format!("{} [{}–{}]", short(all.median()), short(all.min()), short(all.max())),
    }
}

fn verdict(row: &Row, ratio: f64) -> String {
    let Some(goal) = row.figure.goal else { return String::new() };
    let ours = Distribution::new(row.of(Kind::Ours).iter().copied()).median();
    match (ours.is_nan(), goal.is_met(ours, ratio)) {
        (true, _) => goal.to_string(),
        (false, true) => format!("{goal}: met"),
        (false, false) => format!("{goal}: **not met**"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::{Goal, figure};

    #[test]
    fn medians_spread_ratio_and_goal_are_in_the_table() {
        let mut table = Table::default();
        for (ours, nginx) in [(1.0, 40.0), (3.0, 44.0), (2.0, 50.0)] {
            table.add(Kind::Ours, vec![figure("wait, ms", ours).goal(Goal::AtMost(5.0))]);
            table.add(Kind::Nginx, vec![figure("wait, ms", nginx), figure("more", 7.0)]);
        }
        let text = table.markdown(&[Kind::Ours, Kind::Nginx]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "| figure | ours | nginx | ours / nginx | goal |");
        assert_eq!(
            lines[2],
            "| wait, ms | 2.00 [1.00–3.00] | 44.0 [40.0–50.0] | 0.040 | ≤ 5: met |"
        );
        assert_eq!(lines[3], "| more | – | 7.00 [7.00–7.00] | – |  |");
    }
}
