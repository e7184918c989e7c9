//! The cost of a compressor in AWS: the time it takes, and the space that its objects take.

use std::cmp::Ordering::{Equal, Greater, Less};

/// Dollars for a GB-second of Lambda on x86, us-east-1, first tier: <https://aws.amazon.com/lambda/pricing/>.
const LAMBDA_GB_SECOND: f64 = 0.000_016_666_7;
/// GB of memory that come with one whole processor: 1,769 MB, <https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>.
/// A function with less has as much less of a processor, so that the same work costs the same.
const GB_OF_ONE_PROCESSOR: f64 = 1_769.0 / 1_024.0;
/// Dollars for a GB-month of S3 Standard, us-east-1, first tier: <https://aws.amazon.com/s3/pricing/>.
const S3_GB_MONTH: f64 = 0.023;
const MONTHS: f64 = 12.0;
const DAYS: f64 = 365.0;
/// Costs are given for a TB of lines. One GB costs too little to be written.
/// AWS counts in powers of two and the table of ten; the few percent between them are the same in every row.
const TB: f64 = 1e12;
const GB: f64 = 1e9;

/// The costs of a TB of lines, in dollars.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub(crate) struct Cost {
    /// Once, for compressing them.
    pub(crate) compress: f64,
    /// Each year, for keeping them.
    pub(crate) year: f64,
}

/// When one is cheaper than another.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Cheaper {
    /// However long lines are kept.
    Always,
    /// If they are kept for more than so many days.
    FromDays(f64),
    /// If they are kept for fewer than so many days.
    UntilDays(f64),
    Never,
}

impl Cost {
    /// Of a compressor that takes so many bytes of lines a second, and makes them so many times smaller.
    pub(crate) fn of(bytes_per_second: f64, ratio: f64) -> Self {
        let compress = TB / bytes_per_second * GB_OF_ONE_PROCESSOR * LAMBDA_GB_SECOND;
        Self { compress, year: TB / GB / ratio * S3_GB_MONTH * MONTHS }
    }

    /// Compressing and one year of keeping.
    pub(crate) fn first_year(self) -> f64 {
        self.compress + self.year
    }

    /// When it is cheaper than `other`.
    pub(crate) fn cheaper_than(self, other: Self) -> Cheaper {
        let days = (self.compress - other.compress) / (other.year - self.year) * DAYS;
        match (self.compress.total_cmp(&other.compress), self.year.total_cmp(&other.year)) {
            (Less, Less | Equal) | (Equal, Less) => Cheaper::Always,
            (Greater, Less) => Cheaper::FromDays(days),
            (Less, Greater) => Cheaper::UntilDays(days),
            (Equal | Greater, Equal | Greater) => Cheaper::Never,
        }
    }
}
