//! The cost of a compressor on AWS: the computing time in Lambda, and the storage of the objects in S3.

use std::cmp::Ordering::{Equal, Greater, Less};

/// Dollars per GB-second of Lambda on x86 in us-east-1, first tier: <https://aws.amazon.com/lambda/pricing/>.
const LAMBDA_DOLLARS_PER_GB_SECOND: f64 = 0.000_016_666_7;
/// The memory of a function that gets one whole processor, in GB: 1,769 MB, see
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>. With less memory a function gets a
/// proportionally smaller share of a processor, so the same work costs the same.
const GB_OF_ONE_PROCESSOR: f64 = 1_769.0 / 1_024.0;
/// Dollars per GB-month of S3 Standard in us-east-1, first tier: <https://aws.amazon.com/s3/pricing/>.
const S3_DOLLARS_PER_GB_MONTH: f64 = 0.023;
const MONTHS_PER_YEAR: f64 = 12.0;
const DAYS_PER_YEAR: f64 = 365.0;
/// The number of bytes in a TB. Costs are given per TB of lines, because the cost of one GB is too small to print.
/// AWS's GB are powers of two and ours are powers of ten. The difference of a few percent is the same for every
/// compressor.
const TB_BYTES: f64 = 1e12;
const GB: f64 = 1e9;

/// The cost of one TB of lines, in dollars.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub(crate) struct Cost {
    /// The cost of compressing the lines once.
    pub(crate) compress: f64,
    /// The cost of storing the compressed lines for one year.
    pub(crate) year: f64,
}

/// The retention times at which one compressor is cheaper than another.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Cheaper {
    /// Cheaper for any retention time.
    Always,
    /// Cheaper if lines are kept for more than this number of days.
    FromDays(f64),
    /// Cheaper if lines are kept for fewer than this number of days.
    UntilDays(f64),
    Never,
}

impl Cost {
    /// Returns the cost of a compressor with this speed and this compression ratio.
    pub(crate) fn of(bytes_per_second: f64, ratio: f64) -> Self {
        let compress = TB_BYTES / bytes_per_second * GB_OF_ONE_PROCESSOR * LAMBDA_DOLLARS_PER_GB_SECOND;
        Self { compress, year: TB_BYTES / GB / ratio * S3_DOLLARS_PER_GB_MONTH * MONTHS_PER_YEAR }
    }

    /// Returns the cost of compressing the lines and of storing them for one year.
    pub(crate) fn first_year(self) -> f64 {
        self.compress + self.year
    }

    /// Returns the retention times at which `self` is cheaper than `other`.
    pub(crate) fn cheaper_than(self, other: Self) -> Cheaper {
        let days = (self.compress - other.compress) / (other.year - self.year) * DAYS_PER_YEAR;
        match (self.compress.total_cmp(&other.compress), self.year.total_cmp(&other.year)) {
            (Less, Less | Equal) | (Equal, Less) => Cheaper::Always,
            (Greater, Less) => Cheaper::FromDays(days),
            (Less, Greater) => Cheaper::UntilDays(days),
            (Equal | Greater, Equal | Greater) => Cheaper::Never,
        }
    }
}
