//! A network namespace of its own: no server started here can be reached from anywhere else.

use std::process::Command;

/// Says to a child that it is inside.
const INSIDE: &str = "STREAMCORE_BENCH_NAMESPACE";

/// Runs this program again, with the same arguments, in a new network namespace whose loopback
/// interface is up. `Ok(true)`: that is done, and nothing is left to do here. `Ok(false)`: this
/// is the program inside.
pub fn enter() -> Result<bool, String> {
    if std::env::var_os(INSIDE).is_some() {
        let up = Command::new("ip").args(["link", "set", "lo", "up"]).status();
        return match up {
            Ok(status) if status.success() => Ok(false),
            other => Err(format!("ip link set lo up: {other:?}")),
        };
    }
    let program = std::env::current_exe().map_err(|e| e.to_string())?;
    let status = Command::new("unshare")
        .args(["--net", "--map-root-user", "--"])
        .arg(program)
        .args(std::env::args_os().skip(1))
        .env(INSIDE, "1")
        .status()
        .map_err(|e| format!("unshare: {e}"))?;
    if status.success() { Ok(true) } else { Err(format!("in the namespace: {status}")) }
}
