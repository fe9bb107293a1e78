//! The dated record of a run: tables, plots, machine, versions and every round's values.

use crate::case::Case;
use crate::cli::Options;
use crate::report::Table;
use crate::stats::short;
use crate::{chart, procfs};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Writes the record and its plots into `dir`: the record's path.
pub fn write(
    dir: &Path,
    options: &Options,
    tables: &[(Case, Table)],
    load_before: &str,
) -> Result<PathBuf, String> {
    let text = |e: std::io::Error| format!("{}: {e}", dir.display());
    fs::create_dir_all(dir).map_err(text)?;
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    let (date, time) = utc(seconds);
    let stem = format!("{date}-{}-live", time.replace(':', ""));
    let mut out = format!("# Live servers, {date} {time} UTC\n\n");
    out.push_str(&conditions(options, load_before));
    for (case, table) in tables {
        out.push_str(&format!("\n## {}\n\n", case.title()));
        if let Some(svg) = chart::svg(&case.title(), table, &options.servers) {
            let name = format!("{stem}-{}.svg", case.slug());
            fs::write(dir.join(&name), svg).map_err(text)?;
            out.push_str(&format!("![{}]({name})\n\n", case.title()));
        }
        out.push_str(&table.markdown(&options.servers));
        out.push_str(&rounds(table));
    }
    let path = dir.join(format!("{stem}.md"));
    fs::write(&path, out).map_err(text)?;
    Ok(path)
}

fn conditions(options: &Options, load_before: &str) -> String {
    let mut out = format!("- machine: {}\n", procfs::machine());
    let after = procfs::load_average();
    out.push_str(&format!("- load average before and after: {load_before} · {after}\n"));
    for kind in &options.servers {
        out.push_str(&format!("- {}: {}\n", kind.name(), options.programs.version(*kind)));
    }
    let (rounds, seconds) = (options.rounds, options.seconds);
    out.push_str(&format!(
        "- {rounds} interleaved rounds, {seconds} s measured in each run where the case is timed\n\
         - median [least–most] of the rounds; ratios are medians of the ratios of each round\n"
    ));
    out
}

/// Every value, for those who want to reckon anew.
fn rounds(table: &Table) -> String {
    let mut out = String::from("\n<details><summary>every round</summary>\n\n");
    for row in table.rows() {
        for (kind, values) in &row.values {
            let values: Vec<String> = values.iter().map(|v| short(*v)).collect();
            out.push_str(&format!(
                "- {} · {}: {}\n",
                row.figure.name,
                kind.name(),
                values.join(", ")
            ));
        }
    }
    out.push_str("\n</details>\n");
    out
}

/// Date and time of day of a Unix time (the civil-from-days reckoning of the Gregorian calendar).
fn utc(seconds: u64) -> (String, String) {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Days since 0000-03-01, in eras of 400 years.
    let shifted = days + 719_468;
    let (era, day) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let date = format!("{year:04}-{month:02}-{day_of_month:02}");
    let time = format!("{:02}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60);
    (date, time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        let date = |seconds| utc(seconds).0;
        assert_eq!(utc(0), ("1970-01-01".into(), "00:00:00".into()));
        assert_eq!(utc(951_782_399), ("2000-02-28".into(), "23:59:59".into()));
        assert_eq!(date(951_782_400), "2000-02-29");
        assert_eq!(date(1_709_251_200), "2024-03-01");
        assert_eq!(date(4_107_542_400), "2100-03-01");
    }
}
