//! A small generator of random numbers (SplitMix64), and the seeds of random tests: printed, and set by `VENDUE_SEED`.

/// Random numbers from a seed.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to `below - 1`.
    pub fn below(&mut self, below: u64) -> u64 {
        self.next() % below
    }

    /// True once in so many times.
    pub fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }
}

/// Runs `round` with one seed after another, as many as `VENDUE_ROUNDS` says or `rounds`; or only with `VENDUE_SEED`.
/// A failing round prints its seed.
pub fn rounds(rounds: u64, round: impl Fn(u64) + std::panic::RefUnwindSafe) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match number("VENDUE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 1..number("VENDUE_ROUNDS").unwrap_or(rounds) + 1,
    };
    for seed in seeds {
        if let Err(panic) = std::panic::catch_unwind(|| round(seed)) {
            eprintln!("failed with VENDUE_SEED={seed}");
            std::panic::resume_unwind(panic);
        }
    }
}
