//! Heads and ledgers in one SQLite file.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use collector::{Head, LedgerHour, LedgerItem, LedgerKind, ListingState, PortError, State, Stream, Written};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::layout::PRIVATE_DIR;

/// The longest wait for the transactions of other processes. Each of them takes milliseconds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(20);

/// Version of the schema below. A file of another version is refused.
const SCHEMA_VERSION: i64 = 1;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS heads (
    stream  TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    head    TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS ledger (
    stream     TEXT NOT NULL,
    kind       TEXT NOT NULL,
    hour       INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    entries    BLOB NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (stream, kind, hour, seq)
) STRICT;
CREATE INDEX IF NOT EXISTS ledger_expiry ON ledger (expires_at);
";

/// Heads and ledgers of one lake, in `{lake}/.audit-pull/state.sqlite`.
///
/// Each write is an immediate transaction, so no other process can write between the check of the head's version and
/// the commit. The write-ahead log is synced at each commit, so a write that was reported as applied survives a loss of
/// power.
#[derive(Debug)]
pub struct LocalState {
    path: PathBuf,
    connection: Connection,
}

impl LocalState {
    /// Opens the lake's state, and creates it if it does not exist. Deletes ledger items that expired before the oldest
    /// time that their stream may still list. That time comes from the vendor's clock, so nothing is lost if our clock
    /// is temporarily ahead.
    ///
    /// # Errors
    /// Fails if the file cannot be created or read, or has another version.
    pub fn open(lake: &Path) -> Result<Self, PortError> {
        let directory = lake.join(PRIVATE_DIR);
        let path = directory.join("state.sqlite");
        let unusable = |error: std::io::Error| {
            PortError::person(format!("cannot open the state in {}: {error}; check --lake", directory.display()))
        };
        fs::create_dir_all(&directory).map_err(unusable)?;
        // If two processes switch to the write-ahead log at the same time, one fails at once instead of waiting. So
        // only one process opens the file at a time. The lock ends when `open_lock` is dropped or the process dies.
        let open_lock = fs::File::create(directory.join("state.lock")).map_err(unusable)?;
        open_lock.lock().map_err(unusable)?;
        let connection = open_database(&path).map_err(|error| failed(&path, &error))?;
        let version: i64 =
            connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(|error| failed(&path, &error))?;
        if version != SCHEMA_VERSION {
            return Err(PortError::person(format!(
                "{} is of version {version}, this program knows {SCHEMA_VERSION}; use the program that made it",
                path.display()
            )));
        }
        Ok(Self { path, connection })
    }

    fn failed(&self, error: &rusqlite::Error) -> PortError {
        failed(&self.path, error)
    }

    fn read_head(&self, stream: &Stream) -> Result<Option<String>, rusqlite::Error> {
        self.connection
            .query_row("SELECT head FROM heads WHERE stream = ?1", [stream.name()], |row| row.get(0))
            .optional()
    }

    fn write_all(
        &self,
        stream: &str,
        expected: Option<u64>,
        head: (u64, &str),
        items: &[LedgerItem],
    ) -> Result<Written, rusqlite::Error> {
        let transaction = Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)?;
        if !put_head(&transaction, stream, expected, head)? {
            return Ok(Written::Refused);
        }
        let mut insert = transaction.prepare(
            "INSERT OR REPLACE INTO ledger (stream, kind, hour, seq, entries, expires_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        for item in items {
            let seq = to_integer(item.seq)?;
            insert.execute(params![stream, kind_name(item.kind), item.hour, seq, item.packed(), item.expires_at])?;
        }
        drop(insert);
        transaction.commit()?;
        Ok(Written::Applied)
    }

    fn read_ledger(
        &self,
        stream: &Stream,
        of: LedgerKind,
        hour: u32,
        after_seq: Option<u64>,
    ) -> Result<Vec<LedgerItem>, rusqlite::Error> {
        let after = after_seq.map_or(Ok(-1), to_integer)?;
        let mut select = self.connection.prepare(
            "SELECT seq, entries, expires_at FROM ledger
             WHERE stream = ?1 AND kind = ?2 AND hour = ?3 AND seq > ?4 ORDER BY seq",
        )?;
        let rows = select.query_map(params![stream.name(), kind_name(of), hour, after], |row| {
            let packed: Vec<u8> = row.get(1)?;
            Ok(LedgerItem {
                kind: of,
                hour,
                seq: u64::try_from(row.get::<_, i64>(0)?)
                    .map_err(|_| rusqlite::Error::IntegralValueOutOfRange(0, -1))?,
                entries: LedgerItem::unpack(&packed).ok_or_else(|| {
                    rusqlite::Error::InvalidColumnType(1, "entries".into(), rusqlite::types::Type::Blob)
                })?,
                expires_at: row.get(2)?,
            })
        })?;
        rows.collect()
    }

    fn read_visible_hours(
        &self,
        stream: &Stream,
        seq: u64,
        hours: &[LedgerHour],
    ) -> Result<Vec<LedgerHour>, rusqlite::Error> {
        let (stream, seq) = (stream.name(), to_integer(seq)?);
        let mut select = self
            .connection
            .prepare("SELECT 1 FROM ledger WHERE stream = ?1 AND kind = ?2 AND hour = ?3 AND seq = ?4")?;
        let mut visible = Vec::new();
        for hour in hours {
            if select.exists(params![stream, kind_name(hour.kind), hour.hour, seq])? {
                visible.push(*hour);
            }
        }
        Ok(visible)
    }
}

impl State for LocalState {
    async fn head(&self, stream: &Stream) -> Result<Option<Head>, PortError> {
        let Some(text) = self.read_head(stream).map_err(|error| self.failed(&error))? else { return Ok(None) };
        Head::from_json(&text)
            .map(Some)
            .map_err(|error| PortError::person(format!("{} for {}: {error}", self.path.display(), stream.name())))
    }

    async fn write(
        &self,
        stream: &Stream,
        expected: Option<u64>,
        head: &Head,
        items: &[LedgerItem],
    ) -> Result<Written, PortError> {
        let text = head
            .to_json()
            .map_err(|error| PortError::person(format!("the head of {} cannot be stored: {error}", stream.name())))?;
        self.write_all(&stream.name(), expected, (head.version, &text), items).map_err(|error| self.failed(&error))
    }

    async fn ledger(
        &self,
        stream: &Stream,
        kind: LedgerKind,
        hour: u32,
        after_seq: Option<u64>,
    ) -> Result<Vec<LedgerItem>, PortError> {
        self.read_ledger(stream, kind, hour, after_seq).map_err(|error| self.failed(&error))
    }

    async fn visible_hours(
        &self,
        stream: &Stream,
        seq: u64,
        hours: &[LedgerHour],
    ) -> Result<Vec<LedgerHour>, PortError> {
        self.read_visible_hours(stream, seq, hours).map_err(|error| self.failed(&error))
    }
}

/// Opens the file, creates its tables if it is new, and deletes expired ledger items.
fn open_database(path: &Path) -> Result<Connection, rusqlite::Error> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if version == 0 {
        let transaction = Transaction::new_unchecked(&connection, TransactionBehavior::Immediate)?;
        transaction.execute_batch(SCHEMA)?;
        transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
        transaction.commit()?;
    } else if version == SCHEMA_VERSION {
        delete_expired(&connection)?;
    }
    Ok(connection)
}

/// Returns the oldest vendor time that may still be listed: the watermark, or the start of older pending work.
fn oldest_to_list(listing: &ListingState) -> i64 {
    let spans = listing.pending.spans.iter().map(|span| span.from);
    let blobs = listing.pending.blobs.iter().map(|blob| blob.created);
    spans.chain(blobs).fold(listing.watermark, i64::min)
}

/// Deletes the ledger items that expired before the oldest time that their stream may still list. It queries first, so
/// that nothing is written if there are none.
fn delete_expired(connection: &Connection) -> Result<(), rusqlite::Error> {
    let mut select = connection.prepare("SELECT stream, head FROM heads")?;
    let heads = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    for (stream, head) in heads.collect::<Result<Vec<(String, String)>, _>>()? {
        // A head that cannot be read is reported when its stream runs.
        let Ok(head) = serde_json::from_str::<Head>(&head) else { continue };
        let Some(oldest) = head.listings.values().map(oldest_to_list).min() else { continue };
        let any = "SELECT EXISTS (SELECT 1 FROM ledger WHERE stream = ?1 AND expires_at < ?2)";
        if connection.query_row(any, params![stream, oldest], |row| row.get(0))? {
            connection.execute("DELETE FROM ledger WHERE stream = ?1 AND expires_at < ?2", params![stream, oldest])?;
        }
    }
    Ok(())
}

/// Replaces the head if it has version `expected`, or inserts it if `expected` is `None` and there is none. Returns
/// `false` if the stored version differs.
fn put_head(
    transaction: &Transaction<'_>,
    stream: &str,
    expected: Option<u64>,
    (version, head): (u64, &str),
) -> Result<bool, rusqlite::Error> {
    let version = to_integer(version)?;
    let changed = match expected {
        None => transaction.execute(
            "INSERT INTO heads (stream, version, head) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
            params![stream, version, head],
        )?,
        Some(expected) => transaction.execute(
            "UPDATE heads SET version = ?2, head = ?3 WHERE stream = ?1 AND version = ?4",
            params![stream, version, head, to_integer(expected)?],
        )?,
    };
    Ok(changed == 1)
}

/// Returns the stored name of a kind of ledger, which must never change.
fn kind_name(kind: LedgerKind) -> &'static str {
    match kind {
        LedgerKind::Rows => "rows",
        LedgerKind::Blobs => "blobs",
    }
}

/// Converts a count to SQLite's signed integers. Fails if it does not fit.
fn to_integer(count: u64) -> Result<i64, rusqlite::Error> {
    i64::try_from(count).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

fn failed(path: &Path, error: &rusqlite::Error) -> PortError {
    let path = path.display();
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => PortError::next_tick(format!(
            "{path} was held by other processes for {} s; nothing was written, the next tick tries again",
            BUSY_TIMEOUT.as_secs()
        )),
        _ => PortError::person(format!("the state in {path} failed: {error}; check the disk, its space and rights")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn err_file_of_another_version() -> Result<(), PortError> {
        let lake = tempfile::tempdir().unwrap();
        let state = LocalState::open(lake.path())?;
        state.connection.pragma_update(None, "user_version", SCHEMA_VERSION + 1).unwrap();
        drop(state);
        let error = LocalState::open(lake.path()).unwrap_err();
        assert!(error.message.contains("is of version 2, this program knows 1"), "{error}");
        Ok(())
    }

    #[test]
    fn pending_work_may_still_be_listed() {
        let listing = r#"{"watermark":900,"spans":[
            {"from":120,"to":130,"first_failure":0,"last_attempt":0,"attempts":1,"next_attempt":0}]}"#;
        assert_eq!(oldest_to_list(&serde_json::from_str(listing).unwrap()), 120);
        assert_eq!(oldest_to_list(&ListingState { watermark: 900, ..ListingState::default() }), 900);
    }

    #[test]
    fn items_expired_before_the_oldest_watermark_are_deleted_on_open() {
        let lake = tempfile::tempdir().unwrap();
        let state = LocalState::open(lake.path()).unwrap();
        let insert = "INSERT INTO ledger VALUES ('s', 'rows', 1, ?1, x'', ?2)";
        for (seq, expires_at) in [(1, 99), (2, 100), (3, 101)] {
            state.connection.execute(insert, [seq, expires_at]).unwrap();
        }
        let head = r#"{"version":1,"id":"i","seq":4,"floor":0,"listings":{"a":{"watermark":900},"b":{"watermark":100}},"written_at":0}"#;
        state.connection.execute("INSERT INTO heads VALUES ('s', 1, ?1)", [head]).unwrap();
        drop(state);
        let state = LocalState::open(lake.path()).unwrap();
        let left: i64 = state
            .connection
            .query_row("SELECT group_concat(seq, '') FROM ledger", [], |row| {
                row.get::<_, String>(0).map(|text| text.parse().unwrap())
            })
            .unwrap();
        assert_eq!(left, 23);
    }

    #[test]
    fn many_threads_may_open_the_state_at_once() {
        let lake = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| (0..20).for_each(|_| drop(LocalState::open(lake.path()).unwrap())));
            }
        });
    }
}
