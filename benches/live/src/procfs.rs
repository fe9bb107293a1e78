//! CPU time and memory of processes, read from /proc.

use std::fs::read_to_string;

/// What a process and its descendants have used.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// User and system CPU time in seconds, threads that have ended included.
    pub cpu: f64,
    /// Resident memory in KiB; pages that processes share count for each.
    pub rss_kib: u64,
    /// Resident memory in KiB that is of no file: the program itself, whose pages come as they are first run, is not in it.
    pub private_kib: u64,
    /// Resident memory in KiB; pages that processes share count once.
    pub pss_kib: u64,
    /// Context switches of the threads that live.
    pub switches: u64,
}

/// Reads the usage of `root` and its descendants; those that end meanwhile count as nothing.
pub fn usage(root: u32) -> Usage {
    let ticks = rustix::param::clock_ticks_per_second() as f64;
    let mut sum = Usage::default();
    for pid in tree(root) {
        let file = |name: &str| read_to_string(format!("/proc/{pid}/{name}")).unwrap_or_default();
        sum.cpu += cpu_ticks(&file("stat")).unwrap_or(0) as f64 / ticks;
        let memory = file("smaps_rollup");
        sum.rss_kib += field(&memory, "Rss:").unwrap_or(0);
        sum.private_kib += field(&memory, "Anonymous:").unwrap_or(0);
        sum.pss_kib += field(&memory, "Pss:").unwrap_or(0);
        for task in tasks(pid) {
            let status =
                read_to_string(format!("/proc/{pid}/task/{task}/status")).unwrap_or_default();
            let switches = ["voluntary_ctxt_switches:", "nonvoluntary_ctxt_switches:"];
            sum.switches += switches.iter().filter_map(|s| field(&status, s)).sum::<u64>();
        }
    }
    sum
}

fn tasks(pid: u32) -> Vec<u32> {
    let Ok(entries) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    entries.flatten().filter_map(|e| e.file_name().to_str()?.parse().ok()).collect()
}

/// A process and all its descendants, parents first.
pub fn tree(root: u32) -> Vec<u32> {
    let mut all = vec![root];
    let mut next = 0;
    while let Some(&pid) = all.get(next) {
        next += 1;
        for task in tasks(pid) {
            let children = read_to_string(format!("/proc/{pid}/task/{task}/children"));
            let children = children.unwrap_or_default();
            all.extend(children.split_whitespace().filter_map(|c| c.parse::<u32>().ok()));
        }
    }
    all
}

/// utime + stime of a `stat` file (proc(5)); the process name in it may hold anything.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}

/// The number after a label that begins a line.
fn field(text: &str, label: &str) -> Option<u64> {
    let line = text.lines().find_map(|l| l.strip_prefix(label))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Kernel memory of all TCP sockets in KiB (pages of 4 KiB).
pub fn tcp_memory_kib() -> u64 {
    let text = read_to_string("/proc/net/sockstat").unwrap_or_default();
    let tcp = text.lines().find(|l| l.starts_with("TCP:")).unwrap_or_default();
    let pages = tcp.split_whitespace().skip_while(|w| *w != "mem").nth(1);
    pages.and_then(|p| p.parse::<u64>().ok()).unwrap_or(0) * 4
}

/// One line that says what machine this is.
pub fn machine() -> String {
    let cpuinfo = read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo.lines().find_map(|l| l.strip_prefix("model name")?.split_once(':'));
    let model = model.map_or("unknown processor", |(_, m)| m.trim());
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let meminfo = read_to_string("/proc/meminfo").unwrap_or_default();
    let gib = field(&meminfo, "MemTotal:").unwrap_or(0) as f64 / 1024.0 / 1024.0;
    let kernel = read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{model}, {cores} cores, {gib:.0} GiB, Linux {}", kernel.trim())
}

/// The load averages over 1, 5 and 15 minutes, as the kernel writes them.
pub fn load_average() -> String {
    let text = read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_is_found_after_any_name() {
        let stat = "12 (a) b (c)) S 1 2 3 4 5 6 7 8 9 10 31 11 0 0 20";
        assert_eq!(cpu_ticks(stat), Some(42));
        assert_eq!(cpu_ticks("12 (cut) S 1 2"), None);
    }

    #[test]
    fn labels_begin_their_line() {
        let text = "nonvoluntary_ctxt_switches:\t9\nvoluntary_ctxt_switches:\t41\nRss:   1234 kB\n";
        assert_eq!(field(text, "voluntary_ctxt_switches:"), Some(41));
        assert_eq!(field(text, "Rss:"), Some(1234));
        assert_eq!(field(text, "Pss:"), None);
    }

    #[test]
    fn this_process_is_in_its_own_tree_and_uses_memory() {
        assert!(tree(std::process::id()).contains(&std::process::id()));
        assert!(usage(std::process::id()).rss_kib > 0);
    }
}
