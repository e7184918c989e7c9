//! The people of the simulated organization, with their locations, projects and user agents.

/// The e-mail addresses of the people.
pub(super) const EMAILS: [&str; 8] = [
    "mina.okafor@example.com",
    "jens.aaberg@example.com",
    "li.wei@example.com",
    "sofia.álvarez@example.com",
    "tom.o'brien@example.com",
    "anneke.de.vries@example.org",
    "root+audit@example.com",
    "ravi.kumar@example.net",
];

/// The projects of the organization: id and name.
pub(super) const PROJECTS: [(&str, &str); 5] = [
    ("proj_7Hc2NpWmR5kVxTqa", "Ledger Assistant"),
    ("proj_Bz91LmQe4XtYw0Su", "Übersetzung"),
    ("proj_Kd8sPq3VnJ6hRz2C", "チャット評価"),
    ("proj_Xw5TfG7yUi1oAe9D", "Batch jobs"),
    ("proj_default", "Default project"),
];

/// Locations of the people: country, city, region, region code, latitude and longitude.
pub(super) const PLACES: [[&str; 6]; 4] = [
    ["KR", "Busan", "Busan", "26", "35.17950", "129.07560"],
    ["DE", "Köln", "Nordrhein-Westfalen", "NW", "50.93330", "6.95000"],
    ["US", "Portland", "Oregon", "OR", "45.52340", "-122.67620"],
    ["BR", "São Paulo", "São Paulo", "SP", "-23.54750", "-46.63610"],
];

/// User agents of the people's sessions.
pub(super) const USER_AGENTS: [&str; 4] = [
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:142.0) Gecko/20100101 Firefox/142.0",
    "python-requests/2.32.5",
];
