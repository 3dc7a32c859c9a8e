//! What the server itself says about single requests.

use std::time::Duration;

use realmform::sandbox::Sandbox;

/// The server writes its log a moment after it answered.
const SETTLED: Duration = Duration::from_millis(1500);

/// The request that took the server longest while `work` was done, in milliseconds.
pub fn slowest(server: &Sandbox, work: impl FnOnce()) -> (u64, String) {
    let before = lines(server).len();
    work();
    let requests = lines(server).split_off(before);
    let timed = requests.iter().filter_map(|line| {
        let (request, ms) = line.rsplit_once(' ')?;
        Some((ms.parse().ok()?, request.to_owned()))
    });
    timed.max().unwrap_or_default()
}

fn lines(server: &Sandbox) -> Vec<String> {
    std::thread::sleep(SETTLED);
    let log = server.access_log_file().and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
    log.lines().map(str::to_owned).collect()
}
