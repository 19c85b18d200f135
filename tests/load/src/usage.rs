pub struct Usage {
    pub cpu_s: f64,
    pub resident_kb: u64,
}

/// What a process has used, with all its threads.
pub fn usage(pid: &str) -> Usage {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("the server's process");
    // Its name, in brackets, may have spaces in it.
    let (_, fields) = stat.rsplit_once(')').expect("a line of /proc");
    let fields: Vec<u64> = fields
        .split_whitespace()
        .map(|field| field.parse().unwrap_or(0))
        .collect();
    const TICKS: f64 = 100.0;
    const PAGE_KB: u64 = 4;
    Usage {
        cpu_s: (fields[11] + fields[12]) as f64 / TICKS,
        resident_kb: fields[21] * PAGE_KB,
    }
}
